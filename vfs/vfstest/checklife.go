package vfstest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"sync"
	"testing/fstest"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// bigTree holds an object too large for any buffer, and a long directory.
func bigTree(*Options) Tree {
	tree := Tree{Files: map[string]string{"big.bin": string(pattern(4 << 20))}}
	for i := range 40 {
		tree.Files["many/"+string(rune('0'+i/10))+string(rune('0'+i%10))] = "x"
	}
	return tree
}

func checkCancel(p *probe) {
	p.checkCanceledBefore()
	p.checkCanceledBody()
	p.checkCanceledList()
}

// checkCanceledBefore: with a canceled context, a call does nothing.
func (p *probe) checkCanceledBefore() {
	live := p.ctx
	ctx, cancel := context.WithCancel(live)
	cancel()
	p.ctx = ctx
	n := name("big.bin")
	_, _, err := p.get(n, vfs.Request{})
	p.fails("Open under a canceled context", n, err, context.Canceled)
	_, err = p.b.Stat(ctx, n, vfs.Request{})
	p.fails("Stat under a canceled context", n, err, context.Canceled)
	entries, err := p.list(name("many"), "")
	p.fails("List under a canceled context", name("many"), err, context.Canceled)
	if len(entries) > 0 {
		p.errorf("List under a canceled context yielded %d entries", len(entries))
	}
	if p.caps.Writable {
		_, err = p.b.Put(ctx, n, strings.NewReader("x"), vfs.PutOptions{})
		p.fails("Put under a canceled context", n, err, context.Canceled)
		err = p.b.Remove(ctx, n, vfs.Cond{})
		p.fails("Remove under a canceled context", n, err, context.Canceled)
	}
	p.ctx = live
	if p.caps.Writable {
		p.holds(n, p.tree.Files["big.bin"])
	}
}

// checkCanceledBody: reading a body fails with the context's error after cancellation.
func (p *probe) checkCanceledBody() {
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	n := name("big.bin")
	obj, err := p.b.Open(ctx, n, vfs.Request{})
	if err != nil {
		p.errorf("Open(%q): %w", n, err)
		return
	}
	defer obj.Body.Close()
	if _, err := io.ReadFull(obj.Body, make([]byte, 1000)); err != nil {
		p.errorf("reading the first 1000 bytes of %q: %w", n, err)
		return
	}
	cancel()
	k, err := io.Copy(io.Discard, obj.Body)
	if !errors.Is(err, context.Canceled) {
		p.errorf("after canceling, the body of %q yielded %d more bytes and ended with %v, want context.Canceled", n, k, err)
	}
}

func (p *probe) checkCanceledList() {
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	dir := name("many")
	var last error
	entries := 0
	for _, err := range p.b.List(ctx, dir, "") {
		if err != nil {
			last = err
			continue
		}
		entries++
		cancel()
	}
	if last == nil {
		p.errorf("after canceling, List(%q) continued to its end, %d entries", dir, entries)
		return
	}
	p.fails("List canceled midway", dir, last, context.Canceled)
}

// checkConcurrency makes all calls concurrently. It is most useful under the race
// detector.
func checkConcurrency(p *probe) {
	names := sorted(p.tree.Files)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range names {
				s := names[(i*7+w*3)%len(names)]
				n, want := name(s), p.tree.Files[s]
				_, data, err := p.get(n, vfs.Request{})
				if err != nil || string(data) != want {
					p.errorf("concurrent Open(%q) yielded %s, %v", n, excerpt(data), err)
				}
				_, data, err = p.get(n, vfs.Request{Range: vfs.RangeSuffix(2)})
				if err != nil || string(data) != want[len(want)-2:] {
					p.errorf("concurrent Open(%q) of a range yielded %s, %v", n, excerpt(data), err)
				}
				if info, err := p.b.Stat(p.ctx, n, vfs.Request{}); err != nil || info.Size != int64(len(want)) {
					p.errorf("Stat(%q) among others: %+v, %v", n, info, err)
				}
				if entries, err := p.list(vfs.Root, ""); err != nil || len(entries) != len(p.tree.expected(vfs.Root)) {
					p.errorf("concurrent List yielded %d entries, %v", len(entries), err)
				}
				missing := name(s + "-missing")
				_, err = p.b.Stat(p.ctx, missing, vfs.Request{})
				p.refuses("Stat", missing, err, reason.Missing)
			}
		})
	}
	wg.Wait()
}

// checkFS: a Jail over the backend is a valid io/fs.FS.
func checkFS(p *probe) {
	j, err := vfs.New(p.b, vfs.Policy{Allow: vfs.Patterns("**")})
	if err != nil {
		p.errorf("vfs.New: %w", err)
		return
	}
	names := sorted(p.tree.Files)
	if err := fstest.TestFS(j, names...); err != nil {
		p.errorf("fstest.TestFS: %w", err)
	}
	data, err := fs.ReadFile(j, names[0])
	if err != nil || !bytes.Equal(data, []byte(p.tree.Files[names[0]])) {
		p.errorf("ReadFile(%q) through a Jail gave %s, %v", names[0], excerpt(data), err)
	}
}
