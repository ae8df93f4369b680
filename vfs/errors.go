package vfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// Errors that an operation can fail with, besides [fs.ErrNotExist] for everything
// missing or refused, and the context's own errors.
var (
	// ErrNotModified: according to Cond, the caller already has this version.
	ErrNotModified = errors.New("not modified")
	// ErrPrecondition: Cond does not hold. Nothing was done.
	ErrPrecondition = errors.New("precondition failed")
	// ErrExist is an ErrPrecondition: the object exists, and the call only creates
	// (IfNoneMatch "*"). It also matches [fs.ErrExist].
	ErrExist = fmt.Errorf("%w: %w", ErrPrecondition, fs.ErrExist)
	// ErrRange: the requested range contains no byte of the object.
	ErrRange = errors.New("range not satisfiable")
	// ErrUnavailable: the backend cannot answer now; the same call may work later.
	ErrUnavailable = errors.New("temporarily unavailable")
	// ErrListBound: a listing would exceed its caller's bound. It also matches
	// ErrUnavailable, but a retry fails in the same way until the directory changes.
	ErrListBound = fmt.Errorf("%w: too much that is not shown", ErrUnavailable)
	// ErrChanged: the object was replaced or truncated while it was being read. The
	// caller must discard what it read.
	ErrChanged = errors.New("object changed while being read")
	// ErrFull: the backend has no room for the object. Nothing was stored.
	ErrFull = errors.New("no space left")
	// ErrFailed: the backend refuses the call for a reason unrelated to the name, and
	// will keep refusing it until an operator acts.
	ErrFailed = errors.New("backend refused the call")
	// ErrUnsupported: the backend does not support the operation.
	ErrUnsupported = errors.ErrUnsupported
	// ErrUnfit: an object cannot be copied or moved to a name as it is, and nothing was
	// changed: its content coding would be lost there, it has no ETag, by which a move removes
	// the version that it has copied, or the name leads to the object itself. It matches
	// ErrUnsupported.
	ErrUnfit = fmt.Errorf("the object does not fit the name: %w", ErrUnsupported)
)

// An Error is the error type of every operation of this package and of a [Backend].
//
// A refusal and a missing name both match [fs.ErrNotExist] and print alike, so that a
// careless caller can neither distinguish hidden from absent nor leak the difference.
// Reason and Rule give operators the difference.
type Error struct {
	Op     string // "get", "stat", "list", …
	Name   string // the name as given, not made safe for printing
	Reason Reason // why it was refused; "" if it was not
	Rule   string // the pattern that decided, if one did
	Err    error  // a sentinel above, or the cause; its text may hold paths

	// Info describes the existing object, with ErrNotModified, ErrPrecondition and
	// ErrRange: a 304 needs its ETag, a 416 its size. With ErrNotModified, the size is
	// -1 if the backend does not know it.
	Info *Info

	// SiblingDir is set, with reason.CreateSibling, if the sibling is a directory.
	// Callers that do not list directories must not reveal it.
	SiblingDir bool

	// RetryAfter is how long to wait before the call is tried again, with
	// ErrUnavailable; 0 if the backend does not know.
	RetryAfter time.Duration

	// Link is the target of the symbolic link on the path, with reason.Symlink, if
	// Request.Links asked for it and the target is a valid name.
	Link Name
}

// Error prints the operation, the name (quoted) and the kind of failure. It
// never prints a path, bucket, key or endpoint of the backend, nor the reason.
func (e *Error) Error() string {
	return e.Op + " " + strconv.QuoteToASCII(e.Name) + ": " + e.kind().Error()
}

// kind returns the sentinel for the kind of failure.
func (e *Error) kind() error {
	if e.Reason != "" {
		return fs.ErrNotExist
	}
	for _, s := range [...]error{
		ErrNotModified, ErrPrecondition, ErrRange, ErrUnavailable, ErrChanged, ErrFull, ErrFailed, ErrUnfit, ErrUnsupported,
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

// A Reason says why a name was refused. Package reason lists all reasons.
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
