package vfs

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"iter"
	"sync"

	"github.com/bailiwick-fs/bailiwick/vfs/internal/filestore"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// FromFS returns a read-only Backend over a file system such as an [embed.FS], a
// *zip.Reader or an fstest.MapFS.
//
// If fsys implements [fs.ReadLinkFS], FromFS refuses symbolic links. If it implements
// that or [fs.StatFS], FromFS opens no FIFO and none of the process's own files. This
// check precedes the open, and the two are not atomic: do not use FromFS for a
// directory that others can write to. Package backends/disk has no such gap.
//
// On Windows, FromFS refuses names that can be second names of a file of the host, such as
// "a.txt." and "SECRET~1.TXT", if the file's [fs.FileInfo.Sys] is that of package os.
//
// An object's ETag is derived from its name, time and size, or from its content if fsys
// is an embed.FS, which has no times. Without either, an object has no ETag.
func FromFS(fsys fs.FS) Backend {
	b := &fromFS{fsys: fsys}
	if e, ok := fsys.(embed.FS); ok {
		b.fsys, b.hashes = e, &sync.Map{}
	}
	return b
}

type fromFS struct {
	fsys   fs.FS
	hashes *sync.Map // Name to ETag; nil unless contents are immutable
}

func (b *fromFS) Caps() Caps { return Caps{Kind: "fs", Directories: true} }

func (b *fromFS) Open(ctx context.Context, n Name, req Request) (*Object, error) {
	f, info, err := b.open(ctx, "open", n, req.Links)
	if err != nil {
		return nil, err
	}
	span, err := req.Resolve("open", info)
	if err != nil {
		f.Close()
		return nil, err
	}
	body, err := filestore.NewBody(ctx, f, span.Offset, span.Length, ErrChanged)
	if err != nil {
		return nil, &Error{Op: "open", Name: n.s, Err: err}
	}
	return &Object{Info: info, Span: span, Body: body}, nil
}

func (b *fromFS) Stat(ctx context.Context, n Name, req Request) (Info, error) {
	f, info, err := b.open(ctx, "stat", n, req.Links)
	if err != nil {
		return Info{}, err
	}
	f.Close()
	req.Range = Range{}
	if _, err := req.Resolve("stat", info); err != nil {
		return Info{}, err
	}
	return info, nil
}

func (b *fromFS) open(ctx context.Context, op string, n Name, links bool) (fs.File, Info, error) {
	if err := ctx.Err(); err != nil {
		return nil, Info{}, &Error{Op: op, Name: n.s, Err: err}
	}
	if n.IsZero() || n.IsRoot() {
		return nil, Info{}, refuse(op, n.s, reason.Directory)
	}
	if err := b.precheck(op, n, links); err != nil {
		return nil, Info{}, err
	}
	f, err := b.fsys.Open(n.s)
	if err != nil {
		return nil, Info{}, fsError(op, n, err)
	}
	info, err := b.describe(op, n, f)
	if err != nil {
		f.Close()
		return nil, Info{}, err
	}
	return f, info, nil
}

func (b *fromFS) describe(op string, n Name, f fs.File) (Info, error) {
	st, err := f.Stat()
	if err != nil {
		return Info{}, fsError(op, n, err)
	}
	if r := refusal(n, st); r != "" {
		return Info{}, refuse(op, n.s, r)
	}
	info := Info{Name: n, Size: st.Size(), ModTime: st.ModTime()}
	if b.hashes != nil {
		info.ETag, err = b.hash(n, f)
	} else if _, ok := info.LastModified(); ok {
		info.ETag = filestore.TimeTag(n.s, info.ModTime, info.Size)
	}
	if err != nil {
		return Info{}, fsError(op, n, err)
	}
	return info, nil
}

// hash returns the ETag of an embedded file and rewinds f.
func (b *fromFS) hash(n Name, f fs.File) (string, error) {
	if tag, ok := b.hashes.Load(n); ok {
		return tag.(string), nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	s, ok := f.(io.Seeker)
	if !ok {
		return "", errors.ErrUnsupported
	}
	if _, err := s.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	tag := base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16])
	b.hashes.Store(n, tag)
	return tag, nil
}

// precheck refuses whatever can be refused without opening it.
func (b *fromFS) precheck(op string, n Name, links bool) error {
	if err := b.checkLinks(op, n, links); err != nil {
		return err
	}
	var st fs.FileInfo
	var err error
	switch fsys := b.fsys.(type) {
	case fs.ReadLinkFS:
		st, err = fsys.Lstat(n.s)
	case fs.StatFS:
		st, err = fsys.Stat(n.s)
	default:
		return nil
	}
	if err != nil {
		return fsError(op, n, err)
	}
	if r := refusal(n, st); r != "" {
		return refuse(op, n.s, r)
	}
	return nil
}

// refusal returns why the file n, which st describes, is not served, or "". Windows opens
// a file also by names that a policy does not know as its own.
func refusal(n Name, st fs.FileInfo) Reason {
	if filestore.IsAlias(n.s, st) {
		return reason.Unholdable
	}
	return reason.ForFile(st)
}

// checkLinks refuses n if there is a link on its path.
func (b *fromFS) checkLinks(op string, n Name, report bool) error {
	lfs, ok := b.fsys.(fs.ReadLinkFS)
	if !ok {
		return nil
	}
	target, found, err := filestore.FindLink(n.s, lfs.Lstat, lfs.ReadLink)
	switch {
	case err != nil:
		return fsError(op, n, err)
	case !found:
		return nil
	}
	e := refuse(op, n.s, reason.Symlink)
	if report && target == Root.s {
		e.Link = Root
	} else if report {
		e.Link, _ = ParseName(target) // the zero Name if target is not a valid name
	}
	return e
}

func (b *fromFS) List(ctx context.Context, dir Name, after string) iter.Seq2[Entry, error] {
	read := func(take func(fs.DirEntry) error) error {
		if !dir.IsRoot() {
			if err := b.checkLinks("list", dir, true); err != nil {
				return err
			}
		}
		f, err := b.fsys.Open(dir.s)
		if err != nil {
			return err
		}
		defer f.Close()
		st, err := f.Stat()
		if err != nil {
			return err
		}
		if !st.IsDir() {
			return fs.ErrNotExist
		}
		if r := refusal(dir, st); r == reason.OwnFile || r == reason.Unholdable {
			return refuse("list", dir.s, r)
		}
		if d, ok := f.(fs.ReadDirFile); ok {
			return filestore.EachEntry(d, take)
		}
		list, err := fs.ReadDir(b.fsys, dir.s)
		if err != nil {
			return err
		}
		for _, d := range list {
			if err := take(d); err != nil {
				return err
			}
		}
		return nil
	}
	return func(yield func(Entry, error) bool) {
		for e, err := range filestore.List(ctx, after, filestore.Entries[Kind](read)) {
			if err != nil {
				err = fsError("list", dir, err)
			}
			if !yield(Entry(e), err) {
				return
			}
		}
	}
}

func (b *fromFS) Put(_ context.Context, n Name, _ io.Reader, _ PutOptions) (Info, error) {
	return Info{}, &Error{Op: "put", Name: n.s, Err: ErrUnsupported}
}

func (b *fromFS) Remove(_ context.Context, n Name, _ Cond) error {
	return &Error{Op: "remove", Name: n.s, Err: ErrUnsupported}
}

// fsError does what driver.FSError does.
func fsError(op string, n Name, err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return &Error{Op: op, Name: n.s, Reason: reason.ForError(err), Err: err}
}
