package reason

import (
	"errors"
	"syscall"
)

// The native Windows interface returns a status, which can be converted to an error
// number.
func systemReason(err error) Reason {
	var status interface{ Errno() syscall.Errno }
	var number syscall.Errno
	switch {
	case errors.As(err, &number):
	case errors.As(err, &status):
		number = status.Errno()
	}
	return windowsReasons[uintptr(number)]
}
