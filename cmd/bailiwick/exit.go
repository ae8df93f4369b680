package main

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
	exitDone   = 0
	exitFailed = 1 // it failed, or a name was refused
	exitUsage  = 2 // wrong usage or configuration
)

// An exitError ends the command with a code and one line for the user. The
// line is empty where all has been said already.
type exitError struct {
	code int
	line string
}

func (e *exitError) Error() string { return e.line }

// errSaid ends with exitFailed after each failure was reported on its own.
var errSaid error = &exitError{code: exitFailed}

// usagef returns the error of a wrong usage or configuration. Its line says
// what to do about it.
func usagef(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Sprintf(format, args...)}
}

// failf returns the error of something that went wrong at run time.
func failf(format string, args ...any) error {
	return &exitError{exitFailed, fmt.Sprintf(format, args...)}
}

// sourceFailed returns the error of a source that could not be opened.
//
//	what is wrong                                              exit code
//	a path, a scheme, a parameter, a bucket, a region          2
//	no credentials, wrong ones, or ones that may not           2
//	a service that does not answer, or not now; interrupted    1
//
// The first two stay wrong until somebody changes what was written; the last may
// be over when a supervisor tries again.
func sourceFailed(err error) error {
	if errors.Is(err, vfs.ErrUnavailable) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return failf("%s", oneLine(err))
	}
	return usagef("%s", oneLine(err))
}

// cause returns what went wrong in the words of the system, without the names
// of the Go functions that met it.
func cause(err error) string {
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
