package disk

import (
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// found is a file by an O_PATH descriptor, which pins the inode without opening it.
type found struct {
	t  *openat2Tree
	op string
	n  vfs.Name
	fd int
}

func (f *found) stat() (stat, error) { return statOf(f.fd) }
func (f *found) close() error        { return unix.Close(f.fd) }

// open opens the same inode that was checked: its descriptor's entry in /proc leads to
// the inode, not to a name.
func (f *found) open() (opened, error) {
	defer f.close()
	fd, err := f.t.reopen(f.fd, f.n)
	if err == errRaced {
		return nil, err
	}
	if err != nil {
		return nil, f.t.fail(f.op, f.n, false, err)
	}
	return descriptor(fd), nil
}

// readable checks read permission without opening the file. If that is not supported,
// only the open finds out.
func (f *found) readable() error {
	err := retry(func() error {
		return unix.Faccessat2(f.fd, "", unix.R_OK, unix.AT_EMPTY_PATH|unix.AT_EACCESS)
	})
	switch err {
	case nil:
		return nil
	case unix.ENOSYS, unix.EPERM, unix.EINVAL:
		fd, err := f.t.reopen(f.fd, f.n)
		if err == errRaced {
			return err
		}
		if err != nil {
			return f.t.fail(f.op, f.n, false, err)
		}
		return unix.Close(fd)
	}
	return f.t.fail(f.op, f.n, false, err)
}

// reopen opens the file that fd refers to.
func (t *openat2Tree) reopen(fd int, n vfs.Name) (int, error) {
	if t.procFD >= 0 {
		for {
			again, err := unix.Openat(t.procFD, strconv.Itoa(fd), fileFlags, 0)
			if err != unix.EINTR {
				return again, err
			}
		}
	}
	// The descriptor keeps the inode from being freed, so no other file can have its
	// number.
	again, err := t.openat2(n.String(), &howFile)
	if err != nil {
		return -1, err
	}
	was, err := statOf(fd)
	if err == nil {
		var is stat
		if is, err = statOf(again); err == nil && (is.ino != was.ino || is.dev != was.dev) {
			err = errRaced
		}
	}
	if err != nil {
		unix.Close(again)
		return -1, err
	}
	return again, nil
}

// openProc opens the directory of this process's descriptors, or returns -1 if it
// cannot be trusted: a sandbox may have replaced /proc.
func openProc(root int) int {
	proc, err := openat(unix.AT_FDCWD, "/proc/self/fd", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return -1
	}
	if !leadsTo(proc, root) {
		unix.Close(proc)
		return -1
	}
	return proc
}

// leadsTo reports whether proc is on procfs and its entry for the descriptor root leads
// to that directory.
func leadsTo(proc, root int) bool {
	var sys unix.Statfs_t
	if err := unix.Fstatfs(proc, &sys); err != nil || sys.Type != unix.PROC_SUPER_MAGIC {
		return false
	}
	fd, err := openat(proc, strconv.Itoa(root), unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	a, err := statOf(root)
	if err != nil {
		return false
	}
	b, err := statOf(fd)
	return err == nil && a.ino == b.ino && a.dev == b.dev
}

func statOf(fd int) (stat, error) {
	var st unix.Stat_t
	for {
		switch err := unix.Fstat(fd, &st); err {
		case nil:
			return fromUnix(&st), nil
		case unix.EINTR:
		default:
			return stat{}, err
		}
	}
}
