package vfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// Errors that an operation can end with, besides [fs.ErrNotExist] for all that
// is missing or refused, and a context's own errors.
var (
	// ErrNotModified: Cond says that the caller has this version already.
	ErrNotModified = errors.New("not modified")
	// ErrPrecondition: Cond does not hold. Nothing was done.
	ErrPrecondition = errors.New("precondition failed")
	// ErrExist is the ErrPrecondition of a call that only creates, IfNoneMatch "*",
	// where the object exists. It matches [fs.ErrExist], too.
	ErrExist = fmt.Errorf("%w: %w", ErrPrecondition, fs.ErrExist)
	// ErrRange: no byte of the object lies in the range that was asked for.
	ErrRange = errors.New("range not satisfiable")
	// ErrUnavailable: the backend cannot answer now; the same call may work later.
	ErrUnavailable = errors.New("temporarily unavailable")
	// ErrListBound: a listing would take more than its caller's bound. It is ErrUnavailable,
	// too, though the same call comes to the same end as long as the directory is as it is.
	ErrListBound = fmt.Errorf("%w: too much that is not shown", ErrUnavailable)
	// ErrChanged: the object was replaced or cut while it was being read. What
	// was read is not to be used.
	ErrChanged = errors.New("object changed while being read")
	// ErrFull: the backend has no room for the object. Nothing was stored.
	ErrFull = errors.New("no space left")
	// ErrFailed: the backend refuses the call for a reason that has nothing to do with
	// the name, and will refuse it again until an operator acts.
	ErrFailed = errors.New("backend refused the call")
	// ErrUnsupported: the backend does not do this at all.
	ErrUnsupported = errors.ErrUnsupported
)

// An Error is what every operation of this package and of a [Backend] fails
// with.
//
// A refusal and a missing name both match [fs.ErrNotExist] and print alike, so
// that a careless caller cannot tell hidden from absent, nor leak it. Reason
// and Rule tell operators the difference.
type Error struct {
	Op     string // "get", "stat", "list", …
	Name   string // the name as it was given, not made safe for printing
	Reason Reason // why it was refused; "" if it was not
	Rule   string // the pattern that decided, if one did
	Err    error  // a sentinel above, or the cause; its text may hold paths

	// Info describes the object that was there, with ErrNotModified,
	// ErrPrecondition and ErrRange: a 304 needs its ETag, a 416 its size. With
	// ErrNotModified a backend that was not told the size says -1.
	Info *Info

	// SiblingDir is set, with reason.CreateSibling, where the sibling is a directory.
	// Who shows no directories must not tell of it.
	SiblingDir bool

	// Link is where the symbolic link in the way leads to, with reason.Symlink,
	// where Request.Links asked for it and it leads to a name at all.
	Link Name
}

// Error prints the operation, the name (quoted) and the kind of failure. It
// never prints a path, bucket, key or endpoint of the backend, nor the reason.
func (e *Error) Error() string {
	return e.Op + " " + strconv.QuoteToASCII(e.Name) + ": " + e.kind().Error()
}

// kind returns the sentinel that says what kind of failure e is.
func (e *Error) kind() error {
	if e.Reason != "" {
		return fs.ErrNotExist
	}
	for _, s := range [...]error{
		ErrNotModified, ErrPrecondition, ErrRange, ErrUnavailable, ErrChanged, ErrFull, ErrFailed, ErrUnsupported,
		fs.ErrNotExist, fs.ErrExist, fs.ErrClosed, context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(e.Err, s) {
			return s
		}
	}
	return errFailed
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes every refusal match [fs.ErrNotExist].
func (e *Error) Is(target error) bool {
	return e.Reason != "" && target == fs.ErrNotExist
}

// A Reason says why a name was refused. Package reason holds all of them.
type Reason = reason.Reason

// ReasonOf returns the Reason of the first [*Error] in err's chain, or "".
func ReasonOf(err error) Reason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

var errFailed = errors.New("input/output error")

func refuse(op, name string, r Reason) *Error {
	return &Error{Op: op, Name: name, Reason: r, Err: fs.ErrNotExist}
}

func refuseName(s string, r Reason) error { return refuse("parse", s, r) }
