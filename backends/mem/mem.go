// Package mem keeps objects in memory, for tests and small trees. [New] returns an
// empty [Backend], [FromMap] one with a given tree.
//
// It stores them in an afero.MemMapFs and prevents the problems of that: a file becomes
// a directory when another is created below it, a non-empty directory can be removed,
// readers see incomplete writes, and two versions can have the same time.
//
// An object is stored in one piece and without a size limit. All objects are lost when
// the process ends.
package mem

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/afero"
	"github.com/spf13/afero/mem"

	"github.com/bailiwick-fs/bailiwick/backends/internal/put"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A Backend keeps objects in memory. It is safe for concurrent use and need not be
// closed.
//
// An open object keeps its bytes, whatever is put or removed meanwhile. No two versions
// have the same ETag.
type Backend struct {
	// mu is held for writing while an object is stored or removed, and for reading
	// while one is looked up. A stored file never changes: Put creates a new one.
	mu      sync.RWMutex
	files   afero.MemMapFs
	objects map[vfs.Name]object  // the regular files in files
	dirs    map[vfs.Name]*keySet // the entries' keys; directories are never empty
	last    time.Time            // the latest time given to an object
}

// An object is a stored file with its metadata.
type object struct {
	data *mem.FileData
	info vfs.Info
}

var _ vfs.Backend = (*Backend)(nil)

// New returns an empty Backend.
func New() *Backend {
	return &Backend{objects: map[vfs.Name]object{}, dirs: map[vfs.Name]*keySet{}}
}

// FromMap returns a Backend that contains the given objects, by name. It fails if a key
// is not a valid name, or is below another key.
func FromMap(objects map[string]string) (*Backend, error) {
	b := New()
	for _, key := range slices.Sorted(maps.Keys(objects)) {
		n, err := vfs.ParseName(key)
		if err != nil {
			return nil, fmt.Errorf("mem: %q is not a valid name: %s", key, vfs.ReasonOf(err).Detail())
		}
		if _, err := b.store(n, []byte(objects[key]), vfs.PutOptions{}); err != nil {
			return nil, fmt.Errorf("mem: %q is below another object, or another object is below it", key)
		}
	}
	return b, nil
}

// Caps returns what the backend supports.
func (b *Backend) Caps() vfs.Caps {
	return vfs.Caps{Kind: "mem", Writable: true, Directories: true, Ranges: true, Moves: true}
}

// Open returns the object n. Its Body is an io.Seeker and an io.ReaderAt.
func (b *Backend) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	o, err := b.get(ctx, "open", n)
	if err != nil {
		return nil, err
	}
	span, err := req.Resolve("open", o.info)
	if err != nil {
		return nil, err
	}
	return &vfs.Object{Info: o.info, Span: span, Body: &body{ctx: ctx, data: o.data, span: span}}, nil
}

// Stat describes the object n.
func (b *Backend) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	o, err := b.get(ctx, "stat", n)
	if err != nil {
		return vfs.Info{}, err
	}
	req.Range = vfs.Range{}
	if _, err := req.Resolve("stat", o.info); err != nil {
		return vfs.Info{}, err
	}
	return o.info, nil
}

func (b *Backend) get(ctx context.Context, op string, n vfs.Name) (object, error) {
	if err := ctx.Err(); err != nil {
		return object{}, &vfs.Error{Op: op, Name: n.String(), Err: err}
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.find(op, n)
}

// find returns the object n. The caller holds mu.
func (b *Backend) find(op string, n vfs.Name) (object, error) {
	o, ok := b.objects[n]
	switch {
	case ok:
		return o, nil
	case n.IsZero():
		return object{}, driver.Refuse(op, n, reason.NameEmpty)
	case n.IsRoot() || !b.dirs[n].empty():
		return object{}, driver.Refuse(op, n, reason.Directory)
	}
	return object{}, driver.Refuse(op, n, reason.Missing)
}

// List yields the entries of dir in order. It always continues after the last entry
// that it yielded, whatever is put and removed meanwhile, and holds only a few entries
// at a time.
func (b *Backend) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		hint := driver.ListHintOf(ctx)
		keys, err := b.keysAfter(ctx, dir, after)
		for len(keys) > 0 && err == nil {
			for _, key := range keys {
				if err := ctx.Err(); err != nil {
					yield(vfs.Entry{}, &vfs.Error{Op: "list", Name: dir.String(), Err: err})
					return
				}
				if e, ok := b.entry(dir, key, &hint); ok && !yield(e, nil) {
					return
				}
			}
			if keys, err = b.keysAfter(ctx, dir, keys[len(keys)-1]); vfs.ReasonOf(err) == reason.Missing {
				return // the directory was removed during the listing
			}
		}
		if err != nil {
			yield(vfs.Entry{}, err)
		}
	}
}

// keysAfter returns some of the keys in dir after after; none at the end.
func (b *Backend) keysAfter(ctx context.Context, dir vfs.Name, after string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, &vfs.Error{Op: "list", Name: dir.String(), Err: err}
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	keys := b.dirs[dir]
	switch {
	case dir.IsZero():
		return nil, driver.Refuse("list", dir, reason.NameEmpty)
	case !keys.empty():
		return keys.after(after), nil
	case dir.IsRoot():
		return nil, nil
	}
	return nil, driver.Refuse("list", dir, reason.Missing)
}

