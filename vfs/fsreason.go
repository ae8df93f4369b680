package vfs

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// FSReason returns what err, of a file system's call that was given a name, says
// of the name, or "" if it is about something else.
//
// A name that the file system says it can have nothing of, for a character that
// the system reserves, its length or its encoding, is [reason.Unholdable]: to
// callers, it is as missing as any other.
func FSReason(err error) Reason {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrInvalid), errors.Is(err, syscall.ENOTDIR):
		return reason.Missing
	case errors.Is(err, fs.ErrPermission):
		return reason.Permission
	}
	return systemReason(err)
}

// FSError returns what a file system's error is for a Backend's caller: a refusal
// with [FSReason] if there is one.
func FSError(op string, n Name, err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return &Error{Op: op, Name: n.s, Reason: FSReason(err), Err: err}
}

// windowsReasons are what Windows's errors, by number, say of a name. They stand
// apart from the calls that return them, so that every system can test them.
var windowsReasons = map[uintptr]Reason{
	15:   reason.Unholdable, // ERROR_INVALID_DRIVE
	67:   reason.Unholdable, // ERROR_BAD_NET_NAME
	111:  reason.Unholdable, // ERROR_BUFFER_OVERFLOW: "the file name is too long"
	123:  reason.Unholdable, // ERROR_INVALID_NAME: one of ? " < > * |
	161:  reason.Unholdable, // ERROR_BAD_PATHNAME
	206:  reason.Unholdable, // ERROR_FILENAME_EXCED_RANGE
	208:  reason.Unholdable, // ERROR_META_EXPANSION_TOO_LONG: * or ? "entered incorrectly"
	1113: reason.Unholdable, // ERROR_NO_UNICODE_TRANSLATION
	267:  reason.Missing,    // ERROR_DIRECTORY: a file where a directory was asked for
	681:  reason.Symlink,    // ERROR_STOPPED_ON_SYMLINK
	1921: reason.Symlink,    // ERROR_CANT_RESOLVE_FILENAME: links in a ring
}
