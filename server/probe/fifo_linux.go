package probe

import (
	"os"
	"path"
	"syscall"
)

// makeFIFO makes a FIFO in an open directory, whose path does not count.
func makeFIFO(dir *os.Root, _, name string) error {
	parent, err := dir.Open(path.Dir(name))
	if err != nil {
		return err
	}
	defer parent.Close()
	conn, err := parent.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = conn.Control(func(fd uintptr) {
		failed = syscall.Mknodat(int(fd), path.Base(name), syscall.S_IFIFO|0o644, 0)
	})
	if err != nil {
		return err
	}
	return failed
}
