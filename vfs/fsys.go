package vfs

import (
	"context"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A Jail implements these interfaces of io/fs.
var (
	_ fs.StatFS     = (*Jail)(nil)
	_ fs.ReadFileFS = (*Jail)(nil)
	_ fs.ReadDirFS  = (*Jail)(nil)
	_ fs.SubFS      = (*Jail)(nil)
	_ fs.GlobFS     = (*Jail)(nil)
)

// Open opens an object or a directory by name, as [fs.FS] specifies; "." is the top. A
// file gets the same verdict as in [Jail.Get], a directory the same as in [Jail.List].
// Files can seek. Errors are [*fs.PathError]s that wrap an [*Error].
//
// As an fs.FS, a Jail can be passed to http.FileServerFS, template.ParseFS or
// zip.Writer.AddFS. These methods use the background context; see [Jail.WithContext].
func (j *Jail) Open(name string) (fs.File, error) { return j.background().Open(name) }

// ReadFile returns the bytes of an object.
func (j *Jail) ReadFile(name string) ([]byte, error) { return j.background().ReadFile(name) }

// ReadDir returns the servable entries of a directory, sorted by name.
func (j *Jail) ReadDir(name string) ([]fs.DirEntry, error) { return j.background().ReadDir(name) }

// Sub returns the file system below the directory dir. Patterns still apply to full
// names.
func (j *Jail) Sub(dir string) (fs.FS, error) { return j.background().Sub(dir) }

// Glob returns the servable names that match pattern.
func (j *Jail) Glob(pattern string) ([]string, error) { return j.background().Glob(pattern) }

// Stat describes an object or a directory.
func (j *Jail) Stat(name string) (fs.FileInfo, error) { return j.background().Stat(name) }

func (j *Jail) background() view { return view{j, context.Background(), Root} }

// WithContext returns the Jail as a file system whose operations all use ctx:
// Policy.Authorize gets its principal, and canceling it ends reads in progress.
func (j *Jail) WithContext(ctx context.Context) fs.FS { return view{j, ctx, Root} }

// A view is a Jail's tree below dir, bound to a context.
type view struct {
	jail *Jail
	ctx  context.Context
	dir  Name
}

// name parses a name in io/fs form.
func (v view) name(op, name string) (Name, error) {
	if name == "." {
		return v.dir, nil
	}
	n, err := ParseName(name)
	if err == nil && !v.dir.IsRoot() {
		n, err = ParseName(v.dir.s + "/" + name)
	}
	if err != nil {
		return Name{}, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return n, nil
}

func (v view) Open(name string) (fs.File, error) {
	n, err := v.name("open", name)
	if err != nil {
		return nil, err
	}
	if !n.IsRoot() {
		obj, err := v.jail.Get(v.ctx, n, Request{})
		if err == nil {
			return &file{view: v, obj: obj}, nil
		}
		if !mayBeDir(err) {
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
	}
	if err := v.jail.HeadDir(v.ctx, n); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &dirFile{view: v, name: name, dir: n}, nil
}

// mayBeDir reports whether a name that is not an object for the caller may be a
// directory.
func mayBeDir(err error) bool {
	switch ReasonOf(err) {
	case reason.Directory, reason.PolicyNoAllow, reason.PolicyDotfile, reason.AuthDenied, reason.Missing, reason.Symlink:
		return true
	}
	return false
}

func (v view) Stat(name string) (fs.FileInfo, error) {
	n, err := v.name("stat", name)
	if err != nil {
		return nil, err
	}
	if !n.IsRoot() {
		info, err := v.jail.Head(v.ctx, n, Request{})
		if err == nil {
			return fileInfo{path.Base(name), info.Size, info.ModTime, fileMode}, nil
		}
		if !mayBeDir(err) {
			return nil, &fs.PathError{Op: "stat", Path: name, Err: err}
		}
	}
	if err := v.jail.HeadDir(v.ctx, n); err != nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	return fileInfo{name: path.Base(name), mode: dirMode}, nil
}

func (v view) ReadFile(name string) ([]byte, error) {
	n, err := v.name("read", name)
	if err != nil {
		return nil, err
	}
	obj, err := v.jail.Get(v.ctx, n, Request{})
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	defer obj.Body.Close()
	data, err := io.ReadAll(obj.Body)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: outward("read", n, obj.Info.Rule, err)}
	}
	return data, nil
}

func (v view) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := v.name("readdir", name)
	if err != nil {
		return nil, err
	}
	entries := []fs.DirEntry{}
	for e, err := range v.jail.List(v.ctx, n, "") {
		if err != nil {
			return entries, &fs.PathError{Op: "readdir", Path: name, Err: err}
		}
		info := fileInfo{e.Elem, e.Size, e.ModTime, fileMode}
		if e.Kind == KindDir {
			info = fileInfo{name: e.Elem, mode: dirMode}
		}
		entries = append(entries, fs.FileInfoToDirEntry(info))
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

func (v view) Sub(dir string) (fs.FS, error) {
	n, err := v.name("sub", dir)
	if err != nil {
		return nil, err
	}
	if dir == "." {
		return v, nil
	}
	return view{v.jail, v.ctx, n}, nil
}

func (v view) Glob(pattern string) ([]string, error) {
	// Hide the Glob method: fs.Glob would call it again.
	return fs.Glob(struct{ fs.ReadDirFS }{v}, pattern)
}

const (
	fileMode fs.FileMode = 0o444
	dirMode              = fs.ModeDir | 0o555
)

// fileInfo is what the file system reveals about an entry.
type fileInfo struct {
	name    string
	size    int64
	modTime time.Time
	mode    fs.FileMode
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return i.size }
func (i fileInfo) Mode() fs.FileMode  { return i.mode }
func (i fileInfo) ModTime() time.Time { return i.modTime }
func (i fileInfo) IsDir() bool        { return i.mode.IsDir() }
func (i fileInfo) Sys() any           { return nil }
func (i fileInfo) String() string     { return fs.FormatFileInfo(i) }
