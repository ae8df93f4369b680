//go:build unix

package probe

import "syscall"

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
