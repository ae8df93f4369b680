// Package rewrite changes a small file that another program reads: as a whole, one process
// after the other, and without changing who may read it.
package rewrite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// Options say how to change a file.
type Options struct {
	// Create makes a missing file. Without it, a missing file is an error that matches
	// fs.ErrNotExist.
	Create bool

	// Mode is that of a file that Create makes, less the umask; 0 is 0600.
	Mode fs.FileMode

	// Check reads the file at a path as the program that uses it does. It is called for the
	// old file and for the complete new one, before that replaces the old one. Its errors
	// name the path. It is required.
	Check func(path string) error
}

// File replaces the content of the file at path by what change returns for it. A reader
// gets the old file or the new one, and an error leaves the old one. A concurrent File
// waits until it ends, so that no change is lost; canceling ctx ends only that waiting.
//
// The new file has the owner, the group and the mode of the old one, and on Linux its
// access control list and security label. If path is a symbolic link, its target is
// replaced and the link stays. File refuses a file with several names (hard links), since
// the others would keep the old content.
//
// The errors of change and Check are returned as they are.
func File(ctx context.Context, path string, opts Options, change func(old []byte) ([]byte, error)) error {
	target, err := targetOf(path)
	if err != nil {
		return failed(path, err)
	}
	unlock, err := lock(ctx, filepath.Join(filepath.Dir(target), ".bailiwick-"+filepath.Base(target)+".lock"))
	if err != nil {
		return failed(path, err)
	}
	defer unlock()
	old, info, err := open(target)
	switch {
	case errors.Is(err, fs.ErrNotExist) && opts.Create:
	case err != nil:
		return failed(path, err)
	default:
		defer old.Close()
		// Check limits the size, too.
		if err := opts.Check(path); err != nil {
			return err
		}
	}
	var data []byte
	if old != nil {
		if data, err = io.ReadAll(old); err != nil {
			return failed(path, err)
		}
	}
	if data, err = change(data); err != nil {
		return err
	}
	// No mount can serve this file while it exists: no object's name holds a U+2028.
	temp := filepath.Join(filepath.Dir(target), ".bailiwick\u2028rewrite-"+filepath.Base(target))
	// The lock is held, so one that exists was left by a process that was killed.
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed(path, err)
	}
	defer os.Remove(temp) // fails after the rename
	if err := write(temp, data, cmp.Or(opts.Mode, 0o600), old, info); err != nil {
		return failed(path, err)
	}
	if err := opts.Check(temp); err != nil {
		return errors.New(strings.ReplaceAll(err.Error(), temp, path))
	}
	if old != nil {
		if now, err := os.Stat(target); err != nil || !os.SameFile(now, info) || now.Size() != info.Size() || !now.ModTime().Equal(info.ModTime()) {
			return failed(path, errors.New("another program has changed it meanwhile; try again"))
		}
		old.Close() // an open file cannot be replaced on Windows
	} else if _, err := os.Lstat(target); err == nil {
		return failed(path, errors.New("another program has created it meanwhile; try again"))
	}
	if err := os.Rename(temp, target); err != nil {
		if errors.Is(err, syscall.EBUSY) {
			err = errors.New("it is a mount point and cannot be replaced; mount its directory instead")
		}
		return failed(path, err)
	}
	if err := syncDir(filepath.Dir(target)); err != nil {
		return failed(path, fmt.Errorf("it is changed, but a power failure may undo that: %s", cli.Cause(err)))
	}
	return nil
}

// targetOf returns the real path of the file to replace.
func targetOf(path string) (string, error) {
	target, err := cli.RealPath(path)
	if err != nil {
		return "", err
	}
	if info, err := os.Lstat(target); err == nil && info.Mode().Type() == fs.ModeSymlink {
		return "", errors.New("it is a link to a file that does not exist")
	}
	return target, nil
}

// open opens a file that can be replaced.
func open(target string) (*os.File, fs.FileInfo, error) {
	// Opening a FIFO would wait for a writer.
	info, err := os.Stat(target)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, errors.New("it is not a regular file")
	}
	f, err := os.Open(target)
	if err != nil {
		return nil, nil, err
	}
	if info, err = f.Stat(); err == nil && countNames(info) > 1 {
		err = fmt.Errorf("it has %d names (hard links), and the others would keep the old content: remove them, or make them symbolic links", countNames(info))
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// write makes the file temp, with the attributes of old or, if that is nil, with mode.
func write(temp string, data []byte, mode fs.FileMode, old *os.File, info fs.FileInfo) (err error) {
	if old != nil {
		mode = 0o600 // until it has those
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if old != nil {
		if err := keepAttributes(f, old, info); err != nil {
			return err
		}
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}

// An Error says why a file could not be changed.
type Error struct {
	Path string
	Err  error // the cause, for errors.Is
}

func failed(path string, err error) error { return &Error{path, err} }

func (e *Error) Error() string {
	return fmt.Sprintf("cannot change %s: %s", e.Path, cli.Cause(e.Err))
}

func (e *Error) Unwrap() error { return e.Err }
