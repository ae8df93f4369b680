package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs/ownfile"
)

// A directory is the locked directory of a Cache. All files are opened through root, so
// a directory that somebody puts in its place, or a link in it, leads nowhere else.
type directory struct {
	path    string
	root    *os.Root
	lock    *os.File
	release func()
	exposed bool // others could write to it before: its contents are not to be used
}

// marker is the file by which New recognizes a directory that it has made.
const marker = "bailiwick-cache"

// openDirectory opens the directory at path, makes it if it is missing, and locks it.
func openDirectory(path string) (*directory, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	d := &directory{path: path, root: root}
	if err := d.take(); err != nil {
		d.close()
		return nil, fmt.Errorf("cache: the directory %s %w", path, err)
	}
	d.release = ownfile.Hold(ownfile.File{Path: path})
	return d, nil
}

// take locks the directory and marks it.
func (d *directory) take() (err error) {
	if d.lock, err = lockDirectory(d.root); err != nil {
		return err
	}
	marked := false
	switch _, err := d.root.Lstat(marker); {
	case err == nil:
		marked = true // it is not written again: the disk may be full
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("cannot be read: %w", err)
	default:
		// What is in it belongs to somebody else, who may have mistyped the path.
		if names, err := d.names(); err != nil || len(names) > 0 {
			return errors.Join(errors.New("is not empty, and is not a cache"), err)
		}
	}
	info, err := d.root.Stat(".")
	if err == nil && isForeign(info) {
		// Only with the rights of root does New get here, and no mode keeps the owner out.
		return errors.New("belongs to another user, who could change what is in it; name a directory of its own")
	}
	if err == nil && runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		d.exposed = info.Mode().Perm()&0o022 != 0
		err = d.root.Chmod(".", 0o700)
	}
	if err == nil && !marked {
		err = d.root.WriteFile(marker, []byte("This directory is a cache. All of it may be removed at any time.\n"), 0o600)
	}
	if err != nil {
		return fmt.Errorf("cannot be used: %w", err)
	}
	return nil
}

// names returns the names of the files, except the one that Windows locks.
func (d *directory) names() ([]string, error) {
	f, err := d.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := f.Readdirnames(-1)
	names := all[:0]
	for _, name := range all {
		if name != lockName {
			names = append(names, name)
		}
	}
	return names, err
}

// lockName is the file that is locked where directories cannot be.
const lockName = "lock"

// room reports whether more than 5 % of the file system are free.
func (d *directory) room() bool {
	free, total, err := space(d.lock, d.path)
	return err != nil || free/5 > total/100
}

// isThere reports whether the path still leads to the directory.
func (d *directory) isThere() bool {
	at, err1 := os.Stat(d.path)
	mine, err2 := d.root.Stat(".")
	return err1 == nil && err2 == nil && os.SameFile(at, mine)
}

func (d *directory) close() error {
	var err error
	if d.lock != nil {
		err = d.lock.Close()
	}
	if d.release != nil {
		d.release()
	}
	return errors.Join(err, d.root.Close())
}

// ErrInUse is matched by the error of New for a directory that a Cache uses.
var ErrInUse = errors.New("is in use by another process")

// pause is how long a directory that failed is not written to, and how far apart the
// messages about it are.
const pause = time.Minute

// trouble notes that the directory failed with err.
func (c *Cache) trouble(err error) {
	now := time.Now()
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.stats.Failures++
	c.brokenUntil = now.Add(pause)
	tell := c.warned.IsZero() || now.Sub(c.warned) >= pause
	if tell {
		c.warned = now
	}
	path := c.dir.path
	c.mu.Unlock()
	if tell {
		c.opts.Logger.Warn("the cache is not used for new objects, its directory fails", slog.String("dir", path), slog.Any("error", err))
	}
}

// usable reports whether the directory can be written to. After a pause it is tried again,
// and made again if it was removed.
func (c *Cache) usable() bool {
	c.mu.Lock()
	d, until := c.dir, c.brokenUntil
	c.mu.Unlock()
	if until.IsZero() || time.Now().Before(until) {
		return until.IsZero()
	}
	there := d.isThere()
	c.mu.Lock()
	switch {
	case c.brokenUntil != until: // another call was faster
		there = c.brokenUntil.IsZero()
		c.mu.Unlock()
		return there
	case there:
		c.brokenUntil = time.Time{}
		c.mu.Unlock()
		return true
	}
	c.brokenUntil = time.Now().Add(pause) // only one call makes it again
	c.mu.Unlock()
	return c.replace(d)
}

// replace makes the directory again, which is no longer at its path.
func (c *Cache) replace(old *directory) bool {
	next, err := openDirectory(old.path)
	if err != nil {
		c.trouble(err)
		return false
	}
	c.mu.Lock()
	c.dir, c.brokenUntil = next, time.Time{}
	var files []*blockFile
	for _, v := range c.names {
		files = append(files, c.dropFile(v)...)
	}
	c.mu.Unlock()
	c.discard(files)
	old.close()
	return true
}

// broken reports whether the directory has just failed. The caller holds mu.
func (c *Cache) broken(now time.Time) bool { return now.Before(c.brokenUntil) }

// isExhausted reports that this process, or the system, has no more descriptors.
func isExhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}
