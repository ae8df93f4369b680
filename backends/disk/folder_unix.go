//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package disk

import (
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bailiwick-fs/bailiwick/vfs/ownfile"
)

// keepOpen: the lock on a file being written lasts only while the file is open.
const keepOpen = true

// directory is a folder by its descriptor. On Linux, openat2 would add nothing: for a
// single element, O_NOFOLLOW is enough. So both trees change names in the same way.
type directory struct{ fd int }

func openDirectory(at int, elem string, flags int) (directory, error) {
	fd, err := openat(at, elem, flags|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	return directory{fd}, err
}

func openat(at int, elem string, flags int, perm uint32) (fd int, err error) {
	err = retry(func() (err error) {
		fd, err = unix.Openat(at, elem, flags|unix.O_CLOEXEC, perm)
		return err
	})
	return fd, err
}

// retry calls f again if a signal interrupted it.
func retry(f func() error) error {
	for {
		if err := f(); err != unix.EINTR {
			return err
		}
	}
}

func (d directory) close() error { return unix.Close(d.fd) }

// open needs only search permission: a user who may write to a directory need not be
// able to read those above it.
func (d directory) open(elem string) (folder, error) {
	next, err := openDirectory(d.fd, elem, searchOnly)
	if err != nil {
		return nil, err
	}
	return next, nil
}

// leadsByElements implements leads where no system call resolves a whole name without
// following links.
func (d directory) leadsByElements(name string) (stat, error) {
	at := d
	for elem := range strings.SplitSeq(name, "/") {
		next, err := openDirectory(at.fd, elem, searchOnly)
		if at != d {
			at.close()
		}
		if err != nil {
			return stat{}, err
		}
		at = next
	}
	defer at.close()
	return at.lstat(".")
}

// file opens the directory again, for reading.
func (d directory) file() (*os.File, error) {
	again, err := openDirectory(d.fd, ".", unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(again.fd), "directory"), nil
}

func (d directory) names() ([]string, error) {
	f, err := d.file()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

func (d directory) sync() error {
	f, err := d.file()
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !isUnsupported(err) {
		return err
	}
	return nil
}

func (d directory) lstat(elem string) (stat, error) {
	var st unix.Stat_t
	err := retry(func() error { return unix.Fstatat(d.fd, elem, &st, unix.AT_SYMLINK_NOFOLLOW) })
	if err != nil {
		return stat{}, err
	}
	return fromUnix(&st), nil
}

func (d directory) mkdir(elem string, perm fs.FileMode) error {
	return retry(func() error { return unix.Mkdirat(d.fd, elem, uint32(perm.Perm())) })
}

// create locks the file, since the lock ends with its process, however that ends.
// Between create and lock, reclaim may find the file and treat it as abandoned.
func (d directory) create(elem string) (scratch, error) {
	fd, err := openat(d.fd, elem, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW, 0o666)
	if err != nil {
		return nil, err
	}
	err = flock(fd)
	if err == nil {
		var st unix.Stat_t
		if err = retry(func() error { return unix.Fstat(fd, &st) }); err == nil && st.Nlink == 0 {
			err = errRaced
		}
	}
	switch err {
	case nil, errLockless:
		return os.NewFile(uintptr(fd), "staged"), nil
	case errLocked, errRaced:
		err = errRaced
	default:
		unix.Unlinkat(d.fd, elem, 0)
	}
	unix.Close(fd)
	return nil, err
}

func (d directory) reclaim(elem string) error {
	fd, err := openat(d.fd, elem, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err == nil {
		defer unix.Close(fd)
		if flock(fd) == errLocked {
			return errLocked
		}
	}
	return d.unlink(elem)
}

func (d directory) setTime(elem string, modTime time.Time) error {
	ts, err := unix.TimeToTimespec(modTime)
	if err != nil {
		return err
	}
	return unix.UtimesNanoAt(d.fd, elem, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
}

func (d directory) rename(old string, to folder, elem string) error {
	return retry(func() error { return unix.Renameat(d.fd, old, to.(directory).fd, elem) })
}

func (d directory) renameNew(old string, to folder, elem string) error {
	return d.renameAs(renameNoReplace, old, to, elem)
}

func (d directory) exchange(old string, to folder, elem string) error {
	return d.renameAs(renameExchange, old, to, elem)
}

func (d directory) renameAs(flag uint, old string, to folder, elem string) error {
	err := retry(func() error { return renameat2(d.fd, old, to.(directory).fd, elem, flag) })
	// EINVAL means that the file system does not support the flag, or cannot store the
	// name: then the plain call fails as well.
	if err == unix.EINVAL || isUnsupported(err) {
		return errPlain
	}
	return err
}

func (d directory) link(old string, to folder, elem string) error {
	err := retry(func() error { return unix.Linkat(d.fd, old, to.(directory).fd, elem, 0) })
	if err == unix.EPERM || isUnsupported(err) {
		return errPlain // for example on FAT
	}
	return err
}

func (d directory) unlink(elem string) error {
	return retry(func() error { return unix.Unlinkat(d.fd, elem, 0) })
}

func (d directory) rmdir(elem string) error {
	return retry(func() error { return unix.Unlinkat(d.fd, elem, unix.AT_REMOVEDIR) })
}

func (d directory) lock() error { return flock(d.fd) }
func (d directory) unlock()     { unix.Flock(d.fd, unix.LOCK_UN) }

// flock locks an open file, unless another process has locked it.
func flock(fd int) error {
	err := retry(func() error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) })
	switch {
	case err == unix.EWOULDBLOCK:
		return errLocked
	// NFS locks only files open for writing (EBADF), which a directory never is.
	case err == unix.EBADF, err == unix.ENOLCK, err == unix.EINVAL, err != nil && isUnsupported(err):
		return errLockless
	}
	return err
}

func fromUnix(st *unix.Stat_t) stat {
	var mode fs.FileMode
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		mode = fs.ModeDir
	case unix.S_IFLNK:
		mode = fs.ModeSymlink
	default:
		mode = fs.ModeIrregular
	}
	return stat{
		mode: mode, size: st.Size, mtime: time.Unix(st.Mtim.Unix()),
		dev: uint64(st.Dev), ino: uint64(st.Ino), nlink: uint64(st.Nlink),
		id: ownfile.Inode(uint64(st.Dev), uint64(st.Ino), time.Unix(st.Ctim.Unix())),
	}
}

// top opens the root as a folder of the caller's own, which can be locked.
func (t *portable) top() (folder, error) {
	f, err := t.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d, err := openDirectory(int(f.Fd()), ".", unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	return d, nil
}
