package vfs

import (
	"errors"
	"io"
	"io/fs"
	"path"
)

// A file is an open object as an [fs.File].
type file struct {
	view   view
	obj    *Object
	off    int64 // where the next Read begins
	at     int64 // the offset of obj.Body
	closed bool
}

var (
	_ io.Seeker   = (*file)(nil)
	_ io.ReaderAt = (*file)(nil)
)

func (f *file) Stat() (fs.FileInfo, error) {
	if f.closed {
		return nil, f.fail("stat", fs.ErrClosed)
	}
	info := &f.obj.Info
	return fileInfo{info.Name.Base(), info.Size, info.ModTime, fileMode}, nil
}

// Read continues at the current offset. After a Seek, a body that cannot seek is
// reopened at that offset, provided that it is still the same version.
func (f *file) Read(p []byte) (int, error) {
	if f.closed {
		return 0, f.fail("read", fs.ErrClosed)
	}
	if len(p) == 0 {
		return 0, nil
	}
	if f.off >= f.obj.Info.Size {
		return 0, io.EOF
	}
	if f.at != f.off {
		if err := f.seekBody(); err != nil {
			return 0, f.failRead(err)
		}
	}
	n, err := f.obj.Body.Read(p)
	f.off += int64(n)
	f.at = f.off
	if err != nil && err != io.EOF {
		err = f.failRead(err)
	}
	return n, err
}

func (f *file) seekBody() error {
	if s, ok := f.obj.Body.(io.Seeker); ok && f.isWhole() {
		_, err := s.Seek(f.off, io.SeekStart)
		f.at = f.off
		return err
	}
	obj, err := f.reopen(f.off, f.obj.Info.Size)
	if err != nil {
		return err
	}
	f.obj.Body.Close()
	f.obj.Body, f.obj.Span, f.at = obj.Body, obj.Span, f.off
	return nil
}

// isWhole reports whether offsets in the body are those in the object. After a reopen
// they need not be: a cache can return a body that can seek after one that cannot.
func (f *file) isWhole() bool { return f.obj.Span.Length == f.obj.Info.Size }

// reopen opens the same version as f. The Body is at the offset first and yields all bytes up
// to end.
func (f *file) reopen(first, end int64) (*Object, error) {
	req := Request{Range: RangeBetween(first, end-1)}
	if tag := f.obj.Info.ETag; tag != "" {
		req.Cond.IfMatch.List = []Tag{{Value: tag, Set: true}}
	}
	obj, err := f.view.jail.Get(f.view.ctx, f.obj.Info.Name, req)
	if errors.Is(err, ErrPrecondition) || errors.Is(err, ErrRange) {
		return nil, ErrChanged
	}
	if err != nil {
		return nil, err
	}
	was, is := &f.obj.Info, &obj.Info
	if is.Size != was.Size || !is.ModTime.Equal(was.ModTime) || is.ETag != was.ETag {
		obj.Body.Close()
		return nil, ErrChanged
	}
	if err := obj.skipTo(first, end); err != nil {
		obj.Body.Close()
		return nil, err
	}
	return obj, nil
}

// skipTo reads Body up to the offset first of the object: a backend whose service ignores
// ranges yields more than the range. It fails with ErrChanged if Body does not have all bytes
// up to end.
func (o *Object) skipTo(first, end int64) error {
	if o.Span.Offset > first || o.Span.Offset+o.Span.Length < end {
		return ErrChanged
	}
	_, err := io.CopyN(io.Discard, o.Body, first-o.Span.Offset)
	if err == io.EOF {
		return ErrChanged
	}
	return err
}

func (f *file) Seek(offset int64, whence int) (int64, error) {
	if f.closed {
		return 0, f.fail("seek", fs.ErrClosed)
	}
	switch whence {
	case io.SeekCurrent:
		offset += f.off
	case io.SeekEnd:
		offset += f.obj.Info.Size
	}
	if offset < 0 || whence < io.SeekStart || whence > io.SeekEnd {
		return 0, f.fail("seek", fs.ErrInvalid)
	}
	f.off = offset
	return offset, nil
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	switch {
	case f.closed:
		return 0, f.fail("read", fs.ErrClosed)
	case off < 0:
		return 0, f.fail("read", fs.ErrInvalid)
	case off >= f.obj.Info.Size:
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	}
	if r, ok := f.obj.Body.(io.ReaderAt); ok && f.isWhole() {
		n, err := r.ReadAt(p, off)
		if err != nil && err != io.EOF {
			err = f.failRead(err)
		}
		return n, err
	}
	obj, err := f.reopen(off, off+min(int64(len(p)), f.obj.Info.Size-off))
	if err != nil {
		return 0, f.failRead(err)
	}
	defer obj.Body.Close()
	n, err := io.ReadFull(obj.Body, p)
	if errors.Is(err, io.ErrUnexpectedEOF) && off+int64(n) == f.obj.Info.Size {
		err = io.EOF
	} else if err != nil {
		err = f.failRead(err)
	}
	return n, err
}

func (f *file) Close() error {
	if f.closed {
		return f.fail("close", fs.ErrClosed)
	}
	f.closed = true
	return f.obj.Body.Close()
}

func (f *file) fail(op string, err error) error {
	return &fs.PathError{Op: op, Path: f.obj.Info.Name.String(), Err: err}
}

// failRead wraps an error of the body. That can be any error of the backend, and its
// text may hold a path of the host.
func (f *file) failRead(err error) error {
	return f.fail("read", outward("read", f.obj.Info.Name, f.obj.Info.Rule, err))
}

// A dirFile is an open directory. The first call of ReadDir reads all entries.
type dirFile struct {
	view    view
	name    string // below view.dir
	dir     Name
	entries []fs.DirEntry
	read    bool
	closed  bool
}

func (d *dirFile) Stat() (fs.FileInfo, error) {
	if d.closed {
		return nil, &fs.PathError{Op: "stat", Path: d.name, Err: fs.ErrClosed}
	}
	return fileInfo{name: path.Base(d.name), mode: dirMode}, nil
}

func (d *dirFile) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: errIsDirectory}
}

func (d *dirFile) ReadDir(n int) ([]fs.DirEntry, error) {
	if d.closed {
		return nil, &fs.PathError{Op: "readdir", Path: d.name, Err: fs.ErrClosed}
	}
	if !d.read {
		entries, err := d.view.ReadDir(d.name)
		if err != nil {
			return nil, err
		}
		d.entries, d.read = entries, true
	}
	if n <= 0 {
		n = len(d.entries)
	} else if len(d.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.entries))
	part := d.entries[:n:n]
	d.entries = d.entries[n:]
	return part, nil
}

func (d *dirFile) Close() error {
	if d.closed {
		return &fs.PathError{Op: "close", Path: d.name, Err: fs.ErrClosed}
	}
	d.closed = true
	return nil
}

var errIsDirectory = errors.New("is a directory")
