package server

import (
	"bytes"
	"context"
	"io"

	"github.com/bailiwick-fs/bailiwick/server/internal/mediatype"
)

// An arrival is the content of one object on its way in. It reads nothing before it
// is read, and by then the backend has decided on name and conditions; then
// it judges the type by the first bytes, and where there is an Inspector it lets that
// see the whole, before it yields the first byte. A backend stores nothing of a body
// that fails.
type arrival struct {
	in     *intake
	ctx    context.Context
	src    io.Reader
	upload Upload
	size   int64
	out    io.Reader // nil before the first read
	err    error     // it ended with that
}

var _ io.Reader = (*arrival)(nil)

// arrive returns the content that src yields, for the object that about describes as
// far as it is known: by Name and Filename. The caller closes it.
func (in *intake) arrive(ctx context.Context, src io.Reader, about Upload) *arrival {
	return &arrival{in: in, ctx: ctx, src: src, upload: about}
}

// Read yields what was found to be good.
func (a *arrival) Read(p []byte) (int, error) {
	if a.err == nil && a.out == nil {
		a.err = a.begin()
	}
	if a.err != nil {
		return 0, a.err
	}
	n, err := a.out.Read(p)
	a.err = err
	return n, err
}

// failure returns what was wrong with the content, whatever a backend made of that;
// nil if nothing was.
func (a *arrival) failure() error {
	if a.err == io.EOF {
		return nil
	}
	return a.err
}

// close gives back what the arrival holds.
func (a *arrival) close() {
	if a.upload.file != nil {
		a.upload.file.close()
	}
}

func (a *arrival) begin() error {
	bounded := readerFunc(a.readBounded)
	head := make([]byte, mediatype.SniffBytes)
	n, err := readFull(bounded, head)
	if err != nil && err != io.EOF {
		return err
	}
	head = head[:n]
	if !a.in.Types.set.Accepts(a.upload.Filename, head) {
		return denyType
	}
	a.out = io.MultiReader(bytes.NewReader(head), bounded)
	if a.in.Inspect == nil {
		return nil
	}
	if err := a.stage(); err != nil {
		return err
	}
	a.out, err = a.upload.Open(), nil
	return err
}

// readBounded reads on in src, within MaxBytes.
func (a *arrival) readBounded(p []byte) (int, error) {
	n, err := a.src.Read(p)
	a.size += int64(n)
	if a.in.tooLarge(a.size) {
		return 0, denyTooLarge
	}
	return n, err
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// readFull fills p, or reads to the end, with io.EOF. (io.ReadFull's
// io.ErrUnexpectedEOF would look like a body that was cut.)
func readFull(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = r.Read(p[n:])
		n += m
	}
	return n, err
}
