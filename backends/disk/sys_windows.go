package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"golang.org/x/sys/windows"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

const openFlags = os.O_RDONLY

// holdable reports whether n names exactly one file on Windows, by its own name.
// filepath.Localize refuses drives, streams and device names; it accepts short names
// ("SECRET~1.TXT" is a second name of another file) and trailing dots and spaces, which
// Windows drops.
func holdable(n vfs.Name) bool {
	if _, err := filepath.Localize(n.String()); err != nil {
		return false
	}
	for elem := range n.Elements() {
		if c := elem[len(elem)-1]; c == '.' || c == ' ' || isShortName(elem) {
			return false
		}
	}
	return true
}

// isShortName reports whether elem has the form of an 8.3 name: a tilde and a digit in
// a stem of at most eight characters, in letters of the system's code page.
func isShortName(elem string) bool {
	stem, _, _ := strings.Cut(elem, ".")
	i := strings.IndexByte(stem, '~')
	return i >= 0 && utf8.RuneCountInString(stem) <= 8 && i+1 < len(stem) && '0' <= stem[i+1] && stem[i+1] <= '9'
}

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

func isOtherMount(err error) bool { return errors.Is(err, windows.ERROR_NOT_SAME_DEVICE) }

func isAny(err error, numbers ...syscall.Errno) bool {
	return slices.ContainsFunc(numbers, func(number syscall.Errno) bool { return errors.Is(err, number) })
}

// noLinks is the note if the self-test cannot create symbolic links.
const noLinks = "the self-test of the jail was skipped: this account cannot create symbolic links " +
	"(to enable it, turn on the developer mode of Windows, or start the server once as an administrator)"

func plantFIFO(string) error { return errors.ErrUnsupported }
