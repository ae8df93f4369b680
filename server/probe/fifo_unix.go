//go:build unix

package probe

import (
	"os"
	"syscall"
	"time"
)

// openFIFO opens a FIFO in dir without waiting; what is no FIFO is nil.
func openFIFO(dir *os.Root, name string, flag int) (*os.File, error) {
	info, err := dir.Lstat(name)
	if err != nil || info.Mode().Type() != os.ModeNamedPipe {
		return nil, nil
	}
	f, err := dir.OpenFile(name, flag|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if opened, err := f.Stat(); err != nil || !os.SameFile(info, opened) {
		f.Close()
		return nil, err
	}
	return f, nil
}

// releaseFIFO reports whether a process waits for the FIFO's writer, and ends its wait. An
// open for writing that does not block succeeds only if there is a reader.
func releaseFIFO(dir *os.Root, name string) bool {
	f, err := openFIFO(dir, name, os.O_WRONLY)
	if f == nil || err != nil {
		return false
	}
	f.Close()
	return true
}

// removeFIFO removes a FIFO, if it is one, and leaves nobody waiting for its writer. As long
// as this process has it open for both, no open waits; once the name is gone, there is no
// further one.
func removeFIFO(dir *os.Root, name string) error {
	f, err := openFIFO(dir, name, os.O_RDWR)
	if f == nil || err != nil {
		return err
	}
	defer f.Close()
	err = dir.Remove(name)
	// Whoever had found the name before it was removed gets to open it.
	time.Sleep(50 * time.Millisecond)
	return err
}
