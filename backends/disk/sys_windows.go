package disk

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/windows"
)

const openFlags = os.O_RDONLY

func identity(fs.FileInfo) (dev, ino, nlink uint64) { return 0, 0, 0 }

// isSpecial reports a file that only its own program can open: the socket of a Unix
// subsystem, the alias of an app from the store.
func isSpecial(err error) bool { return errors.Is(err, windows.ERROR_CANT_ACCESS_FILE) }

// isExhausted reports a temporary failure: the system has no memory or handles, or
// another program has opened the file without sharing, as editors and virus scanners do
// for a moment.
func isExhausted(err error) bool {
	return isAny(err, windows.ERROR_TOO_MANY_OPEN_FILES, windows.ERROR_NOT_ENOUGH_MEMORY, windows.ERROR_OUTOFMEMORY,
		windows.ERROR_NO_SYSTEM_RESOURCES, windows.ERROR_COMMITMENT_LIMIT, windows.ERROR_NOT_ENOUGH_QUOTA,
		windows.ERROR_SHARING_VIOLATION, windows.ERROR_LOCK_VIOLATION, windows.ERROR_USER_MAPPED_FILE, windows.ERROR_DELETE_PENDING)
}

// isHeld reports an error of a rename that can mean that the file to be replaced is
// open. Windows then reports "access denied" if the file system does not support POSIX
// renames (FAT, network shares), or if the other program does not share deletion.
func isHeld(err error) bool { return errors.Is(err, windows.ERROR_ACCESS_DENIED) }

// isFault reports a failure of the disk itself.
func isFault(err error) bool {
	return isAny(err, windows.ERROR_NOT_READY, windows.ERROR_CRC, windows.ERROR_SEEK, windows.ERROR_SECTOR_NOT_FOUND, windows.ERROR_READ_FAULT,
		windows.ERROR_GEN_FAILURE, windows.ERROR_IO_DEVICE, windows.ERROR_FILE_CORRUPT, windows.ERROR_DISK_CORRUPT)
}

func isReadOnly(err error) bool {
	return errors.Is(err, windows.ERROR_WRITE_PROTECT) || errors.Is(err, fs.ErrPermission)
}

// isUnsupported reports a call that the file system does not support: FAT and exFAT have no
// hard links.
func isUnsupported(err error) bool {
	return isAny(err, windows.ERROR_INVALID_FUNCTION, windows.ERROR_NOT_SUPPORTED, windows.ERROR_CALL_NOT_IMPLEMENTED)
}

func isOtherMount(err error) bool { return errors.Is(err, windows.ERROR_NOT_SAME_DEVICE) }

func isAny(err error, numbers ...syscall.Errno) bool {
	return slices.ContainsFunc(numbers, func(number syscall.Errno) bool { return errors.Is(err, number) })
}

// noLinks is the note if the self-test cannot create symbolic links.
const noLinks = "the self-test of the jail was skipped: this account cannot create symbolic links " +
	"(to enable it, turn on the developer mode of Windows, or start the server once as an administrator)"

func plantFIFO(string) error { return errors.ErrUnsupported }
