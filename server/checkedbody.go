package server

import (
	"bytes"
	"context"
	"io"
	"net/netip"

	"github.com/bailiwick-fs/bailiwick/server/internal/mediatype"
)

// A checkedBody is the content of one object as a backend reads it. The first Read checks
// the type by the first bytes, and, if there is an Inspector, receives the whole content and
// has it inspected, before it returns a byte. By then the backend has checked the name and
// the preconditions. A backend stores nothing of a body that fails.
type checkedBody struct {
	in       *intake
	ctx      context.Context
	src      io.Reader
	upload   Upload
	size     int64
	spools   bool // the whole content is received first, also without an Inspector
	client   netip.Prefix
	reserved int64     // of the spool for client, if spools is set
	out      io.Reader // the checked content; nil before the first Read
	err      error     // of the last Read, and of all further ones
}

var _ io.Reader = (*checkedBody)(nil)

// checked returns the content of src, for the object that about describes by Name, Filename
// and Type. The caller closes it.
func (in *intake) checked(ctx context.Context, src io.Reader, about Upload) *checkedBody {
	return &checkedBody{in: in, ctx: ctx, src: src, upload: about}
}

// Read returns checked content.
func (b *checkedBody) Read(p []byte) (int, error) {
	if b.err == nil && b.out == nil {
		b.err = b.begin()
	}
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.out.Read(p)
	b.err = err
	return n, err
}

// receive receives the whole content into a file, checks it, and has it inspected, before
// the first Read. The file counts for the client.
func (b *checkedBody) receive(client netip.Prefix) error {
	b.spools, b.client = true, client
	if b.err == nil && b.out == nil {
		b.err = b.begin()
	}
	return b.err
}

// again lets what receive has received be read from its beginning.
func (b *checkedBody) again() { b.out, b.err = b.upload.Open(), nil }

// failure returns the content's own error, even if the backend has hidden it; nil if there
// is none.
func (b *checkedBody) failure() error {
	if b.err == io.EOF {
		return nil
	}
	return b.err
}

// close releases the file of an inspected body.
func (b *checkedBody) close() {
	if b.upload.file != nil {
		b.upload.file.close()
	}
	if b.reserved > 0 {
		b.in.Slots.spool.give(b.client, b.reserved)
		b.reserved = 0
	}
}

// reserve takes room for n bytes in temporary files of forms, and reports whether there is some.
func (b *checkedBody) reserve(n int64) bool {
	ok := b.in.Slots.spool.take(b.client, n, maxSpooled, maxSpooledByClient)
	if ok {
		b.reserved += n
	}
	return ok
}

// The bytes that forms may have in temporary files, where they wait for their last file: all
// together that share the Slots of an Intake, and those of one client, so one form at most. A
// client may take an hour to send the rest of a form, and would keep out all others.
const (
	maxSpooled         = 2 << 30
	maxSpooledByClient = 1 << 30
)

func (b *checkedBody) begin() error {
	bounded := readerFunc(b.readBounded)
	head := make([]byte, mediatype.SniffBytes)
	n, err := fill(bounded, head)
	if err != nil && err != io.EOF {
		return err
	}
	head = head[:n]
	if !b.in.Types.set.Accepts(b.upload.Filename, head) {
		return errType
	}
	b.out = io.MultiReader(bytes.NewReader(head), bounded)
	if b.in.Inspect == nil && !b.spools {
		return nil
	}
	if err := b.stage(); err != nil {
		return err
	}
	b.out, err = b.upload.Open(), nil
	return err
}

// readBounded reads from src, up to MaxBytes.
func (b *checkedBody) readBounded(p []byte) (int, error) {
	n, err := b.src.Read(p)
	b.size += int64(n)
	if b.in.tooLarge(b.size) {
		return 0, errTooLarge
	}
	return n, err
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// fill reads until p is full, or returns io.EOF at the end of r. (io.ReadFull returns
// io.ErrUnexpectedEOF, which means a truncated body here.)
func fill(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = r.Read(p[n:])
		n += m
	}
	return n, err
}
