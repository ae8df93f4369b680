package disk

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/ownfile"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// portable is a tree opened by os.Root. os.Root does not leave the root, but it follows
// links inside it. So the name is walked element by element, and a step counts only if
// the opened file is what has exactly that name, and is not a link.
type portable struct {
	root *os.Root
	why  string
}

func openPortable(dir, why string) (tree, error) {
	if st, err := os.Stat(dir); err == nil && !st.IsDir() {
		return nil, errNotDir(dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	// This also works for a root that may be entered but not read.
	f, err := root.Open(".")
	if err != nil {
		root.Close()
		return nil, err
	}
	f.Close()
	return &portable{root, why}, nil
}

func (t *portable) how() string {
	if t.why != "" {
		return "files are opened by os.Root: " + t.why
	}
	return "files are opened by os.Root"
}

func (t *portable) close() error { return t.root.Close() }

func (t *portable) open(op string, n vfs.Name, links bool) (handle, error) {
	for range maxRaces {
		dir, err := t.walk(op, n, n.Dir(), links)
		if err == nil {
			var st fs.FileInfo
			if st, err = dir.Lstat(n.Base()); err == nil && st.Mode().Type() == fs.ModeSymlink {
				err = t.linkError(op, n, dir, n.String(), links)
			}
			if err == nil {
				return &rootEntry{dir, op, n, st, true}, nil
			}
			dir.Close()
		}
		if err != errRaced {
			return nil, rootError(op, n, err)
		}
	}
	return nil, raced(op, n)
}

// walk opens the directory to of the name n.
func (t *portable) walk(op string, n, to vfs.Name, links bool) (*os.Root, error) {
	dir, err := t.root.OpenRoot(".")
	if err != nil {
		return nil, err
	}
	end := 0
	for elem := range to.Elements() {
		end += len(elem)
		next, err := t.step(op, n, dir, elem, n.String()[:end], links)
		dir.Close()
		if err != nil {
			return nil, err
		}
		dir = next
		end++ // the slash
	}
	return dir, nil
}

func (t *portable) step(op string, n vfs.Name, dir *os.Root, elem, prefix string, links bool) (*os.Root, error) {
	st, err := dir.Lstat(elem)
	switch {
	case err != nil:
		return nil, err
	case st.Mode().Type() == fs.ModeSymlink:
		return nil, t.linkError(op, n, dir, prefix, links)
	case !st.IsDir():
		return nil, fs.ErrNotExist
	}
	next, err := dir.OpenRoot(elem)
	if err != nil {
		return nil, sinceSeen(err)
	}
	if err := same(dir, elem, func() (fs.FileInfo, error) { return next.Stat(".") }); err != nil {
		next.Close()
		return nil, err
	}
	return next, nil
}

// same returns nil if what was opened is now in dir under the name elem, and not the
// target of a link there. While it is open, nothing else can get its identity.
func same(dir *os.Root, elem string, opened func() (fs.FileInfo, error)) error {
	was, err := opened()
	if err != nil {
		return err
	}
	is, err := dir.Lstat(elem)
	if err != nil || !os.SameFile(was, is) || is.Mode().Type() == fs.ModeSymlink {
		return errRaced
	}
	return nil
}

// sinceSeen converts the failure to open something that existed a moment ago. If the
// error means that something else is there now (a link, not a directory, nothing), it
// is a race. os.Root's error about a link that leads outside has no sentinel, so it is
// recognized by excluding the others.
func sinceSeen(err error) error {
	if errors.Is(err, fs.ErrPermission) || isSpecial(err) || isUnholdable(err) || isExhausted(err) || isFault(err) {
		return err
	}
	return errRaced
}

func (t *portable) linkError(op string, n vfs.Name, dir *os.Root, prefix string, links bool) error {
	return linkError(op, n, links, func() (string, string, error) {
		text, err := dir.Readlink(prefix[strings.LastIndexByte(prefix, '/')+1:])
		return prefix, text, err
	})
}

// rootError converts an error of os.Root.
func rootError(op string, n vfs.Name, err error) error {
	var e *vfs.Error
	switch {
	case errors.As(err, &e), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
	case isSpecial(err):
		return driver.Refuse(op, n, reason.SpecialFile)
	case isExhausted(err):
		err = errors.Join(vfs.ErrUnavailable, err)
	}
	return driver.FSError(op, n, err)
}

// A rootEntry is an entry that was inspected in its directory. A file opened afterwards
// counts only if it is the same one. But between the two, another process can put a
// FIFO in its place, which is then opened and closed.
type rootEntry struct {
	dir *os.Root
	op  string
	n   vfs.Name
	st  fs.FileInfo

	fresh bool // st has not been used yet
}

func (e *rootEntry) close() error { return e.dir.Close() }

func (e *rootEntry) stat() (stat, error) {
	if e.fresh {
		e.fresh = false
		return fromInfo(e.st), nil
	}
	st, err := e.dir.Lstat(e.n.Base())
	if err != nil {
		return stat{}, err
	}
	return fromInfo(st), nil
}

func (e *rootEntry) open() (opened, error) {
	defer e.close()
	f, err := e.reopen()
	if err == nil {
		return rootFile{f}, nil
	}
	if err != errRaced {
		err = rootError(e.op, e.n, err)
	}
	return nil, err
}

func (e *rootEntry) readable() error {
	f, err := e.reopen()
	switch err {
	case nil:
		return f.Close()
	case errRaced:
		return err
	}
	return rootError(e.op, e.n, err)
}

func (e *rootEntry) reopen() (*os.File, error) {
	elem := e.n.Base()
	f, err := e.dir.OpenFile(elem, openFlags, 0)
	if err != nil {
		return nil, sinceSeen(err)
	}
	if err = same(e.dir, elem, f.Stat); err == nil {
		var st fs.FileInfo
		if st, err = f.Stat(); err == nil && !os.SameFile(e.st, st) {
			err = errRaced
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// A rootFile is a file opened by os.Root.
type rootFile struct{ f *os.File }

func (r rootFile) stat() (stat, error) {
	st, err := r.f.Stat()
	if err != nil {
		return stat{}, err
	}
	return fromInfo(st), nil
}

func (r rootFile) open() (opened, error)                  { return r, nil }
func (r rootFile) readable() error                        { return nil }
func (r rootFile) pread(p []byte, off int64) (int, error) { return r.f.ReadAt(p, off) }
func (r rootFile) file() *os.File                         { return r.f }

// body returns nil: the os.File exists already.
func (r rootFile) body(context.Context, vfs.Span) (descriptorBody, error) { return nil, nil }

func (r rootFile) close() error { return r.f.Close() }

func fromInfo(fi fs.FileInfo) stat {
	st := stat{mode: fi.Mode().Type(), size: fi.Size(), mtime: fi.ModTime(), id: ownfile.IDOf(fi)}
	st.dev, st.ino, st.nlink = identity(fi)
	return st
}
