//go:build unix

package driver_test

import (
	"errors"
	"io/fs"
	"syscall"
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

var systemErrors = []struct {
	err    error
	reason vfs.Reason
}{
	{syscall.ENAMETOOLONG, reason.Unholdable},
	{syscall.EILSEQ, reason.Unholdable},
	{syscall.EINVAL, reason.Unholdable},
	{syscall.ELOOP, reason.Symlink},
	{syscall.ENOTDIR, reason.Missing},
	{syscall.ENOENT, reason.Missing},
	{syscall.EACCES, reason.Permission},
	{syscall.EIO, ""},
	{syscall.ENOMEM, ""},
}

// A disk that fails to read is not a missing file, even if the error is EINVAL.
func TestFailedReadIsNoMissingName(t *testing.T) {
	for _, op := range []string{"read", "readdirent", "seek"} {
		err := driver.FSError("get", mustName(t, "a"), &fs.PathError{Op: op, Path: "/somewhere", Err: syscall.EINVAL})
		if errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", op, err)
		}
	}
}
