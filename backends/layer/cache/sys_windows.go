package cache

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockDirectory locks a file, since a directory cannot be locked.
func lockDirectory(root *os.Root) (*os.File, error) {
	f, err := root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_FAIL_IMMEDIATELY|windows.LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0, new(windows.Overlapped))
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return nil, ErrInUse
	}
	return nil, os.NewSyscallError("cannot be locked: LockFileEx", err)
}

// makeSparse makes the file take only the room of what is written. Otherwise it takes
// the room of the whole object, up to the last block.
func makeSparse(f *os.File) {
	var n uint32
	windows.DeviceIoControl(windows.Handle(f.Fd()), windows.FSCTL_SET_SPARSE, nil, 0, nil, 0, &n, nil)
}

// space returns the bytes of the file system that are free for this user, and all bytes.
func space(_ *os.File, path string) (free, total uint64, err error) {
	name, err := windows.UTF16PtrFromString(path)
	if err == nil {
		err = windows.GetDiskFreeSpaceEx(name, &free, &total, nil)
	}
	return free, total, err
}

// isForeign knows no owners here.
func isForeign(os.FileInfo) bool { return false }
