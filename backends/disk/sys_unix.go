//go:build unix

package disk

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Without O_NONBLOCK, opening a FIFO waits for a writer: each request would
// hold a thread, and enough of them end the process.
const openFlags = os.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY

// holdable reports whether n names the same file here as anywhere. On Unix any
// Name does.
func holdable(vfs.Name) bool { return true }

func identity(fi fs.FileInfo) (dev, ino, nlink uint64) {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Dev), uint64(st.Ino), uint64(st.Nlink)
	}
	return 0, 0, 0
}

func isSpecial(err error) bool {
	return errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EOPNOTSUPP)
}

func isExhausted(err error) bool {
	return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOMEM)
}

// isFull reports that there is no room: for bytes, inodes or entries, on the
// disk, in the user's share of it, or in what one file or directory may hold.
func isFull(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EFBIG) || errors.Is(err, unix.EMLINK)
}

// isReadOnly reports that this process may not write, as things are set up.
func isReadOnly(err error) bool {
	return errors.Is(err, unix.EROFS) || errors.Is(err, fs.ErrPermission)
}

func isOtherMount(err error) bool { return errors.Is(err, unix.EXDEV) }

// isUnsupported reports a call that the system or file system does not have.
func isUnsupported(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, unix.EINVAL)
}

// isFault reports a failure of the disk itself.
func isFault(err error) bool { return errors.Is(err, unix.EIO) }

// noLinks is the note where the self-test has no symbolic links to try.
const noLinks = "the self-test of the jail was left out: symbolic links cannot be made in the temporary directory " +
	"(to have it made, let TMPDIR name one on a file system that has them)"

// plantFIFO makes a FIFO for the self-test.
func plantFIFO(path string) error { return unix.Mkfifo(path, 0o600) }
