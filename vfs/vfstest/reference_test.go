package vfstest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// A reference is a minimal backend that fulfills the whole contract.
// TestSuiteFindsFaults builds its broken backends from it.
type reference struct {
	mu      sync.RWMutex
	objects map[string]stored
	version int
}

type stored struct {
	info vfs.Info
	data string
}

var _ vfs.Backend = (*reference)(nil)

func newReference(tree vfstest.Tree) *reference {
	r := &reference{objects: map[string]stored{}}
	for name, data := range tree.Files {
		r.store(must(vfs.ParseName(name)), data)
	}
	return r
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (r *reference) store(n vfs.Name, data string) vfs.Info {
	r.version++
	info := vfs.Info{Name: n, Size: int64(len(data)), ModTime: time.Now(), ETag: "v" + strconv.Itoa(r.version)}
	r.objects[n.String()] = stored{info, data}
	return info
}

func (r *reference) Caps() vfs.Caps {
	return vfs.Caps{Kind: "reference", Writable: true, Directories: true, Ranges: true}
}

func (r *reference) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	o, err := r.find(ctx, "open", n)
	if err != nil {
		return nil, err
	}
	span, err := req.Resolve("open", o.info)
	if err != nil {
		return nil, err
	}
	body, err := driver.NewBody(ctx, struct {
		io.ReadSeeker
		io.Closer
	}{strings.NewReader(o.data), io.NopCloser(nil)}, span)
	if err != nil {
		return nil, err
	}
	return &vfs.Object{Info: o.info, Span: span, Body: body}, nil
}

func (r *reference) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	o, err := r.find(ctx, "stat", n)
	if err != nil {
		return vfs.Info{}, err
	}
	req.Range = vfs.Range{}
	_, err = req.Resolve("stat", o.info)
	return o.info, err
}

func (r *reference) find(ctx context.Context, op string, n vfs.Name) (stored, error) {
	if err := ctx.Err(); err != nil {
		return stored{}, &vfs.Error{Op: op, Name: n.String(), Err: err}
	}
	if o, ok := r.objects[n.String()]; ok {
		return o, nil
	}
	why := reason.Missing
	if r.isDir(n) {
		why = reason.Directory
	}
	return stored{}, &vfs.Error{Op: op, Name: n.String(), Reason: why}
}

func (r *reference) isDir(n vfs.Name) bool {
	for key := range r.objects {
		if strings.HasPrefix(key, n.String()+"/") {
			return true
		}
	}
	return n.IsRoot()
}

func (r *reference) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		entries, found := r.entries(dir)
		if !found {
			yield(vfs.Entry{}, &vfs.Error{Op: "list", Name: dir.String(), Reason: reason.Missing})
			return
		}
		for _, e := range entries {
			if err := ctx.Err(); err != nil {
				yield(vfs.Entry{}, &vfs.Error{Op: "list", Name: dir.String(), Err: err})
				return
			}
			if e.Key() > after && !yield(e, nil) {
				return
			}
		}
	}
}

func (r *reference) entries(dir vfs.Name) ([]vfs.Entry, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	found := map[string]vfs.Entry{}
	for key, o := range r.objects {
		rest, below := strings.CutPrefix(key, dir.String()+"/")
		if dir.IsRoot() {
			rest, below = key, true
		}
		if !below {
			continue
		}
		elem, _, deeper := strings.Cut(rest, "/")
		e := vfs.Entry{Elem: elem, Size: o.info.Size, ModTime: o.info.ModTime}
		if deeper {
			e = vfs.Entry{Elem: elem, Kind: vfs.KindDir}
		}
		found[e.Key()] = e
	}
	entries := slices.SortedFunc(maps.Values(found), func(a, b vfs.Entry) int { return strings.Compare(a.Key(), b.Key()) })
	return entries, len(entries) > 0 || dir.IsRoot()
}

func (r *reference) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	fail := func(err error) (vfs.Info, error) {
		return vfs.Info{}, &vfs.Error{Op: "put", Name: n.String(), Err: err}
	}
	if n.IsZero() || n.IsRoot() {
		return vfs.Info{}, &vfs.Error{Op: "put", Name: n.String(), Reason: reason.NameEmpty}
	}
	var data bytes.Buffer
	for {
		if err := ctx.Err(); err != nil {
			return fail(err)
		}
		_, err := io.CopyN(&data, body, 32<<10)
		if err == io.EOF {
			break
		}
		if err != nil {
			return fail(err)
		}
	}
	if opts.SizeKnown && opts.Size != int64(data.Len()) {
		return fail(io.ErrUnexpectedEOF)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.isDir(n) {
		return fail(errors.New("a directory is in the way"))
	}
	for d := n.Dir(); !d.IsRoot(); d = d.Dir() {
		if _, ok := r.objects[d.String()]; ok {
			return fail(errors.New("a file is in the way"))
		}
	}
	if err := r.checkCond(n, opts.Cond); err != nil {
		return fail(err)
	}
	return r.store(n, data.String()), nil
}

func (r *reference) checkCond(n vfs.Name, cond vfs.Cond) error {
	o, ok := r.objects[n.String()]
	if !ok {
		if cond.NeedsObject() {
			return vfs.ErrPrecondition
		}
		return nil
	}
	req := vfs.Request{Cond: cond}
	_, err := req.Resolve("put", o.info)
	return err
}

func (r *reference) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.find(ctx, "remove", n); err != nil {
		return err
	}
	if err := r.checkCond(n, cond); err != nil {
		return err
	}
	delete(r.objects, n.String())
	return nil
}
