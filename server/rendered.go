package server

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// sendRendered answers with what render writes, while it writes: a slow client must not keep all
// of it in memory. The header follows the first bytes that a buffer does not hold, so a short
// body has a Content-Length, and if render fails before, that can be answered.
func (x *exchange) sendRendered(status int, render func(io.Writer) error) {
	body := &renderedBody{x: x, status: status}
	buf := renderings.Get().(*bufio.Writer)
	defer func() {
		buf.Reset(nil) // it must not retain x
		renderings.Put(buf)
	}()
	buf.Reset(body)
	err := render(buf)
	if err == nil && !body.begun {
		x.Header()["Content-Length"] = []string{strconv.Itoa(buf.Buffered())}
	}
	if err == nil {
		err = buf.Flush()
	}
	switch {
	case errors.Is(err, errHeaderOnly), err == nil && !body.begun:
		x.WriteHeader(status)
	case err == nil:
	case body.begun:
		x.abort(err)
	default:
		x.dropHeaders()
		x.fail(err, nil)
	}
}

var renderings = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, chunkBytes) }}

// errHeaderOnly ends the rendering of a response to HEAD.
var errHeaderOnly = errors.New("server: a response to HEAD has no body")

// A renderedBody is the body of a response, which begins with its first bytes.
type renderedBody struct {
	x      *exchange
	status int
	begun  bool
}

func (b *renderedBody) Write(p []byte) (int, error) {
	if b.x.r.Method == http.MethodHead {
		return 0, errHeaderOnly
	}
	if !b.begun {
		b.begun = true
		b.x.WriteHeader(b.status)
	}
	return pacedWriter{b.x}.Write(p)
}
