package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// The exit codes.
const (
	ExitDone   = 0
	ExitFailed = 1 // it failed, or a name was refused
	ExitUsage  = 2 // wrong usage or configuration
)

// An ExitError ends the command with a code and one line for the user. The line is empty
// if everything was reported before.
type ExitError struct {
	Code int
	Line string
}

func (e *ExitError) Error() string { return e.Line }

// ErrReported ends the command with ExitFailed, after each failure was reported.
var ErrReported error = &ExitError{Code: ExitFailed}

// Usagef returns the error for a wrong usage or configuration. Its line says how to
// correct it.
func Usagef(format string, args ...any) error {
	return &ExitError{Code: ExitUsage, Line: fmt.Sprintf(format, args...)}
}

// Failf returns the error for a failure at run time.
func Failf(format string, args ...any) error {
	return &ExitError{Code: ExitFailed, Line: fmt.Sprintf(format, args...)}
}

// SourceError returns the error for a source that could not be opened.
//
//	cause                                                      exit code
//	a path, a scheme, a parameter, a bucket, a region          2
//	missing, wrong or insufficient credentials                 2
//	a service that does not answer; an interruption            1
//
// The first two persist until someone changes the configuration; the last may be over
// when a supervisor tries again.
func SourceError(err error) error {
	if errors.Is(err, vfs.ErrUnavailable) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return Failf("%s", OneLine(err))
	}
	return Usagef("%s", OneLine(err))
}

// Cause returns the operating system's text for err, without the names of operations and
// files that Go puts before it.
func Cause(err error) string {
	var (
		path *fs.PathError
		link *os.LinkError
		call *os.SyscallError
		op   *net.OpError
	)
	switch {
	case errors.As(err, &call):
		return call.Err.Error()
	case errors.As(err, &path):
		return path.Err.Error()
	case errors.As(err, &link):
		return link.Err.Error()
	case errors.As(err, &op):
		return op.Err.Error()
	}
	return err.Error()
}
