package vfs

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs/ownfile"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// This file holds what backends over a file system share. Those who only use
// backends need none of it.

// CheckLinks refuses n with [reason.Symlink] if one of its elements is a symbolic
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
		e := refuse(op, n.s, reason.Symlink)
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
		return reason.Directory
	case m.Type() == fs.ModeSymlink:
		return reason.Symlink
	}
	return reason.SpecialFile
}

// FileReason returns "" for a regular file that can be served, else why it is none:
// [ModeReason], or [reason.OwnFile] for what the process works with itself, see package
// ownfile. Of a file that is not one of the host's it cannot tell the latter.
func FileReason(st fs.FileInfo) Reason {
	if ownfile.Holds() && ownfile.Is(ownfile.IDOf(st)) {
		return reason.OwnFile
	}
	return ModeReason(st.Mode())
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
