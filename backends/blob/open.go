package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"time"

	cdk "gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/bailiwick-fs/bailiwick/backends/internal/keyed"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// maxTries is how often a call is tried again because of changes by others.
const maxTries = 4

// Open returns the object n. With a Service, it sends one request, for the bytes; before
// that another one, for the attributes, if req has an If-None-Match or If-Modified-Since
// or asks for the last bytes, and after it two others if the version of If-Range is not
// the current one, or if the service cannot satisfy the range.
//
// Without a Service, it asks for the attributes, opens the object, and asks for the
// attributes again, so that Info and Body are known to belong to one version.
//
// A body that breaks off is not resumed: it fails with vfs.ErrUnavailable.
func (b *Backend) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	c, err := b.call(ctx, "open", n)
	if err != nil {
		return nil, err
	}
	if err := c.checkFile(req.Links); err != nil {
		return nil, err
	}
	if b.service != nil && opensAtOnce(req) {
		if obj, err := c.openAtOnce(req); obj != nil || err != nil {
			return obj, err
		}
	}
	for range maxTries {
		obj, err := c.openSeen(req)
		if err != errOther {
			return obj, err
		}
	}
	return nil, c.fail(errBusy)
}

// openSeen asks for the attributes and opens the version that they describe, or fails
// with errOther. Without a Service, no change of this Backend comes between the two.
func (c *call) openSeen(req vfs.Request) (*vfs.Object, error) {
	defer c.holdChanges()()
	seen, err := c.look()
	if err != nil {
		return nil, err
	}
	span, err := req.Resolve(c.op, seen.info)
	if err != nil {
		return nil, err
	}
	if span.Length == 0 {
		return &vfs.Object{Info: seen.info, Span: span, Body: http.NoBody}, nil
	}
	return c.openVersion(seen, span)
}

// Stat describes the object n with one request.
func (b *Backend) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	c, err := b.call(ctx, "stat", n)
	if err != nil {
		return vfs.Info{}, err
	}
	if err := c.checkFile(req.Links); err != nil {
		return vfs.Info{}, err
	}
	release := c.holdChanges()
	seen, err := c.look()
	release()
	if err != nil {
		return vfs.Info{}, err
	}
	req.Range = vfs.Range{}
	if _, err := req.Resolve(c.op, seen.info); err != nil {
		return vfs.Info{}, err
	}
	return seen.info, nil
}

// holdChanges keeps this Backend from completing a change until release is called, if
// locks enforce its conditions. fileblob, for one, replaces the attributes of a file and
// the file itself one after the other.
func (b *Backend) holdChanges() (release func()) {
	if b.service != nil || !b.caps.Writable {
		return func() {}
	}
	b.mu.RLock()
	return b.mu.RUnlock
}

// A version is an existing object, as one request for its attributes describes it.
type version struct {
	info vfs.Info
	mod  time.Time // with fractions of a second
	mark string    // of the Put that made it, "" if unknown
}

// look asks for the attributes of the object.
func (c *call) look() (version, error) {
	a, err := c.bucket.Attributes(c.ctx, c.key)
	if err != nil {
		return version{}, c.fail(err)
	}
	if err := c.ctx.Err(); err != nil {
		return version{}, c.fail(err)
	}
	o := Opened{
		Size: a.Size, ModTime: a.ModTime, ContentType: a.ContentType, Encoding: a.ContentEncoding,
		ContentTime: a.Metadata[keyed.TimeKey], Tag: keyed.OpaqueTag(a.ETag),
	}
	if c.service != nil {
		o.Tag = c.service.Tag(a)
	}
	if o.Tag == "" {
		return version{}, c.fail(errNoTag)
	}
	return version{c.info(o), a.ModTime, a.Metadata[markKey]}, nil
}

