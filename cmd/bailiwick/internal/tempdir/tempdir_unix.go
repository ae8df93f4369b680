//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package tempdir

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// The dot hides the directories from patterns such as "**", if the shared directory is
	// itself served.
	prefix = ".bailiwick-serve-"
	// marker is a file in each directory. Where others may rename directories, they cannot
	// pass off another directory of this user as a leftover.
	marker = "bailiwick-temporary"
)

// variables name the directory for Go and for SQLite.
var variables = []string{"TMPDIR", "SQLITE_TMPDIR"}

// A Dir is the temporary directory of this process. The zero Dir is none: the process uses
// the shared one.
type Dir struct {
	path    string
	shared  string            // the directory around it
	restore map[string]string // variables as they were; "" if unset
	root    *os.Root
	lock    *os.File
}

// Path returns the path of the directory, "" if there is none.
func (d *Dir) Path() string { return d.path }

// Shared returns the shared temporary directory, in which Path is; "" if there is none.
func (d *Dir) Shared() string { return d.shared }

// Make makes the directory and sets TMPDIR, so that os.TempDir and SQLite use it. It removes
// what earlier processes of the same user left in the shared temporary directory. On an
// error it returns the zero Dir.
func Make() (*Dir, error) {
	shared, err := filepath.Abs(os.TempDir())
	if err != nil {
		return new(Dir), err
	}
	sweep(shared)
	path, err := os.MkdirTemp(shared, prefix)
	if err != nil {
		return new(Dir), err
	}
	d := &Dir{path: path, shared: shared, restore: map[string]string{}}
	if err := d.take(); err != nil {
		return new(Dir), errors.Join(err, d.Remove())
	}
	for _, key := range variables {
		d.restore[key] = os.Getenv(key)
		os.Setenv(key, path)
	}
	return d, nil
}

// take opens and locks the directory. Without a lock it gets no marker, and nobody sweeps it.
func (d *Dir) take() error {
	var err error
	if d.root, err = os.OpenRoot(d.path); err != nil {
		return err
	}
	if d.lock, err = d.root.Open("."); err != nil {
		return err
	}
	if unix.Flock(int(d.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		return nil
	}
	return d.root.WriteFile(marker, nil, 0o600)
}

// Remove removes the directory and all in it. A sandbox has to allow that empty directories
// are removed from the shared one; it need not allow to read that.
func (d *Dir) Remove() error {
	if d.path == "" {
		return nil
	}
	for key, value := range d.restore {
		if value == "" {
			os.Unsetenv(key)
		} else {
			os.Setenv(key, value)
		}
	}
	var err error
	if d.lock != nil {
		err = empty(d.root, d.lock)
		defer d.lock.Close()
	}
	if d.root != nil {
		defer d.root.Close()
	}
	return errors.Join(err, os.Remove(d.path))
}

// sweep removes what killed processes left in the shared temporary directory.
func sweep(shared string) {
	dir, err := os.Open(shared)
	if err != nil {
		return
	}
	defer dir.Close()
	for {
		names, err := dir.Readdirnames(1000)
		for _, name := range names {
			if strings.HasPrefix(name, prefix) {
				sweepOne(filepath.Join(shared, name))
			}
		}
		if err != nil {
			return
		}
	}
}

// sweepOne removes a directory if it is one that a process of this user made, and that
// process has ended. Others may write to the shared directory, so whatever is decided about
// the directory is decided about its descriptor, through which its content is removed; the
// path is used only to remove an empty directory.
func sweepOne(path string) {
	named, err := os.Lstat(path)
	if err != nil || !isOurs(named) || !named.IsDir() {
		return
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return
	}
	defer root.Close()
	dir, err := root.Open(".")
	if err != nil {
		return
	}
	defer dir.Close()
	opened, err := dir.Stat()
	if err != nil || !os.SameFile(named, opened) {
		return
	}
	if mark, err := root.Lstat(marker); err != nil || !mark.Mode().IsRegular() || !isOurs(mark) {
		return
	}
	if unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		return // its process lives
	}
	if empty(root, dir) == nil {
		os.Remove(path)
	}
}

// isOurs reports whether a file belongs to the user of this process and is closed to others.
func isOurs(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid() && info.Mode().Perm()&0o077 == 0
}

// empty removes all entries of a directory, the marker last: what is left after a failure can
// still be swept.
func empty(root *os.Root, dir *os.File) error {
	if _, err := dir.Seek(0, io.SeekStart); err != nil {
		return err
	}
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name != marker {
			err = errors.Join(err, root.RemoveAll(name))
		}
	}
	if err != nil {
		return err
	}
	if err := root.Remove(marker); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
