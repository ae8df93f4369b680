package vfs

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"syscall"
	"time"
)

// This file holds what backends over a file system share. Those who only use
// backends need none of it.

// CheckLinks refuses n with [ReasonSymlink] if one of its elements is a symbolic
// link, going down from the top with lstat. With report, the error's Link is
// where the first link leads. It is for backends whose file system has nothing
// better: between the check and an open, a link can appear.
func CheckLinks(op string, n Name, report bool, lstat func(string) (fs.FileInfo, error), readlink func(string) (string, error)) error {
	for i := 0; i <= len(n.s); i++ {
		if i < len(n.s) && n.s[i] != '/' {
			continue
		}
		st, err := lstat(n.s[:i])
		if err != nil {
			return FSError(op, n, err)
		}
		if st.Mode().Type() != fs.ModeSymlink {
			continue
		}
		e := refuse(op, n.s, ReasonSymlink)
		if report {
			if target, err := readlink(n.s[:i]); err == nil {
				e.Link = LinkTarget(Name{n.s[:i]}, target, n.s[i:])
			}
		}
		return e
	}
	return nil
}

// LinkTarget returns the name that a link leads to: link is the link's own name,
// without links above it, target its text, and rest what follows it in the name
// that was asked for, "" or beginning with a slash. The zero Name if that is
// outside, absolute, or no name.
func LinkTarget(link Name, target, rest string) Name {
	if target == "" || target[0] == '/' {
		return Name{}
	}
	elems := slices.Collect(link.Dir().Elements())
	sure := len(elems) // these are directories, and no links
	for elem := range strings.SplitSeq(target+rest, "/") {
		switch elem {
		case "", ".":
		case "..":
			// What ".." means after an element of the target depends on whether
			// that one is a link; before, it means the directory above.
			if len(elems) == 0 || len(elems) > sure {
				return Name{}
			}
			elems = elems[:len(elems)-1]
			sure = len(elems)
		default:
			elems = append(elems, elem)
		}
	}
	if len(elems) == 0 {
		return Root
	}
	n, err := ParseName(strings.Join(elems, "/"))
	if err != nil {
		return Name{}
	}
	return n
}

// ModeReason returns "" for a regular file, else why it is not served.
func ModeReason(m fs.FileMode) Reason {
	switch {
	case m.IsRegular():
		return ""
	case m.IsDir():
		return ReasonDirectory
	case m.Type() == fs.ModeSymlink:
		return ReasonSymlink
	}
	return ReasonSpecialFile
}

// FSError returns what a file system's error is for a Backend's caller: all that
// says "not there" is [ReasonMissing].
func FSError(op string, n Name, err error) error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return err
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrInvalid), errors.Is(err, syscall.ENOTDIR):
		return &Error{Op: op, Name: n.s, Reason: ReasonMissing, Err: err}
	case errors.Is(err, fs.ErrPermission):
		return &Error{Op: op, Name: n.s, Reason: ReasonPermission, Err: err}
	}
	return &Error{Op: op, Name: n.s, Err: err}
}

// TimeTag makes an ETag of a time in nanoseconds, a size, and what else tells
// two objects apart.
func TimeTag(salt string, modTime time.Time, size int64) string {
	buf := make([]byte, 0, 64)
	buf = binary.LittleEndian.AppendUint64(buf, uint64(modTime.UnixNano()))
	buf = binary.LittleEndian.AppendUint64(buf, uint64(size))
	buf = append(buf, salt...)
	sum := sha256.Sum256(buf)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// ListWhole is a Backend's List where a directory is read whole, by read: it
// yields the entries after the key after, in order. An error of read is taken as
// FSError does.
func ListWhole(ctx context.Context, dir Name, after string, read func() ([]fs.DirEntry, error)) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		list, err := read()
		if err != nil {
			yield(Entry{}, FSError("list", dir, err))
			return
		}
		yieldEntries(ctx, dir, list, after, yield)
	}
}

func yieldEntries(ctx context.Context, dir Name, list []fs.DirEntry, after string, yield func(Entry, error) bool) {
	entries := make([]Entry, 0, len(list))
	for _, d := range list {
		e := Entry{Elem: d.Name()}
		switch ModeReason(d.Type()) {
		case ReasonDirectory:
			e.Kind = KindDir
		case ReasonSymlink:
			e.Kind = KindLink
		case ReasonSpecialFile:
			e.Kind = KindSpecial
		}
		if e.Key() <= after {
			continue
		}
		if e.Kind == KindFile {
			st, err := d.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				yield(Entry{}, FSError("list", dir, err))
				return
			}
			e.Size, e.ModTime = st.Size(), st.ModTime()
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Key(), b.Key()) })
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			yield(Entry{}, &Error{Op: "list", Name: dir.s, Err: err})
			return
		}
		if !yield(e, nil) {
			return
		}
	}
}

// NewBody returns an Object's Body: the bytes of span out of r, which stands at
// its start. Where r can seek, bytes before the span are not read. The body
// fails with ctx's error once that is cancelled, and with [ErrChanged] if r ends
// too early. Closing it closes r. If NewBody fails, r is closed.
func NewBody(ctx context.Context, r io.ReadCloser, span Span) (io.ReadCloser, error) {
	if span.Offset > 0 {
		var err error
		if s, ok := r.(io.Seeker); ok {
			_, err = s.Seek(span.Offset, io.SeekStart)
		} else {
			_, err = io.CopyN(io.Discard, r, span.Offset)
		}
		if err != nil {
			r.Close()
			return nil, err
		}
	}
	return &body{ctx, r, span.Length}, nil
}

type body struct {
	ctx  context.Context
	r    io.ReadCloser
	left int64
}

func (b *body) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.r.Read(p)
	b.left -= int64(n)
	if err == io.EOF && b.left > 0 {
		err = ErrChanged
	}
	return n, err
}

func (b *body) Close() error { return b.r.Close() }
