package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"runtime"
	"strings"
	"time"

	cdk "gocloud.dev/blob"

	"github.com/bailiwick-fs/bailiwick/backends/internal/put"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/ownfile"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// files is the directory of a fileblob bucket. That driver follows symbolic links, waits
// for the writer of a FIFO, and gives two versions of a file the same time; files is what
// prevents it.
type files struct {
	root   *os.Root
	prefix string // of the Backend: "" or ending in a slash
}

// newFiles returns nil for a bucket of another driver.
func newFiles(bucket *cdk.Bucket, dir, prefix string) (*files, error) {
	var top os.FileInfo
	isDir := bucket.As(&top)
	switch {
	case !isDir && dir == "":
		return nil, nil
	case !isDir:
		return nil, errors.New("blob: Options.Dir is set, but the bucket is not a directory of fileblob")
	case dir == "":
		return nil, errors.New("blob: fileblob follows symbolic links: set Options.Dir to its directory, where New can find them, or use backends/disk")
	case runtime.GOOS == "windows" || runtime.GOOS == "darwin" || runtime.GOOS == "ios":
		return nil, errors.New("blob: on this system, a file of fileblob has several spellings: use backends/disk")
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("blob: Options.Dir: %w", err)
	}
	st, err := root.Stat(".")
	if err == nil && !os.SameFile(st, top) {
		err = errors.New("blob: Options.Dir is not the directory of the bucket")
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	return &files{root, prefix}, nil
}

// incomplete matches the files in which fileblob writes with its option NoTempDir.
var incomplete = regexp.MustCompile(`\.[0-9a-f]{16}\.tmp$`)

// maxFile is the length of a file's name for which there is room for the suffix of the
// driver's temporary files.
const maxFile = 255 - len(".0123456789abcdef.tmp")

// fileHolds reports whether fileblob stores the key as a file of its own, or as a
// directory: it keeps the attributes of "a" in "a.attrs".
func fileHolds(key string, object bool) bool {
	for elem := range strings.SplitSeq(key, "/") {
		if strings.HasSuffix(elem, ".attrs") {
			return false
		}
	}
	base := key[strings.LastIndexByte(key, '/')+1:]
	return !object || len(base) <= maxFile && !incomplete.MatchString(base)
}

// path returns the path of n in the root.
func (f *files) path(n vfs.Name) string {
	if !n.IsRoot() {
		return f.prefix + n.String()
	}
	if f.prefix == "" {
		return "."
	}
	return strings.TrimSuffix(f.prefix, "/")
}

// find describes the file or directory n. It fails for a link anywhere on the path, and
// for the process's own files.
func (f *files) find(op string, n vfs.Name, links bool) (fs.FileInfo, error) {
	var found fs.FileInfo
	lstat := func(path string) (_ fs.FileInfo, err error) {
		found, err = f.root.Lstat(path)
		if err == nil && ownfile.Holds() && ownfile.Is(ownfile.IDOf(found)) {
			return nil, driver.Refuse(op, n, reason.OwnFile)
		}
		return found, err
	}
	if f.prefix != "" {
		top, err := vfs.ParseName(f.path(vfs.Root))
		if err == nil {
			err = driver.CheckLinks(op, top, false, lstat, f.root.Readlink)
		}
		if err != nil {
			return nil, driver.Renamed(op, n, err, func(vfs.Name) vfs.Name { return vfs.Name{} })
		}
	}
	if n.IsRoot() {
		return lstat(f.path(n))
	}
	err := driver.CheckLinks(op, n, links,
		func(path string) (fs.FileInfo, error) { return lstat(f.prefix + path) },
		func(path string) (string, error) { return f.root.Readlink(f.prefix + path) })
	return found, err
}

// checkFile refuses what is no regular file of the bucket's directory. It cannot prevent
// that a link or a FIFO appears before the driver opens the file; sameFile notices a link.
func (c *call) checkFile(links bool) error {
	if c.files == nil {
		return nil
	}
	st, err := c.files.find(c.op, c.n, links)
	if err != nil {
		return err
	}
	switch why := reason.ForFile(st); why {
	case "":
		return nil
	case reason.Directory:
		return driver.Refuse(c.op, c.n, reason.Missing)
	default:
		return driver.Refuse(c.op, c.n, why)
	}
}

// sameFile returns a hook that notes which file the driver opens, and a function that
// fails with errOther if that is not the file n.
func (f *files) sameFile(c *call) (Hook, func() error) {
	var opened *os.File
	hook := func(as func(any) bool) error {
		if !as(&opened) {
			return ErrHook
		}
		return nil
	}
	return hook, func() error {
		st, err := opened.Stat()
		if err != nil {
			return c.fail(err)
		}
		at, err := f.find(c.op, c.n, false)
		switch {
		case err != nil:
			return err
		case !os.SameFile(st, at):
			return errOther
		}
		return c.checkFile(false)
	}
}

// checkNew refuses to create n through a link, in place of a directory, and among the
// process's own files.
func (f *files) checkNew(n vfs.Name) error {
	st, err := f.find("put", n, false)
	if err == nil {
		if why := reason.ForFile(st); why != "" {
			return driver.Refuse("put", n, why)
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) || vfs.ReasonOf(err) != reason.Missing || !ownfile.Holds() {
		if vfs.ReasonOf(err) == reason.Missing {
			return nil
		}
		return err
	}
	for elem, dir := n.Base(), n.Dir(); ; elem, dir = dir.Base(), dir.Dir() {
		st, err := f.root.Lstat(f.path(dir))
		if errors.Is(err, fs.ErrNotExist) && !dir.IsRoot() {
			continue
		}
		if err != nil {
			return driver.FSError("put", n, err)
		}
		if ownfile.Reserves(ownfile.IDOf(st), elem) {
			return driver.Refuse("put", n, reason.OwnFile)
		}
		return nil
	}
}

// complete prepares the temporary file for its rename to n, under the lock: its directory
// exists, and its time, which it returns, is later than that of all other versions.
func (f *files) complete(n vfs.Name, temp *os.File, floor time.Time) (time.Time, error) {
	if dir := n.Dir(); !dir.IsRoot() {
		if err := f.root.MkdirAll(f.path(dir), 0o777); err != nil {
			return floor, err
		}
	}
	stamp := put.Stamp(floor, func(t time.Time) (time.Time, error) {
		if err := os.Chtimes(temp.Name(), t, t); err != nil {
			return t, err
		}
		st, err := temp.Stat()
		if err != nil {
			return t, err
		}
		return st.ModTime(), nil
	})
	return stamp, nil
}

// settle makes the directory entry of n durable.
func (f *files) settle(n vfs.Name) error {
	dir, err := f.root.Open(f.path(n.Dir()))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// prune removes the directories that the removal of n left empty, under the lock.
func (f *files) prune(n vfs.Name) {
	for dir := n.Dir(); !dir.IsRoot(); dir = dir.Dir() {
		if f.root.Remove(f.path(dir)) != nil {
			return
		}
	}
}

// checkDir refuses to list what is reached through a link, or is one of the process's
// own directories.
func (f *files) checkDir(ctx context.Context, dir vfs.Name) error {
	if err := ctx.Err(); err != nil {
		return &vfs.Error{Op: "list", Name: dir.String(), Err: err}
	}
	st, err := f.find("list", dir, false)
	switch {
	case dir.IsRoot() && errors.Is(err, fs.ErrNotExist): // nothing below the prefix yet
		return nil
	case err != nil:
		return driver.FSError("list", dir, err)
	case !st.IsDir():
		return driver.Refuse("list", dir, reason.Missing)
	}
	return nil
}
