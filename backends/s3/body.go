package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

const (
	// holdBytes is how much of a body's end waits until all of it is known to be
	// good. A wrong checksum shows only behind the last byte.
	holdBytes = 32 << 10
	// drainBytes is how much is read of a body that nobody wants any more, so
	// that its connection can be used again, and drainWait how long.
	drainBytes = 32 << 10
	drainWait  = 50 * time.Millisecond

	maxResumes    = 3
	firstPause    = 100 * time.Millisecond
	maxNoProgress = 100
)

var (
	errStalled = errors.New("s3: the body sent nothing for too long")
	errLonger  = fmt.Errorf("%w: S3 sent more bytes than it promised", vfs.ErrChanged)
)

// A source is where the bytes of one version of an object come from.
type source struct {
	b       *Backend
	ctx     context.Context
	key     string
	tag     string // its ETag as S3 sent it
	version string // its version id, "" if unknown
	size    int64
}

// A body yields the bytes next to end of its source. When its stream breaks, or
// was closed while it rested, it asks for the rest, of the same version. It keeps
// holdBytes at most. It holds a slot of the streams while stream is not nil.
type body struct {
	source
	next, end int64 // of the bytes still to be fetched
	resumes   int

	stream  *stream // nil between two, and after the end
	slotted bool    // it holds a slot of the streams
	broken  error   // what the stream ended with, behind bytes that are good

	held []byte // the object's last bytes
	good bool   // all bytes have come and are right: held can be yielded
	err  error  // what Read ended with, nil before
}

// attach makes r the stream to read. It runs under live, and cancel ends it.
func (b *body) attach(live context.Context, r io.ReadCloser, cancel context.CancelCauseFunc) {
	watch := time.AfterFunc(b.b.idle, func() { cancel(errStalled) })
	watch.Stop()
	b.stream, b.broken = &stream{ReadCloser: r, live: live, cancel: cancel, watch: watch}, nil
}

// rest lets the stream be closed while nobody reads it. Without an ETag there would
// be no going on.
func (b *body) rest() {
	if b.stream != nil && b.resumable() {
		b.b.streams.rest(b.stream)
	}
}

// wake gets the stream ready to be read again.
func (b *body) wake() error {
	if b.stream == nil || !b.resumable() || b.b.streams.wake(b.stream) {
		return nil
	}
	b.stream, b.slotted = nil, false
	if err := b.b.streams.enter(b.ctx, finishWait); err != nil {
		return err
	}
	b.slotted = true
	err := b.reopen()
	if err == nil || errors.Is(err, vfs.ErrChanged) {
		return err
	}
	return b.resume(err)
}

func (b *body) resumable() bool { return opaqueTag(b.tag) != "" }

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := 0, b.wake()
	if err == nil {
		n, err = b.read(p)
	}
	if err != nil {
		b.err = err
		b.finish(0)
	} else {
		b.rest()
	}
	return n, err
}

func (b *body) read(p []byte) (int, error) {
	for {
		if err := b.ctx.Err(); err != nil {
			return 0, err
		}
		left := b.end - b.next
		switch {
		case b.good && len(b.held) == 0:
			return 0, io.EOF
		case b.good:
			n := copy(p, b.held)
			b.held = b.held[n:]
			return n, nil
		case left > holdBytes:
			n, err := b.fetch(p[:min(int64(len(p)), left-holdBytes)])
			if n > 0 || err != nil {
				return n, err
			}
		default:
			if err := b.hold(); err != nil {
				return 0, err
			}
		}
	}
}

// hold reads to the end, and yields nothing before that was without an error.
func (b *body) hold() error {
	left := int(b.end - b.next)
	if b.held == nil {
		b.held = make([]byte, 0, left)
	}
	if left > 0 {
		n, err := b.fetch(b.held[len(b.held):cap(b.held)])
		b.held = b.held[:len(b.held)+n]
		return err
	}
	var one [1]byte
	for range maxNoProgress {
		n, err := 0, b.broken
		if err == nil {
			n, err = b.readStream(one[:])
		}
		switch {
		case n > 0:
			return errLonger
		case err == io.EOF:
			b.good = true
			b.finish(0)
			return nil
		case err != nil:
			// All bytes came, and yet there is an error: they are wrong.
			return fmt.Errorf("%w: %v", vfs.ErrChanged, err)
		}
	}
	return io.ErrNoProgress
}

// fetch reads into p from the stream, or from the next one. It returns bytes
// without an error, or none; none and no error if it is to be called again.
func (b *body) fetch(p []byte) (int, error) {
	for range maxNoProgress {
		n, err := 0, b.broken
		if err == nil {
			n, err = b.readStream(p)
			b.next += int64(n)
		}
		switch {
		case n > 0:
			b.broken = err
			return n, nil
		case err != nil:
			return 0, b.resume(err)
		}
	}
	return 0, io.ErrNoProgress
}

