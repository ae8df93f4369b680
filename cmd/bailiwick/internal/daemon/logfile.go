package daemon

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
	"syscall"
)

// A logFile is a file to append to, which can be reopened at any time.
type logFile struct {
	path string
	f    atomic.Pointer[os.File]
}

var _ io.WriteCloser = (*logFile)(nil)

// reopen opens the file again by its name and closes the old one. It never blocks, even if
// the file is a pipe without a reader: a start or a reload would hang.
func (l *logFile) reopen() error {
	// Without O_NONBLOCK, opening a pipe would wait for its reader.
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_NONBLOCK, 0o640)
	if err != nil {
		return err
	}
	if old := l.f.Swap(f); old != nil {
		go old.Close() // which may wait for a write on its way
	}
	return nil
}

// Write appends p. If the file is reopened meanwhile, the rest goes to the new file.
func (l *logFile) Write(p []byte) (n int, err error) {
	for {
		f := l.f.Load()
		m, err := f.Write(p[n:])
		n += m
		if !errors.Is(err, os.ErrClosed) || f == l.f.Load() {
			return n, err
		}
	}
}

// Close closes the file.
func (l *logFile) Close() error { return l.f.Load().Close() }
