package aferofs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/afero"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// FromJail returns a jail as a read-only afero.Fs. Every name has the verdict
// that the jail gives it under ctx, and cancelling ctx ends reads that are
// under way.
//
// Names are those of the jail, and may have one leading slash. "", "." and "/"
// are the top. On Windows, backslashes are slashes. Nothing else is cleaned:
// a name with "..", say, is refused.
//
// What is missing and what is refused is one and the same fs.ErrNotExist, such
// that os.IsNotExist and afero.Exists know it; who has to know why asks the
// jail. All that would change something fails with syscall.EPERM, which is an
// fs.ErrPermission, whether or not the name is there.
func FromJail(ctx context.Context, jail *vfs.Jail) afero.Fs {
	return jailFs{jail.WithContext(ctx)}
}

type jailFs struct{ fsys fs.FS }

func (j jailFs) Name() string { return "bailiwick" }

func (j jailFs) Open(name string) (afero.File, error) {
	f, err := j.fsys.Open(inside(name))
	if err != nil {
		return nil, outward("open", name, err)
	}
	return &jailFile{f, name}, nil
}

func (j jailFs) OpenFile(name string, flag int, _ os.FileMode) (afero.File, error) {
	if flag&(os.O_WRONLY|os.O_RDWR|os.O_APPEND|os.O_CREATE|os.O_TRUNC) != 0 {
		return nil, readOnly("open", name)
	}
	return j.Open(name)
}

func (j jailFs) Stat(name string) (os.FileInfo, error) {
	st, err := fs.Stat(j.fsys, inside(name))
	if err != nil {
		return nil, outward("stat", name, err)
	}
	return st, nil
}

func (j jailFs) Create(name string) (afero.File, error)    { return nil, readOnly("create", name) }
func (j jailFs) Mkdir(name string, _ os.FileMode) error    { return readOnly("mkdir", name) }
func (j jailFs) MkdirAll(name string, _ os.FileMode) error { return readOnly("mkdir", name) }
func (j jailFs) Remove(name string) error                  { return readOnly("remove", name) }
func (j jailFs) RemoveAll(name string) error               { return readOnly("remove", name) }
func (j jailFs) Rename(oldname, _ string) error            { return readOnly("rename", oldname) }
func (j jailFs) Chmod(name string, _ os.FileMode) error    { return readOnly("chmod", name) }
func (j jailFs) Chown(name string, _, _ int) error         { return readOnly("chown", name) }
func (j jailFs) Chtimes(name string, _, _ time.Time) error { return readOnly("chtimes", name) }

// inside returns what an afero user's name is to the jail.
func inside(name string) string {
	name = filepath.ToSlash(name)
	switch name {
	case "", ".", "/":
		return "."
	case "/.":
		return name // and not the top, which is what would be left of it
	}
	return strings.TrimPrefix(name, "/")
}

// outward gives an error the name that the caller used. os.IsNotExist unwraps
// nothing but a PathError, so a refusal has to be the bare sentinel in one.
func outward(op, name string, err error) error {
	var p *fs.PathError
	if errors.Is(err, fs.ErrNotExist) {
		err = fs.ErrNotExist
	} else if errors.As(err, &p) {
		err = p.Err
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

func readOnly(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: syscall.EPERM}
}
