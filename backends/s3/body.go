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

	"github.com/bailiwick-fs/bailiwick/backends/internal/keyed"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

const (
	// holdBytes is how much of a body's end is held back until the whole body has been
	// verified. A wrong checksum shows only after the last byte.
	holdBytes = 32 << 10
	// drainBytes is how much is read of a body that is no longer wanted, so that its
	// connection can be reused, and drainWait is for how long.
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

// A source identifies one version of an object to read from.
type source struct {
	b       *Backend
	ctx     context.Context
	key     string
	tag     string // its ETag as sent by S3
	version string // its version id, "" if unknown
	size    int64
}

// A body yields the bytes next to end of its source. If its stream breaks, or was
// closed while it rested, the body requests the remaining bytes of the same version. It
// buffers at most holdBytes, and nothing if the reader has room for the last bytes. It
// holds a slot of the streams while stream is not nil.
type body struct {
	source
	next, end int64 // of the bytes still to be fetched
	resumes   int

	stream      *stream // nil between two streams and after the end
	firstStream stream
	slotted     bool  // it holds a slot of the streams
	broken      error // the stream's error, after good bytes

	good bool    // all bytes have been verified
	held []byte  // the last bytes, verified, for which a reader had no room
	one  [1]byte // for the end
	err  error   // Read's final error, nil before
}

// attach makes r the stream to read. cancel ends it; nil if closing r does.
func (b *body) attach(r io.ReadCloser, cancel context.CancelFunc) {
	st := &b.firstStream
	if st.ReadCloser != nil {
		st = new(stream)
	}
	st.ReadCloser, st.cancel = r, cancel
	st.watch = b.b.streams.watch(st, b.b.idle)
	b.stream, b.broken = st, nil
}

// rest permits the stream to be closed until it is read again. Without an ETag, the
// body could not be resumed.
func (b *body) rest() {
	if b.stream != nil && b.resumable() {
		b.b.streams.rest(b.stream)
	}
}

// wake prepares the stream for the next read.
func (b *body) wake() error {
	if b.stream == nil || !b.resumable() || b.b.streams.wake(b.stream) {
		return nil
	}
	b.stream, b.slotted = nil, false
	if b.next == b.end {
		b.good = true // an empty object: there is no range to request
		return nil
	}
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

func (b *body) resumable() bool { return keyed.OpaqueTag(b.tag) != "" }

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
	left := b.end - b.next
	switch {
	case b.good:
		n := copy(p, b.held)
		if b.held = b.held[n:]; n == 0 {
			return 0, io.EOF
		}
		return n, nil
	case left > holdBytes:
		return b.fetch(p[:min(int64(len(p)), left-holdBytes)])
	}
	end := p
	if int64(len(p)) < left {
		end = make([]byte, left)
	}
	if err := b.readEnd(end[:left]); err != nil {
		return 0, err
	}
	b.good = true
	b.finish(0)
	if int64(len(p)) < left {
		b.held = end[:left]
		return b.read(p)
	}
	if left == 0 {
		return 0, io.EOF
	}
	return int(left), nil
}

// readEnd reads the last bytes into p. It fails if there are more, or if they are wrong.
func (b *body) readEnd(p []byte) error {
	for len(p) > 0 {
		n, err := b.fetch(p)
		if err != nil {
			return err
		}
		p = p[n:]
	}
	for range maxNoProgress {
		n, err := 0, b.broken
		if err == nil {
			n, err = b.readStream(b.one[:])
		}
		switch {
		case n > 0:
			return errLonger
		case err == io.EOF:
			return nil
		case err != nil:
			// An error after all bytes have come means that they are wrong.
			return fmt.Errorf("%w: %v", vfs.ErrChanged, err)
		}
	}
	return io.ErrNoProgress
}

// fetch reads into p from the current stream, and from the next one if that breaks. It
// returns either bytes or an error.
func (b *body) fetch(p []byte) (int, error) {
	for idle := 0; idle < maxNoProgress; idle++ {
		if err := b.ctx.Err(); err != nil {
			return 0, err
		}
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
			if err := b.resume(err); err != nil {
				return 0, err
			}
			idle = 0
		}
	}
	return 0, io.ErrNoProgress
}

