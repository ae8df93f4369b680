//go:build unix && !linux

package probe

import (
	"os"
	"path/filepath"
	"syscall"
)

// makeFIFO makes a FIFO in an open directory. There is no call for that here, so it goes by
// the directory's path, and then looks for it in the directory. If a link has taken that
// path, an empty FIFO is left where it leads.
func makeFIFO(dir *os.Root, at, name string) error {
	if err := syscall.Mkfifo(filepath.Join(at, filepath.FromSlash(name)), 0o644); err != nil {
		return err
	}
	info, err := dir.Lstat(name)
	if err == nil && info.Mode().Type() != os.ModeNamedPipe {
		err = errReplaced
	}
	return err
}
