package vfstest

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// checkPutVersions: readers during replacements see whole versions, with matching
// metadata.
func checkPutVersions(p *probe) {
	if !p.caps.Writable {
		return
	}
	n := name("replaced/for ever")
	const versions = 60
	p.put(n, version(0), vfs.PutOptions{})
	done := make(chan struct{})
	var wg sync.WaitGroup
	var reads atomic.Int32
	for range 4 {
		wg.Go(func() {
			for {
				p.readVersion(n, &reads)
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for i := range versions {
		if _, err := p.b.Put(p.ctx, n, strings.NewReader(version(i)), vfs.PutOptions{}); err != nil {
			p.errorf("Put(%q): %w", n, err)
		}
	}
	close(done)
	wg.Wait()
	if reads.Load() == 0 {
		p.errorf("no reader got a whole version during replacements")
	}
	p.holds(n, version(versions-1))
}

func (p *probe) readVersion(n vfs.Name, reads *atomic.Int32) {
	obj, err := p.b.Open(p.ctx, n, vfs.Request{})
	if err != nil {
		p.errorf("Open(%q) while it is replaced: %w", n, err)
		return
	}
	defer obj.Body.Close()
	data, err := io.ReadAll(obj.Body)
	if errors.Is(err, vfs.ErrChanged) {
		return
	}
	if err == nil {
		err = whole(string(data), obj.Info.Size)
	}
	if err != nil {
		p.errorf("reading %q while it is replaced gave %w", n, err)
		return
	}
	reads.Add(1)
}

// checkPutWhileReading: a body opened before its object was replaced yields the old
// version to its end, or fails with ErrChanged.
func checkPutWhileReading(p *probe) {
	if !p.caps.Writable {
		return
	}
	n := name("big.bin")
	was := p.tree.Files["big.bin"]
	for _, change := range []func(){
		func() { p.put(n, version(1), vfs.PutOptions{}) },
		func() { p.put(n, strings.Repeat("y", len(was)), vfs.PutOptions{}) },
		func() {
			if err := p.b.Remove(p.ctx, n, vfs.Cond{}); err != nil {
				p.errorf("Remove(%q): %w", n, err)
			}
		},
	} {
		p.put(n, was, vfs.PutOptions{})
		obj, err := p.b.Open(p.ctx, n, vfs.Request{})
		if err != nil {
			p.errorf("Open(%q): %w", n, err)
			return
		}
		head := make([]byte, 1000)
		_, err = io.ReadFull(obj.Body, head)
		if err != nil {
			p.errorf("reading %q: %w", n, err)
		}
		change()
		rest, err := io.ReadAll(obj.Body)
		obj.Body.Close()
		switch {
		case errors.Is(err, vfs.ErrChanged):
		case err != nil:
			p.errorf("continuing to read %q after it was replaced: %w, want the old version or ErrChanged", n, err)
		case string(head)+string(rest) != was:
			p.errorf("continuing to read %q after it was replaced gave %d bytes that are not the old version, and no error", n, len(rest))
		}
	}
}

func checkRemove(p *probe) {
	if !p.caps.Writable {
		return
	}
	for _, s := range []string{"missing", "docs/missing", "digits.txt/x", "missing/x", "docs", "docs/deep"} {
		err := p.b.Remove(p.ctx, name(s), vfs.Cond{})
		p.refuses("Remove", name(s), err, "")
	}
	if err := p.b.Remove(p.ctx, vfs.Root, vfs.Cond{}); err == nil {
		p.errorf("Remove of the top succeeded")
	}
	n := name("digits.txt")
	other := vfs.Cond{IfMatch: vfs.Tags{List: []vfs.Tag{{Value: "not-this-one", Set: true}}}, Unsafe: true}
	p.fails("Remove with If-Match of another version", n, p.b.Remove(p.ctx, n, other), vfs.ErrPrecondition)
	p.unchanged("after a failed Remove")

	var cond vfs.Cond
	if info, err := p.b.Stat(p.ctx, n, vfs.Request{}); err == nil && info.ETag != "" {
		cond = vfs.Cond{IfMatch: vfs.Tags{List: []vfs.Tag{{Value: info.ETag, Set: true}}}, Unsafe: true}
	}
	p.remove(n, cond)
	// A directory disappears with its last object, and not before.
	p.remove(name("docs/deep/a/b"), vfs.Cond{})
	p.remove(name("docs/guide.txt"), vfs.Cond{})
	if _, err := p.b.Stat(p.ctx, name("docs"), vfs.Request{}); !errors.Is(err, fs.ErrNotExist) || vfs.ReasonOf(err) != reason.Missing {
		p.errorf("Stat of a directory whose last object was removed: %w", err)
	}
	for _, s := range sorted(p.tree.Files) {
		if _, err := p.b.Stat(p.ctx, name(s), vfs.Request{}); err == nil {
			p.remove(name(s), vfs.Cond{})
		}
	}
	checkListEmpty(p)
}

// remove removes n and checks that n, and nothing else, is gone.
func (p *probe) remove(n vfs.Name, cond vfs.Cond) {
	if err := p.b.Remove(p.ctx, n, cond); err != nil {
		p.errorf("Remove(%q): %w", n, err)
		return
	}
	delete(p.tree.Files, n.String())
	_, _, err := p.get(n, vfs.Request{})
	p.refuses("Open of a removed object", n, err, reason.Missing)
	if got, want := p.walk(vfs.Root), sorted(p.tree.Files); !slices.Equal(got, want) {
		p.errorf("after Remove(%q), the backend holds %+q,\nwant %+q", n, got, want)
	}
}
