package reason

import (
	"errors"
	"syscall"
)

// A call of Windows's native interface fails with a status, which knows its
// number as an error.
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
