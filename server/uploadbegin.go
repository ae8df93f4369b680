package server

import (
	"fmt"
	"io"
	"runtime/debug"
)

// A call of the catalog runs concurrently with its request.
type call struct {
	ended    chan struct{}
	err      error
	panicked error // with the stack
}

// call runs f. undo and commit wait for it.
func (b *batch) call(f func() error) *call {
	c := &call{ended: make(chan struct{})}
	b.running.Go(func() {
		defer close(c.ended)
		defer func() {
			if v := recover(); v != nil {
				c.panicked = fmt.Errorf("%v\n%s", v, debug.Stack())
			}
		}()
		c.err = f()
	})
	return c
}

// wait returns the error of the call. It passes a panic on to the request, which answers:
// here it would end the process.
func (c *call) wait() error {
	<-c.ended
	if c.panicked != nil {
		panic(c.panicked)
	}
	return c.err
}

// aheadOfRow is how much of a body the backend may get before the row is durable. It is
// less than a backend keeps of an unfinished write after a crash, which only a row leads
// to: a part on S3 has at least 5 MiB.
const aheadOfRow = 1 << 20

// A heldBack withholds the end of a body until its row is durable, so that there is no
// object without a row, whenever the server crashes or loses power. Without a row, it fails.
type heldBack struct {
	r    io.Reader
	row  *call // of Begin
	left int64 // of aheadOfRow
}

func (h *heldBack) Read(p []byte) (int, error) {
	if h.left == 0 {
		if err := h.row.wait(); err != nil {
			return 0, err
		}
		return h.r.Read(p)
	}
	n, err := h.r.Read(p[:min(int64(len(p)), h.left)])
	h.left -= int64(n)
	if err == io.EOF {
		if failed := h.row.wait(); failed != nil {
			err = failed
		}
	}
	return n, err
}
