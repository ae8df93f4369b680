package blob

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"time"

	cdk "gocloud.dev/blob"

	"github.com/bailiwick-fs/bailiwick/backends/internal/keyed"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

const (
	// maxPage is the number of keys that the services list at a time.
	maxPage = 1000
	// maxFiles is the size of a directory of fileblob. That driver lists "a-b/" after
	// "a/" in some directories, and loses what its pages separate, so all of it must fit
	// into one page.
	maxFiles = 1 << 20
)

var (
	errOrder = fmt.Errorf("%w: the driver does not list in the order of keys", vfs.ErrUnavailable)
	errFiles = fmt.Errorf("%w: the directory has too many files for fileblob: use backends/disk", vfs.ErrFailed)
)

// List yields the entries of dir. A common prefix is a directory. A key that ends in a
// slash is not an entry, but makes its directory exist; one with an empty element has no
// name and is left out. So is an object that another program stored under a key that the
// driver shows as a different one.
//
// A page takes one request. If the driver has no Service, or that has no ListAfter, a
// listing that begins in the middle is read from its start. Over fileblob, a listing
// holds all entries of the directory.
//
// The top always exists; any other directory exists if there is a key below it.
func (b *Backend) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return b.list(listing{b: b, ctx: ctx, dir: dir, after: after, hint: driver.ListHintOf(ctx)})
}

// Walk yields all objects below dir in the order of their paths, except over fileblob.
func (b *Backend) Walk(ctx context.Context, dir vfs.Name) iter.Seq2[vfs.Entry, error] {
	if b.files != nil {
		return func(yield func(vfs.Entry, error) bool) {
			yield(vfs.Entry{}, &vfs.Error{Op: "list", Name: dir.String(), Err: vfs.ErrUnsupported})
		}
	}
	return b.list(listing{b: b, ctx: ctx, dir: dir, whole: true})
}

