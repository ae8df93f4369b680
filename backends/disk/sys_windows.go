package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

const openFlags = os.O_RDONLY

// holdable reports whether n names one file here, and by its own name.
// filepath.Localize refuses drives, streams and device names; it passes short
// names ("SECRET~1.TXT" is another file's second name) and trailing dots and
// spaces, which Windows drops.
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

// isShortName reports the shape of an 8.3 name: a tilde and a digit in a stem
// of at most eight characters.
func isShortName(elem string) bool {
	stem, _, _ := strings.Cut(elem, ".")
	i := strings.IndexByte(stem, '~')
	return i >= 0 && len(stem) <= 8 && i+1 < len(stem) && '0' <= stem[i+1] && stem[i+1] <= '9'
}

func identity(fs.FileInfo) (dev, ino, nlink uint64) { return 0, 0, 0 }

func isSpecial(error) bool    { return false }
func isUnholdable(error) bool { return false }
func isExhausted(error) bool  { return false }
func isFault(error) bool      { return false }

func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

func isReadOnly(err error) bool {
	return errors.Is(err, windows.ERROR_WRITE_PROTECT) || errors.Is(err, fs.ErrPermission)
}

func isOtherMount(err error) bool { return errors.Is(err, windows.ERROR_NOT_SAME_DEVICE) }

func plantFIFO(string) error { return errors.ErrUnsupported }
