package server

import (
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// chunkBytes is how much of a body is held at a time. A file that fits is read
// and written at once, which costs less than handing it to sendfile.
const chunkBytes = 32 << 10

// largeChunkBytes is that for a body that is larger, and not a file. It bounds
// what a stream of any length needs.
const largeChunkBytes = 256 << 10

// maxIdleReads is how many reads in a row may bring nothing, as in bufio.
const maxIdleReads = 100

var (
	chunks      = sync.Pool{New: func() any { return new([chunkBytes]byte) }}
	largeChunks = sync.Pool{New: func() any { return new([largeChunkBytes]byte) }}
)

// errLongBody says that a body yielded more than it promised.
var errLongBody = errors.New("server: body is longer than its object")

// sendBody sends the bytes of obj after its header, all of them or none of the
// last ones: if they do not come, it panics with http.ErrAbortHandler, which
// is the only way to tell the client.
func (x *exchange) sendBody(obj *vfs.Object) {
	var err error
	switch {
	case obj.File == nil:
		err = x.copyBody(obj.Body, obj.Span.Length)
	case obj.Span.Length <= chunkBytes:
		err = x.copyFile(obj)
	default:
		err = x.sendFile(obj)
	}
	if err != nil {
		x.abort(err)
	}
}

// sendFile sends a large file, by sendfile where the system has it.
func (x *exchange) sendFile(obj *vfs.Object) error {
	for left := obj.Span.Length; left > 0; {
		piece := left
		if x.pace > 0 {
			piece = x.chunkSize(left, pieceBytes)
			x.extendWriteDeadline(piece)
		}
		n, err := io.CopyN(&x.responseWriter, obj.File, piece)
		if err == io.EOF {
			return vfs.ErrChanged
		}
		if err != nil {
			return err
		}
		left -= n
	}
	return nil
}

// abort ends an answer that cannot be completed.
func (x *exchange) abort(err error) {
	x.attempt.Reason = failureReason(err)
	var w *writeError
	switch {
	case errors.As(err, &w), x.ctx.Err() != nil:
		x.attempt.Reason = audit.ReasonCanceled
	default:
		x.log("sending broke off", err)
	}
	panic(http.ErrAbortHandler)
}

// writeAll sends p.
func (x *exchange) writeAll(p []byte) {
	if _, err := x.Write(p); err != nil {
		x.abort(err)
	}
}

// copyFile sends a small file.
func (x *exchange) copyFile(obj *vfs.Object) error {
	buf := chunks.Get().(*[chunkBytes]byte)
	defer chunks.Put(buf)
	p := buf[:obj.Span.Length]
	if _, err := io.ReadFull(obj.File, p); err != nil {
		return shortBody(err)
	}
	_, err := x.Write(p)
	return err
}

// copyBody sends length bytes of body, as they come. The last ones, chunkBytes at
// most, wait until the body has ended without an error: a backend may find only
// there that what it read was cut or damaged.
func (x *exchange) copyBody(body io.Reader, length int64) error {
	if whole, ok := body.(io.WriterTo); ok {
		if length > chunkBytes {
			x.extendWriteDeadline(length)
		}
		n, err := whole.WriteTo(&x.responseWriter)
		if err == nil && n != length {
			err = vfs.ErrChanged
		}
		return err
	}
	if length <= chunkBytes {
		buf := chunks.Get().(*[chunkBytes]byte)
		defer chunks.Put(buf)
		return x.copyThrough(buf[:], body, length)
	}
	buf := largeChunks.Get().(*[largeChunkBytes]byte)
	defer largeChunks.Put(buf)
	return x.copyThrough(buf[:], body, length)
}

func (x *exchange) copyThrough(buf []byte, body io.Reader, length int64) error {
	// The first bytes go out as soon as a few have come.
	size := int64(chunkBytes)
	for idle := 0; length > 0; size = x.chunkSize(length, int64(len(buf))) {
		if length > chunkBytes {
			size = min(size, length-chunkBytes)
		}
		n, err := body.Read(buf[:min(length, size)])
		length -= int64(n)
		if length == 0 && err == nil {
			err = ended(body)
		}
		if length == 0 && err != nil && err != io.EOF {
			return err
		}
		if n > 0 {
			idle = 0
			if len(buf) > chunkBytes {
				x.extendWriteDeadline(int64(n))
			}
			if _, err := x.Write(buf[:n]); err != nil {
				return err
			}
		} else if idle++; idle > maxIdleReads {
			return io.ErrNoProgress
		}
		if err != nil && length > 0 {
			return shortBody(err)
		}
	}
	return nil
}

// ended reads the end of body.
func ended(body io.Reader) error {
	var one [1]byte
	n, err := io.ReadFull(body, one[:])
	switch {
	case n > 0:
		return errLongBody
	case err == io.EOF:
		return nil
	}
	return err
}

func shortBody(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return vfs.ErrChanged
	}
	return err
}