func (b *Backend) list(l listing) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		l := l // a listing can be run again
		if err := l.begin(); err != nil {
			yield(vfs.Entry{}, err)
			return
		}
		for more := true; more; {
			page, err := l.page()
			more = len(l.token) > 0
			if err == nil && !l.found && !more {
				err = l.exists()
			}
			if err != nil {
				yield(vfs.Entry{}, l.fail(err))
				return
			}
			for _, e := range page {
				if err := l.ctx.Err(); err != nil {
					yield(vfs.Entry{}, l.fail(err))
					return
				}
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

// A listing is one call of List or Walk.
type listing struct {
	b      *Backend
	ctx    context.Context
	dir    vfs.Name
	prefix string
	after  string // only keys after it are wanted
	hint   driver.ListHint
	whole  bool   // everything below is wanted, by path
	last   string // the key of the last entry
	token  []byte // of the next page, empty after the last one
	found  bool   // a key below the prefix was found

	requests int
	entries  int
}

func (l *listing) begin() error {
	if err := l.ctx.Err(); err != nil {
		return l.fail(err)
	}
	l.prefix, l.token = l.b.prefix, cdk.FirstPageToken
	switch {
	case l.dir.IsZero():
		return driver.Refuse("list", l.dir, reason.NameEmpty)
	case l.b.bucket == nil:
		return l.fail(errZero)
	}
	if !l.dir.IsRoot() {
		key, err := l.b.key("list", l.dir)
		if err != nil {
			return err
		}
		l.prefix = key + "/"
	}
	if l.b.files != nil {
		return l.b.files.checkDir(l.ctx, l.dir)
	}
	return nil
}

// page requests the next page.
func (l *listing) page() ([]vfs.Entry, error) {
	size := maxPage
	if left := l.hint.Limit - l.entries; left > 0 && l.b.files == nil {
		size = min(left+1, maxPage) // one for the directory's own marker
	}
	objects, err := l.request(size, l.after)
	if err == nil && l.b.files != nil && len(l.token) > 0 {
		l.token = cdk.FirstPageToken
		if objects, err = l.request(maxFiles, l.after); err == nil && len(l.token) > 0 {
			err = errFiles
		}
	}
	if err != nil {
		return nil, err
	}
	l.found = l.found || len(objects) > 0
	entries := l.entriesOf(objects)
	l.entries += len(entries)
	// One page may mix objects and prefixes, but no page may go back behind the
	// previous one.
	slices.SortFunc(entries, func(a, b vfs.Entry) int { return cmp.Compare(a.Key(), b.Key()) })
	entries = slices.CompactFunc(entries, func(a, b vfs.Entry) bool { return a.Key() == b.Key() })
	entries = slices.DeleteFunc(entries, func(e vfs.Entry) bool { return e.Key() <= l.after || e.Key() == l.last })
	if len(entries) == 0 {
		return nil, nil
	}
	if entries[0].Key() < l.last {
		return nil, errOrder
	}
	l.last = entries[len(entries)-1].Key()
	return entries, nil
}

// request sends one request, from the position after on if the service can do that.
func (l *listing) request(size int, after string) ([]*cdk.ListObject, error) {
	if l.requests++; l.hint.Requests > 0 && l.requests > l.hint.Requests && l.b.files == nil {
		return nil, vfs.ErrListBound
	}
	opts := &cdk.ListOptions{Prefix: l.prefix}
	if !l.whole {
		opts.Delimiter = "/"
	}
	if l.b.service != nil {
		if at := keyed.StartAfter(after, vfs.MaxNameBytes-len(l.prefix)); at != "" {
			opts.BeforeList = l.b.service.ListAfter(at)
		}
	}
	objects, next, err := l.b.bucket.ListPage(l.ctx, l.token, size, opts)
	l.token = next
	return objects, err
}

// entriesOf converts the driver's listing into entries. It trusts nothing: it leaves out
// keys from elsewhere, and keys under which the driver would look for another object.
func (l *listing) entriesOf(objects []*cdk.ListObject) []vfs.Entry {
	entries := make([]vfs.Entry, 0, len(objects))
	for _, o := range objects {
		rest, ok := strings.CutPrefix(o.Key, l.prefix)
		if !ok || rest == "" || !l.b.shows(o) {
			continue
		}
		if o.IsDir {
			elem, isDir := strings.CutSuffix(rest, "/")
			if isDir && elem != "" && !strings.Contains(elem, "/") && !l.whole && l.b.isDir(l.dir, elem) {
				entries = append(entries, vfs.Entry{Elem: elem, Kind: vfs.KindDir})
			}
			continue
		}
		if !l.whole && strings.Contains(rest, "/") || strings.HasSuffix(rest, "/") && o.Size == 0 {
			continue
		}
		e := vfs.Entry{Elem: rest, Size: o.Size, ModTime: o.ModTime.Truncate(time.Second)}
		l.b.describe(&e, o)
		entries = append(entries, e)
	}
	return entries
}

// shows reports whether the driver finds o under its key. Anyone can store an object
// under a key that the driver then shows as another one.
func (b *Backend) shows(o *cdk.ListObject) bool {
	key := strings.TrimSuffix(o.Key, "/")
	if !b.holds(key, !o.IsDir) {
		return false
	}
	if b.service != nil {
		stored, ok := b.service.StoredKey(o)
		return ok && strings.HasSuffix(stored, o.Key)
	}
	if b.files != nil && !o.IsDir {
		var st fs.FileInfo
		return o.As(&st) && st.Name() == key[strings.LastIndexByte(key, '/')+1:]
	}
	return true
}

// isDir reports whether fileblob did not merely read a directory out of the name of a
// file.
func (b *Backend) isDir(dir vfs.Name, elem string) bool {
	if b.files == nil {
		return true
	}
	n, err := dir.Child(elem)
	if err != nil {
		return true // no name, and nobody can list it
	}
	st, err := b.files.root.Lstat(b.files.path(n))
	return err == nil && st.IsDir()
}

// describe adds what a directory of fileblob tells about an entry.
func (b *Backend) describe(e *vfs.Entry, o *cdk.ListObject) {
	var st fs.FileInfo
	if b.files == nil || !o.As(&st) {
		return
	}
	switch e.Reason = reason.ForFile(st); {
	case e.Reason == reason.Symlink:
		e.Kind = vfs.KindLink
	case st.Mode().Type() != 0:
		e.Kind = vfs.KindSpecial
	}
	if e.Kind != vfs.KindFile {
		e.Size, e.ModTime = 0, time.Time{}
	}
}

// exists checks a directory for which nothing was listed. It exists even if nothing
// follows a certain key in it.
func (l *listing) exists() error {
	if l.dir.IsRoot() {
		return nil
	}
	if l.after != "" && l.b.service != nil {
		l.token = cdk.FirstPageToken
		objects, err := l.request(1, "")
		l.token = nil
		if err != nil || len(objects) > 0 {
			return err
		}
	}
	return driver.Refuse("list", l.dir, reason.Missing)
}

// fail converts an error of a listing. A missing bucket is not a missing directory.
func (l *listing) fail(err error) error {
	c := &call{Backend: l.b, ctx: l.ctx, op: "list", n: l.dir}
	if _, ok := errors.AsType[*vfs.Error](err); ok {
		return err
	}
	err = c.fail(err)
	if vfs.ReasonOf(err) == reason.Missing {
		return &vfs.Error{Op: c.op, Name: c.n.String(), Err: fmt.Errorf("%w: the bucket cannot be listed", vfs.ErrUnavailable)}
	}
	return err
}
