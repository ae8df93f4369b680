package filestore

import (
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"unicode/utf8"
)

// HostHolds is driver.HostHolds. filepath.Localize refuses drives, streams and device
// names; it accepts short names ("SECRET~1.TXT" is a second name of another file) and
// trailing dots and spaces, which Windows drops.
func HostHolds(name string) bool {
	if name == "." {
		return true
	}
	if _, err := filepath.Localize(name); err != nil {
		return false
	}
	for elem := range strings.SplitSeq(name, "/") {
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

// IsAlias reports whether st describes a file of the host that can have another name than
// this one, by which it was found.
func IsAlias(name string, st fs.FileInfo) bool {
	_, ofHost := st.Sys().(*syscall.Win32FileAttributeData)
	return ofHost && !HostHolds(name)
}
