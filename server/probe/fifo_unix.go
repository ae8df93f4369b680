//go:build unix

package probe

import (
	"os"
	"syscall"
	"time"
)

func makeFIFO(path string) error { return syscall.Mkfifo(path, 0o644) }

// releaseFIFO reports whether a process waits for the FIFO's writer, and ends its wait. An
// open for writing that does not block succeeds only if there is a reader.
func releaseFIFO(path string) bool {
	fd, err := syscall.Open(path, syscall.O_WRONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	syscall.Close(fd)
	return true
}

// removeFIFO removes the FIFO at path, if it is one, and leaves nobody waiting for its
// writer. As long as this process has it open for both, no open waits; once the name is
// gone, there is no further one.
func removeFIFO(path string) error {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != os.ModeNamedPipe {
		return nil
	}
	fd, err := syscall.Open(path, syscall.O_RDWR|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	err = os.Remove(path)
	// Whoever had found the name before it was removed gets to open it.
	time.Sleep(50 * time.Millisecond)
	return err
}
