package aferofs

import (
	"io"
	"io/fs"
	"os"
	"syscall"
)

// A jailFile is a file or directory of a jail as an afero.File.
type jailFile struct {
	fs.File
	name string // as passed to Open
}

func (f *jailFile) Name() string { return f.name }

func (f *jailFile) ReadAt(p []byte, off int64) (int, error) {
	r, ok := f.File.(io.ReaderAt)
	if !ok {
		return 0, f.fail("read", syscall.EISDIR)
	}
	return r.ReadAt(p, off)
}

func (f *jailFile) Seek(offset int64, whence int) (int64, error) {
	s, ok := f.File.(io.Seeker)
	if !ok {
		return 0, f.fail("seek", syscall.EISDIR)
	}
	return s.Seek(offset, whence)
}

// Readdir returns the next entries of a directory, in the order of their names. It ends
// as [os.File.Readdir] does.
func (f *jailFile) Readdir(count int) ([]os.FileInfo, error) {
	d, ok := f.File.(fs.ReadDirFile)
	if !ok {
		return nil, f.fail("readdir", syscall.ENOTDIR)
	}
	entries, err := d.ReadDir(count)
	infos := make([]os.FileInfo, 0, len(entries))
	for _, e := range entries {
		st, infoErr := e.Info()
		if infoErr != nil {
			return infos, infoErr
		}
		infos = append(infos, st)
	}
	return infos, err
}

func (f *jailFile) Readdirnames(count int) ([]string, error) {
	infos, err := f.Readdir(count)
	names := make([]string, len(infos))
	for i, st := range infos {
		names[i] = st.Name()
	}
	return names, err
}

// Sync does nothing.
func (f *jailFile) Sync() error { return nil }

func (f *jailFile) Write([]byte) (int, error)          { return 0, f.fail("write", syscall.EPERM) }
func (f *jailFile) WriteAt([]byte, int64) (int, error) { return 0, f.fail("write", syscall.EPERM) }
func (f *jailFile) WriteString(string) (int, error)    { return 0, f.fail("write", syscall.EPERM) }
func (f *jailFile) Truncate(int64) error               { return f.fail("truncate", syscall.EPERM) }

func (f *jailFile) fail(op string, err error) error {
	return &fs.PathError{Op: op, Path: f.name, Err: err}
}
