package server

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
)

// A responseWriter counts what is written. It forwards ReadFrom, without which net/http
// would copy files through memory instead of using sendfile.
type responseWriter struct {
	w      http.ResponseWriter
	status int // 0 until the response has begun
	bytes  int64
}

var (
	_ http.ResponseWriter = (*responseWriter)(nil)
	_ io.ReaderFrom       = (*responseWriter)(nil)
)

func (w *responseWriter) Header() http.Header { return w.w.Header() }

// WriteHeader sends an early response, such as 103, which is not the status, or the status,
// once.
func (w *responseWriter) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		w.status = status
	}
	w.w.WriteHeader(status)
}

// begun notes that the response has begun with the status that net/http sends if none is set: an
// error or a panic must not complete it.
func (w *responseWriter) begun() {
	if w.status == 0 {
		w.status = http.StatusOK
	}
}

func (w *responseWriter) Write(p []byte) (int, error) {
	w.begun()
	n, err := w.w.Write(p)
	w.bytes += int64(n)
	if err != nil {
		err = &writeError{err}
	}
	return n, err
}

func (w *responseWriter) ReadFrom(r io.Reader) (int64, error) {
	w.begun()
	var n int64
	var err error
	if rf, ok := w.w.(io.ReaderFrom); ok {
		n, err = rf.ReadFrom(r)
	} else {
		n, err = io.Copy(onlyWriter{w.w}, r)
	}
	w.bytes += n
	var read *fs.PathError
	if err != nil && !errors.As(err, &read) {
		err = &writeError{err}
	}
	return n, err
}

// FlushError is for http.ResponseController.
func (w *responseWriter) FlushError() error {
	w.begun()
	return http.NewResponseController(w.w).Flush()
}

// Unwrap is for http.ResponseController.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.w }

// onlyWriter hides all methods but Write, so that io.Copy does not call ReadFrom again.
type onlyWriter struct{ io.Writer }

// A writeError is an error of the connection, not of the source.
type writeError struct{ err error }

func (e *writeError) Error() string { return e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }
