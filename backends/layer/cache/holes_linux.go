package cache

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// canPunch: a block can be removed from the middle of a file.
const canPunch = true

// punch makes a hole. It fails with errors.ErrUnsupported if the file system has none.
func punch(f *os.File, off, n int64) error {
	for {
		err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, n)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EOPNOTSUPP), err == unix.ENOSYS:
			return errors.ErrUnsupported
		case err != unix.EINTR:
			return os.NewSyscallError("fallocate", err)
		}
	}
}
