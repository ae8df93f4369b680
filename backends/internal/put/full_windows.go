package put

import (
	"errors"
	"slices"
	"syscall"

	"golang.org/x/sys/windows"
)

// IsFull reports that there is no room: on the disk, in the user's quota, or within a limit
// of one file.
func IsFull(err error) bool {
	return slices.ContainsFunc([]syscall.Errno{
		windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL, windows.ERROR_DISK_QUOTA_EXCEEDED,
		windows.ERROR_FILE_TOO_LARGE, windows.ERROR_FILE_SYSTEM_LIMITATION, windows.ERROR_TOO_MANY_LINKS,
		syscall.ENOSPC, // of a file system in Go
	}, func(number syscall.Errno) bool { return errors.Is(err, number) })
}