// entry returns the entry of dir with the key, if it is wanted. It does not call the
// hint's function with mu held: that may call this backend.
func (b *Backend) entry(dir vfs.Name, key string, hint *driver.ListHint) (vfs.Entry, bool) {
	elem, isDir := strings.CutSuffix(key, "/")
	e := vfs.Entry{Elem: elem, Kind: vfs.KindFile}
	if isDir {
		e.Kind = vfs.KindDir
	}
	if hint.Shows != nil && !hint.Shows(elem, e.Kind) {
		return e, false
	}
	if isDir || hint.Names {
		return e, true
	}
	n, err := dir.Child(elem)
	if err != nil {
		return e, false
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	o, ok := b.objects[n]
	e.Size, e.ModTime = o.info.Size, o.info.ModTime
	return e, ok
}

// Put reads body to its end and then stores it. If a parent is an object, the reason is
// reason.Missing, as for Open.
//
// Canceling ctx ends Put between two reads of body; the caller has to end a Read that
// blocks.
func (b *Backend) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	// Check first, so that no body is sent in vain. The check in store decides.
	b.mu.RLock()
	_, err := b.check(n, opts.Cond)
	b.mu.RUnlock()
	if err != nil {
		return vfs.Info{}, err
	}
	var buf bytes.Buffer
	if _, err := buf.ReadFrom(put.Body(ctx, body, opts)); err != nil {
		return vfs.Info{}, &vfs.Error{Op: "put", Name: n.String(), Err: err}
	}
	if err := ctx.Err(); err != nil {
		return vfs.Info{}, &vfs.Error{Op: "put", Name: n.String(), Err: err}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.store(n, buf.Bytes(), opts)
}

// store stores an object. The caller holds mu.
func (b *Backend) store(n vfs.Name, content []byte, opts vfs.PutOptions) (vfs.Info, error) {
	current, err := b.check(n, opts.Cond)
	if err != nil {
		return vfs.Info{}, err
	}
	// Create replaces the old file by a new one and makes directories. Readers of the
	// old file keep it.
	f, err := b.files.Create(path(n))
	if err != nil {
		return vfs.Info{}, driver.FSError("put", n, err)
	}
	if current == nil {
		b.enter(n)
	}
	if _, err = f.Write(content); err == nil {
		err = f.Close()
	}
	if err != nil {
		return vfs.Info{}, driver.FSError("put", n, err)
	}
	info := vfs.Info{Name: n, Size: int64(len(content)), ModTime: b.tick(), ContentTime: opts.ContentTime}
	info.ETag = driver.TimeTag(n.String(), info.ModTime, info.Size)
	data := f.(*mem.File).Data()
	mem.SetModTime(data, info.ModTime)
	b.objects[n] = object{data, info}
	return info, nil
}

// Remove deletes the object n and the directories that this leaves empty.
func (b *Backend) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	if err := ctx.Err(); err != nil {
		return &vfs.Error{Op: "remove", Name: n.String(), Err: err}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	o, err := b.find("remove", n)
	if err != nil {
		return err
	}
	if err := put.Check("remove", n, cond, &o.info); err != nil {
		return err
	}
	return b.remove(n)
}

// remove removes the object n, which exists. The caller holds mu.
func (b *Backend) remove(n vfs.Name) error {
	delete(b.objects, n)
	key := n.Base()
	for {
		if err := b.files.Remove(path(n)); err != nil {
			return driver.FSError("remove", n, err)
		}
		dir := n.Dir()
		if b.dirs[dir].remove(key); !b.dirs[dir].empty() {
			return nil
		}
		delete(b.dirs, dir)
		if dir.IsRoot() {
			return nil
		}
		n, key = dir, dir.Base()+"/"
	}
}

// check checks whether n can be stored under cond, and returns the existing version, or
// nil if there is none. The caller holds mu.
func (b *Backend) check(n vfs.Name, cond vfs.Cond) (*vfs.Info, error) {
	o, err := b.find("put", n)
	if err == nil {
		return &o.info, put.Check("put", n, cond, &o.info)
	}
	if vfs.ReasonOf(err) != reason.Missing {
		return nil, err
	}
	// Otherwise MemMapFs would turn a file above n into a directory.
	for dir := n.Dir(); !dir.IsRoot() && b.dirs[dir].empty(); dir = dir.Dir() {
		if _, ok := b.objects[dir]; ok {
			return nil, driver.FSError("put", n, syscall.ENOTDIR)
		}
	}
	return nil, put.Check("put", n, cond, nil)
}

// enter adds n to its directory, and adds new directories to their parents.
func (b *Backend) enter(n vfs.Name) {
	key := n.Base()
	for ; !n.IsRoot(); n = n.Dir() {
		dir := n.Dir()
		known := b.dirs[dir]
		if known == nil {
			b.dirs[dir] = &keySet{}
		}
		b.dirs[dir].add(key)
		if known != nil {
			return
		}
		key = dir.Base() + "/"
	}
}

// tick returns a time after those of all previous versions, so that an ETag derived
// from it is new, even within one tick of the clock.
func (b *Backend) tick() time.Time {
	now := time.Now()
	if !now.After(b.last) {
		now = b.last.Add(1)
	}
	b.last = now
	return now
}

// path returns n's name in the MemMapFs. Without the slash, it would be another file.
func path(n vfs.Name) string {
	if n.IsRoot() {
		return "/"
	}
	return "/" + n.String()
}
