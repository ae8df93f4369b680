//go:build unix

package rewrite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// lock creates and locks the file at path. unlock removes it. The lock ends with the
// process, so a file that a killed one has left locks nothing.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	wait := newWait(ctx)
	defer wait.stop()
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
		if err != nil {
			return nil, err
		}
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			// The process that had the lock may have removed the file.
			mine, err1 := f.Stat()
			now, err2 := os.Lstat(path)
			if err1 == nil && err2 == nil && os.SameFile(mine, now) {
				return func() {
					_ = os.Remove(path)
					_ = f.Close()
				}, nil
			}
		}
		f.Close()
		switch {
		case err == nil, errors.Is(err, unix.EINTR):
		case !errors.Is(err, unix.EWOULDBLOCK):
			return nil, fmt.Errorf("it cannot be locked: %w", err)
		default:
			if err := wait.pause(); err != nil {
				return nil, err
			}
		}
	}
}

// keepAttributes gives f the owner, group and mode of old, and what else decides who may
// read it.
func keepAttributes(f, old *os.File, info fs.FileInfo) error {
	was, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("its owner is unknown")
	}
	var is unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &is); err != nil {
		return err
	}
	if is.Uid != was.Uid || is.Gid != was.Gid {
		if err := f.Chown(int(was.Uid), int(was.Gid)); err != nil {
			return fmt.Errorf("its owner or group would change: run the command as its owner or as root (%s)", cli.Cause(err))
		}
	}
	if err := keepExtended(f, old); err != nil {
		return err
	}
	// After a change of the owner, which clears bits, and of the list, of which the mode is
	// a part.
	return f.Chmod(info.Mode())
}

func countNames(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink)
	}
	return 1
}

// syncDir makes the new name of a file durable.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTSUP) {
		return err
	}
	return nil
}
