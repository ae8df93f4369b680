package sqlite

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// tryLock tries to take an exclusive or shared lock on f.
func tryLock(f *os.File, alone bool) (bool, error) {
	how := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if alone {
		how |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err := windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, os.NewSyscallError("LockFileEx", err)
}

// removeLocked removes a file. An open one cannot be removed, so f is closed first; for the same
// reason, that of an instance which opens it now stays.
func removeLocked(f *os.File) {
	_ = f.Close()
	_ = os.Remove(f.Name())
}

// chownLike does nothing: a new file inherits its directory's permissions.
func chownLike(string, string) error { return nil }

// countNames returns the number of names (hard links) of a file. On Windows, locks
// belong to a handle, so opening and closing the file here does not affect them.
func countNames(path string, _ os.FileInfo) (uint64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &info); err != nil {
		return 0, os.NewSyscallError("GetFileInformationByHandle", err)
	}
	return uint64(info.NumberOfLinks), nil
}

// checkMount does nothing: on Windows, a file cannot be a mount point.
func checkMount(string) error { return nil }

// syncDir does nothing: a directory cannot be synchronized, and NTFS has a journal.
func syncDir(string) error { return nil }

// isFull reports whether an error means that the file system is full.
func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}