// exists is look, with nil for a missing object.
func (c *call) exists() (*version, error) {
	v, err := c.look()
	switch {
	case vfs.ReasonOf(err) == reason.Missing:
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &v, nil
}

func (c *call) info(o Opened) vfs.Info {
	info := vfs.Info{
		Name: c.n, Size: o.Size, ETag: o.Tag, ContentType: o.ContentType, Encoding: o.Encoding,
		ContentTime: keyed.ParseTime(o.ContentTime),
		// Not every kind of answer has fractions of a second.
		ModTime: o.ModTime.Truncate(time.Second),
	}
	switch info.ContentType {
	case "binary/octet-stream", "application/octet-stream": // also if none was given
		info.ContentType = ""
	}
	return info
}

// opensAtOnce reports whether req is answered by a request for the bytes. The others
// need to know the size first, or save the bytes by knowing the version first.
func opensAtOnce(req vfs.Request) bool {
	first, _ := req.Range.Bounds()
	return first >= 0 && req.Cond.IfNoneMatch.IsZero() && req.Cond.IfModifiedSince.IsZero()
}

// openAtOnce returns neither an object nor an error if only the attributes can decide.
func (c *call) openAtOnce(req vfs.Request) (*vfs.Object, error) {
	first, last := req.Range.Bounds()
	length := int64(-1)
	if last >= 0 {
		length = last - first + 1 // negative, for all of it, if that is too large
	}
	r, err := c.reader(first, length, c.service.ReadIf(""))
	if err != nil {
		if code := c.code(err); !req.Range.IsZero() && code != gcerrors.NotFound && code != gcerrors.PermissionDenied && c.ctx.Err() == nil {
			return nil, nil
		}
		return nil, c.fail(err)
	}
	o, ok := c.service.Opened(r)
	if !ok || o.Tag == "" || o.Size < 0 {
		r.Close()
		if ok || req.Range.IsZero() {
			return nil, c.fail(errNoTag)
		}
		return nil, nil // no range: azurite answers so to one behind the end
	}
	info := c.info(o)
	span, err := req.Resolve(c.op, info)
	if err != nil || span.Offset != o.Offset || span.Length != o.Length {
		r.Close()
		return nil, err
	}
	return c.object(r, info, span)
}

// errOther means that the object has another version by now.
var errOther = errors.New("another version")

// openVersion opens the span of the version seen, or fails with errOther.
func (c *call) openVersion(seen version, span vfs.Span) (*vfs.Object, error) {
	length := span.Length
	if span.Length == seen.info.Size {
		length = -1
	}
	if c.service == nil {
		return c.openChecked(seen, span, length)
	}
	r, err := c.reader(span.Offset, length, c.service.ReadIf(seen.info.ETag))
	if err != nil {
		switch c.code(err) {
		case gcerrors.FailedPrecondition, gcerrors.NotFound:
			return nil, errOther
		}
		return nil, c.fail(err)
	}
	o, ok := c.service.Opened(r)
	if !ok || o.Tag != seen.info.ETag || o.Size != seen.info.Size || o.Offset != span.Offset || o.Length != span.Length {
		r.Close()
		return nil, c.fail(fmt.Errorf("%w: the service did not send the requested bytes", vfs.ErrUnavailable))
	}
	return c.object(r, seen.info, span)
}

// openChecked opens an object of a driver that cannot be asked for a version.
func (c *call) openChecked(seen version, span vfs.Span, length int64) (*vfs.Object, error) {
	var same func() error
	hook := Hook(nil)
	if c.files != nil {
		hook, same = c.files.sameFile(c)
	}
	r, err := c.reader(span.Offset, length, hook)
	if err != nil {
		if c.code(err) == gcerrors.NotFound {
			return nil, errOther
		}
		return nil, c.fail(err)
	}
	if same != nil {
		err = same()
	}
	var again version
	if err == nil {
		again, err = c.look()
	}
	if err == nil && (again.info.ETag != seen.info.ETag || r.Size() != seen.info.Size || !r.ModTime().Truncate(time.Second).Equal(seen.info.ModTime)) {
		err = errOther
	}
	if vfs.ReasonOf(err) == reason.Missing {
		err = errOther
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return c.object(r, seen.info, span)
}

func (c *call) reader(offset, length int64, hook Hook) (*cdk.Reader, error) {
	ctx := c.ctx
	if c.service != nil {
		ctx = c.service.Context(ctx)
	}
	return c.bucket.NewRangeReader(ctx, c.key, offset, length, &cdk.ReaderOptions{BeforeRead: hook})
}

func (c *call) object(r *cdk.Reader, info vfs.Info, span vfs.Span) (*vfs.Object, error) {
	body, err := driver.NewBody(c.ctx, &stream{c: c, r: r, left: span.Length}, vfs.Span{Length: span.Length})
	if err != nil {
		return nil, c.fail(err)
	}
	return &vfs.Object{Info: info, Span: span, Body: body}, nil
}

// A stream is the part of a reader that a body uses: its Seek would open the object
// again, whatever version it has by then.
type stream struct {
	c      *call
	r      *cdk.Reader
	left   int64 // bytes to come
	closed bool
}

// Read does not give out the last bytes before the driver has confirmed them: some verify
// a checksum at the end.
func (s *stream) Read(p []byte) (int, error) {
	if s.closed {
		return 0, fs.ErrClosed
	}
	n, err := s.r.Read(p)
	s.left -= int64(n)
	if n > 0 && s.left == 0 && err == nil {
		err = s.confirm()
	}
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case s.c.ctx.Err() != nil:
		err = s.c.ctx.Err()
	case s.left == 0:
		err = fmt.Errorf("%w: the body is not what the driver promised: %w", vfs.ErrChanged, err)
	default:
		err = fmt.Errorf("%w: the body broke off: %w", vfs.ErrUnavailable, err)
	}
	return 0, err
}

// confirm reads the end after the last byte.
func (s *stream) confirm() error {
	var one [1]byte
	for range maxNoProgress {
		n, err := s.r.Read(one[:])
		if n > 0 {
			return errLonger
		}
		if err != nil {
			return err // io.EOF if all is well
		}
	}
	return io.ErrNoProgress
}

const maxNoProgress = 100

var errLonger = errors.New("it is longer")

func (s *stream) Close() error {
	if s.closed {
		return fs.ErrClosed
	}
	s.closed = true
	// A transfer that was cut short says so, and nobody needs to know.
	_ = s.r.Close()
	return nil
}
