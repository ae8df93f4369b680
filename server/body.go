package server

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"syscall"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/internal/netconn"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// chunkBytes is the size of a chunk of a body. A file of that size is read and written at
// once, which costs less than sendfile.
const chunkBytes = 32 << 10

// largeChunkBytes is the size of a chunk of a larger body that is not a file: the memory
// that a stream of any length needs.
const largeChunkBytes = 256 << 10

var (
	chunks      = sync.Pool{New: func() any { return new([chunkBytes]byte) }}
	largeChunks = sync.Pool{New: func() any { return new([largeChunkBytes]byte) }}
)

// sendBody sends the bytes of obj after its header. If it cannot send all of them, it panics
// with http.ErrAbortHandler: only a broken connection tells the client.
func (x *exchange) sendBody(obj *vfs.Object) {
	var err error
	conn := connOf(x.ctx, x.r.ProtoMajor)
	switch {
	case obj.Descriptor != nil && conn != nil:
		err = x.sendFileOver(conn, &descriptorReader{obj.Body, obj.Descriptor}, obj.Span.Length)
	case obj.File == nil:
		err = x.copyBody(obj.Body, obj.Span.Length)
	case obj.Span.Length <= chunkBytes:
		err = x.copyFile(obj)
	default:
		err = x.sendFile(conn, obj.File, obj.Span.Length)
	}
	if err != nil {
		x.abort(err)
	}
}

// sendFile sends length bytes of a large file, by sendfile if the system supports it. conn
// is nil if the connection does not pace files by itself.
func (x *exchange) sendFile(conn *netconn.Conn, file io.Reader, length int64) error {
	if conn != nil {
		return x.sendFileOver(conn, file, length)
	}
	for left := length; left > 0; {
		size := left
		if x.pace > 0 {
			size = x.pace.chunk(left, pacedBytes)
			x.extendWriteDeadline(size)
		}
		if err := x.copyN(file, size); err != nil {
			return err
		}
		left -= size
	}
	return nil
}

// sendFileOver flushes the header into the connection first. Otherwise net/http would read
// the beginning of the file into memory, to send it with the header.
func (x *exchange) sendFileOver(conn *netconn.Conn, file io.Reader, length int64) error {
	var pace netconn.Pace
	if x.pace > 0 {
		pace = &x.pace
		x.extendWriteDeadline(x.pace.chunk(length, pacedBytes))
	}
	conn.Hold(pace)
	defer conn.Release()
	if err := http.NewResponseController(x.w).Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return &writeError{err}
	}
	return x.copyN(file, length)
}

// A descriptorReader is a body with its descriptor, which the connection sends by sendfile.
type descriptorReader struct {
	io.Reader
	syscall.Conn
}

// copyN sends n bytes of a file.
func (x *exchange) copyN(file io.Reader, n int64) error {
	_, err := io.CopyN(&x.responseWriter, file, n)
	if err == io.EOF {
		return vfs.ErrChanged
	}
	return err
}

// abort ends a response that cannot be completed.
func (x *exchange) abort(err error) {
	x.attempt.Reason = failureReason(err)
	var w *writeError
	switch {
	case errors.As(err, &w), x.ctx.Err() != nil:
		x.attempt.Reason = audit.ReasonCanceled
	default:
		x.log("sending the response failed", err)
	}
	panic(http.ErrAbortHandler)
}

// writeAll sends p.
func (x *exchange) writeAll(p []byte) {
	if _, err := (pacedWriter{x}).Write(p); err != nil {
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

// copyBody sends length bytes of body as they come, except for the last ones, see heldBody.
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
	held := &heldBody{body: body, left: length}
	if length <= chunkBytes {
		buf := chunks.Get().(*[chunkBytes]byte)
		defer chunks.Put(buf)
		return x.copyHeld(held, buf[:])
	}
	buf := largeChunks.Get().(*[largeChunkBytes]byte)
	defer largeChunks.Put(buf)
	return x.copyHeld(held, buf[:])
}

// copyHeld sends a body chunk by chunk.
func (x *exchange) copyHeld(body *heldBody, buf []byte) error {
	// The first chunk is small, so that the response begins early.
	for size := int64(chunkBytes); body.left > 0; size = x.pace.chunk(body.left, int64(len(buf))) {
		n, err := body.next(buf[:size])
		if n > 0 {
			if len(buf) > chunkBytes {
				x.extendWriteDeadline(int64(n))
			}
			if _, err := x.Write(buf[:n]); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