// readStream is one read that the watchdog bounds.
func (b *body) readStream(p []byte) (int, error) {
	b.stream.watch.Reset(b.b.idle)
	n, err := b.stream.Read(p)
	b.stream.watch.Stop()
	if err != nil && err != io.EOF && context.Cause(b.stream.live) == errStalled {
		err = errStalled
	}
	return n, err
}

// resume opens a stream for the rest, after the one before ended with cause. It
// accepts nothing but exactly that part of exactly that version: two versions
// in one body are worse than none.
func (b *body) resume(cause error) error {
	b.finishStream(0)
	if !b.resumable() {
		return fmt.Errorf("%w: the body broke off, and there is no ETag to go on by: %v", vfs.ErrUnavailable, cause)
	}
	for {
		if err := b.ctx.Err(); err != nil {
			return err
		}
		if b.resumes == maxResumes {
			return fmt.Errorf("%w: the body broke off too often: %v", vfs.ErrUnavailable, cause)
		}
		if err := pause(b.ctx, firstPause<<b.resumes); err != nil {
			return err
		}
		b.resumes++
		err := b.reopen()
		if err == nil || errors.Is(err, vfs.ErrChanged) {
			return err
		}
		cause = err
	}
}

// reopen asks for the bytes next to end. It fails with ErrChanged if they are
// not to be had any more.
func (b *body) reopen() error {
	if err := b.b.acquireWithin(b.ctx, finishWait); err != nil {
		return err
	}
	defer b.b.release()
	ctx, cancel := context.WithCancelCause(b.ctx)
	in := b.b.input(b.key)
	in.Range = aws.String(between(b.next, b.end-1))
	in.IfMatch = &b.tag
	if b.version != "" {
		in.VersionId = &b.version
	}
	out, err := b.b.api.GetObject(ctx, in)
	if err != nil {
		cancel(nil)
		return b.refused(err)
	}
	want := contentRange{b.next, b.end - 1, b.size}
	got, ok := parseContentRange(aws.ToString(out.ContentRange))
	if !ok || got != want || aws.ToInt64(out.ContentLength) != b.end-b.next || aws.ToString(out.ETag) != b.tag {
		drop(out.Body, cancel, aws.ToInt64(out.ContentLength))
		return fmt.Errorf("%w: S3 did not give the rest of it", vfs.ErrChanged)
	}
	b.attach(ctx, out.Body, cancel)
	return nil
}

func (b *body) refused(err error) error {
	a := answerOf(err)
	switch {
	case a.status == http.StatusForbidden && b.version != "":
		// Reading by version asks for a right of its own, s3:GetObjectVersion.
		// The ETag holds the version just as well.
		b.version = ""
		return describe(a, vfs.ErrUnavailable, err)
	case a.status == 0, a.status >= 500, a.status == http.StatusTooManyRequests, a.status == http.StatusRequestTimeout:
		return describe(a, vfs.ErrUnavailable, err)
	}
	return describe(a, vfs.ErrChanged, err)
}

// Close ends the transfer. It reads a little more of the body where that saves
// the connection.
func (b *body) Close() error {
	if b.err == fs.ErrClosed {
		return fs.ErrClosed
	}
	b.err = fs.ErrClosed
	if b.stream != nil && b.resumable() && !b.b.streams.wake(b.stream) {
		b.stream, b.slotted = nil, false
	}
	b.finish(b.end - b.next)
	b.held = nil
	return nil
}

// finish ends the stream and gives its slot back. left is how much is still to
// come, where draining it is worth a try.
func (b *body) finish(left int64) {
	if b.b == nil {
		return
	}
	b.finishStream(left)
	if b.slotted {
		b.slotted = false
		b.b.streams.leave()
	}
	b.b = nil
}

func (b *body) finishStream(left int64) {
	if b.stream == nil {
		return
	}
	b.stream.watch.Stop()
	if b.broken != nil {
		left = 0
	}
	drop(b.stream, b.stream.cancel, left)
	b.stream = nil
}

// drop closes a stream that has left bytes to come, and reads those first if
// they are few: a connection whose body was not read to its end is lost.
func drop(stream io.ReadCloser, cancel context.CancelCauseFunc, left int64) {
	if 0 < left && left <= drainBytes {
		timer := time.AfterFunc(drainWait, func() { cancel(nil) })
		io.CopyN(io.Discard, stream, drainBytes+1)
		timer.Stop()
	}
	cancel(nil)
	stream.Close()
}

// pause waits about d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d/2 + rand.N(d))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
