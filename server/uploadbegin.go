package server

import (
	"io"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// A beginning is a row that is being added to the catalog while the body arrives: its sync
// takes as long as receiving a small body.
type beginning struct {
	ended chan struct{}
	index int // among the files of the batch
	err   error
}

// begin adds a pending row for rec. Once it is there, touch marks it as active.
func (b *batch) begin(rec catalog.Record) *beginning {
	row := &beginning{ended: make(chan struct{})}
	b.running.Go(func() {
		defer close(row.ended)
		if row.err = b.h.catalog.Begin(b.ctx, rec); row.err == nil {
			row.index = b.add(rec)
		}
	})
	return row
}

// wait returns once the row is durable, or could not be added.
func (row *beginning) wait() error {
	<-row.ended
	return row.err
}

// aheadOfRow is how much of a body the backend may get before the row is durable. It is
// less than a backend keeps of an unfinished write after a crash, which only a row leads
// to: a part on S3 has at least 5 MiB.
const aheadOfRow = 1 << 20

// A heldBack withholds the end of a body until its row is durable, so that there is no
// object without a row, whenever the server crashes or loses power. Without a row, it fails.
type heldBack struct {
	r    io.Reader
	row  *beginning
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
