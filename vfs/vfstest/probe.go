package vfstest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// get opens n, reads the body to its end and closes it. It checks what must hold for
// every object.
func (p *probe) get(n vfs.Name, req vfs.Request) (*vfs.Object, []byte, error) {
	obj, err := p.b.Open(p.ctx, n, req)
	if err != nil {
		if obj != nil {
			p.errorf("Open(%q) returned an object together with the error %v", n, err)
		}
		return nil, nil, err
	}
	if obj == nil || obj.Body == nil {
		return nil, nil, fmt.Errorf("Open(%q) returned no object, or one without Body, and no error", n)
	}
	defer obj.Body.Close()
	data, err := io.ReadAll(obj.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the body of %q: %w", n, err)
	}
	if int64(len(data)) != obj.Span.Length {
		return nil, nil, fmt.Errorf("the body of %q yielded %d bytes and then io.EOF, Span.Length is %d", n, len(data), obj.Span.Length)
	}
	p.checkInfo(n, &obj.Info)
	return obj, data, nil
}

func (p *probe) checkInfo(n vfs.Name, info *vfs.Info) {
	if info.Name != n {
		p.errorf("Info.Name of %q is %q", n, info.Name)
	}
	if strings.ContainsAny(info.ETag, "\"\r\n") || strings.HasPrefix(info.ETag, "W/") {
		p.errorf("Info.ETag of %q is %q: it must be strong, and without its quotes", n, info.ETag)
	}
}

// holds checks that the object n exists and has exactly this content.
func (p *probe) holds(n vfs.Name, want string) {
	obj, data, err := p.get(n, vfs.Request{})
	switch {
	case err != nil:
		p.errorf("Open(%q): %w", n, err)
	case string(data) != want:
		p.errorf("Open(%q) yielded %s, want %s", n, excerpt(data), excerpt([]byte(want)))
	case obj.Info.Size != int64(len(want)):
		p.errorf("Info.Size of %q is %d, want %d", n, obj.Info.Size, len(want))
	case obj.Span != vfs.Span{Length: int64(len(want))}:
		p.errorf("Span of the whole object %q is %+v", n, obj.Span)
	}
}

// fails checks that err is a valid error of a backend: an *Error on the outside, since
// any other text could contain a path, a bucket or a host; with the requested name; and
// matching target.
func (p *probe) fails(call string, n vfs.Name, err, target error) *vfs.Error {
	if err == nil {
		p.errorf("%s(%q) succeeded, want an error: %v", call, n, target)
		return nil
	}
	e, ok := err.(*vfs.Error)
	if !ok {
		p.errorf("%s(%q) failed with a %T, want an *vfs.Error: its text may contain what clients must not see", call, n, err)
		return nil
	}
	if e.Name != n.String() {
		p.errorf("%s(%q) failed with an Error for %q, want the requested name", call, n, e.Name)
	}
	if e.Op == "" || strings.ContainsAny(e.Op, "/\\ ") {
		p.errorf("%s(%q) failed with an Error whose Op is %q", call, n, e.Op)
	}
	if !errors.Is(err, target) {
		p.errorf("%s(%q) failed with %v (%v, reason %q), want %v", call, n, err, e.Err, e.Reason, target)
	}
	return e
}

// refuses is fails for fs.ErrNotExist; the reason "" stands for any reason.
func (p *probe) refuses(call string, n vfs.Name, err error, reason vfs.Reason) {
	e := p.fails(call, n, err, fs.ErrNotExist)
	if e != nil && reason != "" && e.Reason != reason {
		p.errorf("%s(%q) failed with reason %q, want %q", call, n, e.Reason, reason)
	}
}

func excerpt(b []byte) string {
	if len(b) <= 40 {
		return fmt.Sprintf("%q", b)
	}
	return fmt.Sprintf("%q... (%d bytes)", b[:40], len(b))
}
