package rewrite

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// lock creates the file at path so that no other process can open it. The system removes
// it when unlock closes it, or when the process ends.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	wait := newWait(ctx)
	defer wait.stop()
	for {
		h, err := windows.CreateFile(name, windows.GENERIC_WRITE|windows.DELETE, 0, nil,
			windows.OPEN_ALWAYS, windows.FILE_ATTRIBUTE_NORMAL|windows.FILE_FLAG_DELETE_ON_CLOSE, 0)
		switch {
		case err == nil:
			return func() { _ = windows.CloseHandle(h) }, nil
		case !errors.Is(err, windows.ERROR_SHARING_VIOLATION) && !errors.Is(err, windows.ERROR_DELETE_PENDING):
			return nil, os.NewSyscallError("CreateFile", err)
		}
		if err := wait.pause(); err != nil {
			return nil, err
		}
	}
}

// keepAttributes does nothing: a new file inherits its directory's permissions.
func keepAttributes(_, _ *os.File, _ fs.FileInfo) error { return nil }

// countNames returns 1: the names of a file are not counted on this system.
func countNames(fs.FileInfo) uint64 { return 1 }

// syncDir does nothing: a directory cannot be synchronized, and NTFS has a journal.
func syncDir(string) error { return nil }
