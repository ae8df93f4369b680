//go:build unix

package sqlite

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// tryLock tries to take an exclusive or shared lock on f. It uses flock instead of
// fcntl: fcntl locks belong to the process, so two Stores in a process would not exclude
// each other, and closing any descriptor of the file would release them.
func tryLock(f *os.File, alone bool) (bool, error) {
	how := unix.LOCK_SH | unix.LOCK_NB
	if alone {
		how = unix.LOCK_EX | unix.LOCK_NB
	}
	for {
		err := unix.Flock(int(f.Fd()), how)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, unix.EINTR):
			return false, os.NewSyscallError("flock", err)
		}
	}
}

// removeLocked removes a file while its lock is held.
func removeLocked(f *os.File) { _ = os.Remove(f.Name()) }

// chownLike gives a file that root created to the owner of the catalog, as SQLite does
// with its own files: after a sweep by root, a server that runs as another user must
// still be able to start.
func chownLike(name, catalog string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(catalog)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return os.Lchown(name, int(st.Uid), int(st.Gid))
}

// countNames returns the number of names (hard links) of a file.
func countNames(_ string, info os.FileInfo) (uint64, error) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 1, nil
	}
	return uint64(st.Nlink), nil
}

// syncDir makes the name of a new file durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// isFull reports whether an error means that the file system is full.
func isFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
