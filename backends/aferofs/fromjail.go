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

// FromJail returns a jail as a read-only afero.Fs. Every name gets the jail's verdict
// under ctx, and canceling ctx ends reads in progress.
//
// Names are those of the jail, optionally with one leading slash. "", "." and "/" name
// the top. On Windows, backslashes are slashes. Nothing else is cleaned: a name with
// "..", for example, is refused.
//
// Missing and refused names give the same fs.ErrNotExist, which os.IsNotExist and
// afero.Exists recognize; to learn the reason, call the jail. Every operation that
// would change something fails with syscall.EPERM, which matches fs.ErrPermission,
// whether or not the name exists.
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

// inside converts an afero name to a name of the jail.
func inside(name string) string {
	name = filepath.ToSlash(name)
	switch name {
	case "", ".", "/":
		return "."
	case "/.":
		return name // otherwise this would become the top
	}
	return strings.TrimPrefix(name, "/")
}

// outward replaces the name in an error by the one that the caller used. os.IsNotExist
// unwraps only a PathError, so a refusal has to be the bare sentinel in one.
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
