//go:build unix

package put

import (
	"errors"
	"syscall"
)

// IsFull reports that there is no room for bytes, inodes or entries: on the disk, in the
// user's quota, or within a limit of one file or directory.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) || errors.Is(err, syscall.EMLINK)
}
