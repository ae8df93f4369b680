//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package cache

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// lockDirectory locks the directory itself, so that the lock lasts even if all files in
// it are removed. It uses flock, which excludes other Caches of this process, too.
func lockDirectory(root *os.Root) (*os.File, error) {
	f, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == unix.EINTR {
			continue
		}
		if err == nil {
			return f, nil
		}
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrInUse
		}
		return nil, os.NewSyscallError("cannot be locked: flock", err)
	}
}

// isForeign reports whether the file belongs to another user, who may then change it.
func isForeign(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) != os.Geteuid()
}
