package probe

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Remove removes what was planted, and no more: a canary that has other content by now stays,
// and so does whatever has taken the place of the tree's directory, which is an error. It may
// be called again. If the directory that the tree was planted in is missing, the error matches
// [fs.ErrNotExist]: this may be another machine. Of a tree that fills a directory, only the
// FIFO and the canaries go: whoever made the directory removes it. What a server still waits
// for at the FIFO, it gets.
func (t *Tree) Remove() error {
	errs := []error{t.removeFIFO()}
	for i, c := range t.m.Outside {
		if err := removeCanary(c.Path, t.m.token(len(t.m.Files)+i)+"\n"); err != nil {
			errs = append(errs, fmt.Errorf("probe: a canary is left: %w", err))
		}
	}
	if t.m.Top != "" {
		if err := t.removeOwn(); err != nil {
			errs = append(errs, fmt.Errorf("probe: the tree is left: %w", err))
		}
	}
	return errors.Join(errs...)
}

// Present reports whether there is anything on this machine for [Tree.Remove] to remove.
func (t *Tree) Present() bool {
	paths := []string{filepath.Join(t.m.Dir, t.Name())}
	for _, c := range t.m.Outside {
		paths = append(paths, c.Path)
	}
	for _, path := range paths {
		if _, err := os.Lstat(path); err == nil && filepath.IsAbs(path) {
			return true
		}
	}
	return false
}

// openRoot opens a directory by the absolute path that the description has. Another system
// may have written it there.
func openRoot(path string) (*os.Root, error) {
	if !filepath.IsAbs(path) {
		return nil, fmt.Errorf("%q is no path of this system: %w", path, fs.ErrNotExist)
	}
	return os.OpenRoot(path)
}

// openOwn opens the tree's own directory, and dir, which holds it. A link or another
// directory in its place is errReplaced. The caller closes both.
func (t *Tree) openOwn() (dir, own *os.Root, err error) {
	if dir, err = openRoot(t.m.Dir); err != nil {
		return nil, nil, err
	}
	name := t.Name()
	if name == "" {
		own, err = dir.OpenRoot(".")
	} else {
		own, err = openDirectory(dir, name)
	}
	if err == nil && t.own != nil {
		var info fs.FileInfo
		if info, err = own.Stat("."); err == nil && !os.SameFile(info, t.own) {
			err = errReplaced
		}
		if err != nil {
			own.Close()
		}
	}
	if err != nil {
		dir.Close()
		return nil, nil, err
	}
	return dir, own, nil
}

// releaseFIFO reports whether a process waits for the FIFO's writer, and ends its wait.
func (t *Tree) releaseFIFO() bool {
	dir, own, err := t.openOwn()
	if err != nil {
		return false
	}
	defer dir.Close()
	defer own.Close()
	return releaseFIFO(own, t.within(t.m.FIFO))
}

func (t *Tree) removeFIFO() error {
	if t.m.FIFO == "" {
		return nil
	}
	dir, own, err := t.openOwn()
	if err != nil {
		return nil // removeOwn says so
	}
	defer dir.Close()
	defer own.Close()
	if err := removeFIFO(own, t.within(t.m.FIFO)); err != nil {
		return fmt.Errorf("probe: the FIFO is left: %w", cause(err))
	}
	return nil
}

// removeOwn removes the tree's directory with all below it.
func (t *Tree) removeOwn() error {
	dir, err := openRoot(t.m.Dir)
	if err != nil {
		return err
	}
	dir.Close()
	dir, own, err := t.openOwn()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	// By the open directory: whoever can rename it can give its name to another one.
	names, err := namesIn(own)
	errs := []error{err}
	for _, name := range names {
		errs = append(errs, own.RemoveAll(name))
	}
	errs = append(errs, own.Close())
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return dir.Remove(t.Name())
}

// removeCanary removes a file that has this content and no other.
func removeCanary(path, content string) error {
	dir, err := openRoot(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	name := filepath.Base(path)
	info, err := dir.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular() || info.Size() != int64(len(content)):
		return nil
	}
	f, err := dir.Open(name)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(f, int64(len(content))+1))
	if err = errors.Join(err, f.Close()); err != nil || string(data) != content {
		return err
	}
	return dir.Remove(name)
}
