//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package disk

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// keepOpen: closing a file sets its time, so it is closed first.
const keepOpen = false

// directory is a folder by its name below an os.Root. If another process exchanges a
// directory for a link between a check and a change, the two can affect different
// directories; os.Root keeps both below the root. There are no locks: only one process
// may write at a time.
type directory struct {
	root *os.Root
	at   string // with a slash at its end, or ""
	own  bool   // close closes root
}

func (t *portable) top() (folder, error) {
	root, err := t.root.OpenRoot(".")
	if err != nil {
		return nil, err
	}
	return directory{root, "", true}, nil
}

func (d directory) close() error {
	if d.own {
		return d.root.Close()
	}
	return nil
}

func (d directory) open(elem string) (folder, error) {
	if elem == "." {
		return directory{root: d.root, at: d.at}, nil
	}
	st, err := d.root.Lstat(d.at + elem)
	if err != nil {
		return nil, err
	}
	if !st.IsDir() {
		return nil, errRaced // the caller finds out what it is
	}
	return directory{root: d.root, at: d.at + elem + "/"}, nil
}

func (d directory) leads(name string) (st stat, err error) {
	at := d.at
	for elem := range strings.SplitSeq(name, "/") {
		if st, err = (directory{root: d.root, at: at}).lstat(elem); err != nil {
			return stat{}, err
		}
		if !st.mode.IsDir() {
			return stat{}, errRaced
		}
		at += elem + "/"
	}
	return st, nil
}

func (d directory) names() ([]string, error) {
	f, err := d.root.Open(d.at + ".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

func (d directory) lstat(elem string) (stat, error) {
	fi, err := d.root.Lstat(d.at + elem)
	if err != nil {
		return stat{}, err
	}
	return fromInfo(fi), nil
}

func (d directory) mkdir(elem string, perm fs.FileMode) error {
	return d.root.Mkdir(d.at+elem, perm)
}

func (d directory) create(elem string) (scratch, error) {
	f, err := d.root.OpenFile(d.at+elem, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (d directory) reclaim(elem string) error { return d.unlink(elem) }

func (d directory) setTime(elem string, modTime time.Time) error {
	return d.root.Chtimes(d.at+elem, modTime, modTime)
}

func (d directory) rename(old string, to folder, elem string) error {
	err := d.root.Rename(d.at+old, to.(directory).at+elem)
	if isHeld(err) {
		if st, looked := to.lstat(elem); looked == nil && st.mode.IsRegular() {
			// Do not wrap err with %w: it would report a permanent lack of permission.
			return fmt.Errorf("%w: another program has the file open: %v", vfs.ErrUnavailable, err)
		}
	}
	return err
}

func (d directory) renameNew(string, folder, string) error { return errPlain }
func (d directory) exchange(string, folder, string) error  { return errPlain }

func (d directory) link(old string, to folder, elem string) error {
	err := d.root.Link(d.at+old, to.(directory).at+elem)
	if isUnsupported(err) {
		return errPlain
	}
	return err
}

func (d directory) unlink(elem string) error { return d.root.Remove(d.at + elem) }
func (d directory) rmdir(elem string) error  { return d.root.Remove(d.at + elem) }

// sync does nothing: Windows has no such call for directories.
func (d directory) sync() error { return nil }

func (d directory) lock() error { return errLockless }
func (d directory) unlock()     {}