// readStream is one read under the watchdog.
func (b *body) readStream(p []byte) (int, error) {
	b.stream.watch.begin()
	n, err := b.stream.Read(p)
	b.stream.watch.end()
	if err != nil && err != io.EOF && b.stream.stalled.Load() {
		err = errStalled
	}
	return n, err
}

// resume opens a stream for the remaining bytes after the previous one ended with
// cause. It accepts only exactly those bytes of exactly that version: mixing two
// versions would be worse than failing.
func (b *body) resume(cause error) error {
	b.finishStream(0)
	if !b.resumable() {
		return fmt.Errorf("%w: the body broke off and cannot be resumed without an ETag: %v", vfs.ErrUnavailable, cause)
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

// reopen requests the bytes next to end. It fails with ErrChanged if they are no longer
// available.
func (b *body) reopen() error {
	if err := b.b.acquireWithin(b.ctx, finishWait); err != nil {
		return err
	}
	defer b.b.release()
	ctx, cancel := b.b.cancellable(b.ctx)
	in := b.b.input(&b.key)
	in.Range = aws.String(between(b.next, b.end-1))
	in.IfMatch = &b.tag
	if b.version != "" {
		in.VersionId = &b.version
	}
	out, err := b.b.objects.GetObject(ctx, &in)
	if err != nil {
		if cancel != nil {
			cancel()
		}
		return b.refused(err)
	}
	want := keyed.ContentRange{First: b.next, Last: b.end - 1, Size: b.size}
	got, ok := keyed.ParseContentRange(aws.ToString(out.ContentRange))
	if !ok || got != want || aws.ToInt64(out.ContentLength) != b.end-b.next || aws.ToString(out.ETag) != b.tag {
		drop(&stream{ReadCloser: out.Body, cancel: cancel}, aws.ToInt64(out.ContentLength))
		return fmt.Errorf("%w: S3 did not send the remaining bytes", vfs.ErrChanged)
	}
	b.attach(out.Body, cancel)
	return nil
}

func (b *body) refused(err error) error {
	a := answerOf(err)
	switch {
	case a.status == http.StatusForbidden && b.version != "":
		// Reading by version needs a separate permission, s3:GetObjectVersion. The ETag
		// identifies the version just as well.
		b.version = ""
		return describe(a, vfs.ErrUnavailable, err)
	case a.status == 0, a.status >= 500, a.status == http.StatusTooManyRequests, a.status == http.StatusRequestTimeout:
		return describe(a, vfs.ErrUnavailable, err)
	}
	return describe(a, vfs.ErrChanged, err)
}

// Close ends the transfer. It reads a few remaining bytes if that saves the connection.
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

// finish ends the stream and releases its slot. left is the number of bytes to come if
// draining is worth a try.
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
	b.stream.watch.release()
	if b.broken != nil {
		left = 0
	}
	drop(b.stream, left)
	b.stream = nil
}

// drop closes a stream with left bytes to come. It reads them first if they are few: a
// connection whose body was not read to its end cannot be reused.
func drop(st *stream, left int64) {
	if 0 < left && left <= drainBytes {
		timer := time.AfterFunc(drainWait, st.stop)
		io.CopyN(io.Discard, st, drainBytes+1)
		timer.Stop()
	}
	st.stop()
	st.Close()
}

// cancellable returns a context for a GetObject whose body is ended by cancel, or, if
// that is nil, by closing it, even while it is being read.
func (b *Backend) cancellable(ctx context.Context) (_ context.Context, cancel context.CancelFunc) {
	if b.closeEnds {
		return ctx, nil
	}
	return context.WithCancel(ctx)
}

// pause waits for about d, or until ctx is done.
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
