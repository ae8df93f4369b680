package reason

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/bailiwick-fs/bailiwick/vfs/ownfile"
)

// ForMode returns "" for a regular file, or else the reason why a file of mode m is not
// served.
func ForMode(m fs.FileMode) Reason {
	switch {
	case m.IsRegular():
		return ""
	case m.IsDir():
		return Directory
	case m.Type() == fs.ModeSymlink:
		return Symlink
	}
	return SpecialFile
}

// ForFile returns "" for a regular file that can be served, or else the reason why it
// cannot: [OwnFile] for a file that package ownfile holds, or the result of [ForMode].
// It recognizes own files only on file systems of the host.
func ForFile(st fs.FileInfo) Reason {
	if ownfile.Holds() && ownfile.Is(ownfile.IDOf(st)) {
		return OwnFile
	}
	return ForMode(st.Mode())
}

// ForError returns the reason for a file system's error from a call that names a file,
// or "" if err is not about the name.
//
// [Unholdable] means that the file system cannot store such a name, because of a
// reserved character, its length or its encoding. Callers see such a name as missing,
// like any other.
func ForError(err error) Reason {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrInvalid), errors.Is(err, syscall.ENOTDIR):
		return Missing
	case errors.Is(err, fs.ErrPermission):
		return Permission
	}
	return systemReason(err)
}

// windowsReasons maps Windows error numbers to reasons. It is not in a file for Windows
// only, so that its test runs on every system.
var windowsReasons = map[uintptr]Reason{
	15:   Unholdable, // ERROR_INVALID_DRIVE
	67:   Unholdable, // ERROR_BAD_NET_NAME
	111:  Unholdable, // ERROR_BUFFER_OVERFLOW: "the file name is too long"
	123:  Unholdable, // ERROR_INVALID_NAME: one of ? " < > * |
	161:  Unholdable, // ERROR_BAD_PATHNAME
	206:  Unholdable, // ERROR_FILENAME_EXCED_RANGE
	208:  Unholdable, // ERROR_META_EXPANSION_TOO_LONG: * or ? "entered incorrectly"
	1113: Unholdable, // ERROR_NO_UNICODE_TRANSLATION
	267:  Missing,    // ERROR_DIRECTORY: a file used as a directory
	681:  Symlink,    // ERROR_STOPPED_ON_SYMLINK
	1921: Symlink,    // ERROR_CANT_RESOLVE_FILENAME: a loop of links
}
