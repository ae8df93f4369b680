//go:build unix

package disk

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Without O_NONBLOCK, opening a FIFO waits for a writer: each request would
// hold a thread, and enough of them end the process.
const openFlags = os.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY

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

// isReadOnly reports that permissions or mount options prevent this process from
// writing.
func isReadOnly(err error) bool {
	return errors.Is(err, unix.EROFS) || errors.Is(err, fs.ErrPermission)
}

func isOtherMount(err error) bool { return errors.Is(err, unix.EXDEV) }

// isUnsupported reports a call that the system or file system does not support.
func isUnsupported(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, unix.EINVAL)
}

// isFault reports a failure of the disk itself.
func isFault(err error) bool { return errors.Is(err, unix.EIO) }

// noLinks is the note if the self-test cannot create symbolic links.
const noLinks = "the self-test of the jail was skipped: cannot create symbolic links in the temporary directory " +
	"(to enable it, set TMPDIR to a directory on a file system that supports them)"

// plantFIFO creates a FIFO for the self-test.
func plantFIFO(path string) error { return unix.Mkfifo(path, 0o600) }
