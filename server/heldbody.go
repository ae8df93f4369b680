package server

import (
	"errors"
	"io"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// maxIdleReads bounds the successive reads that return nothing, as in bufio.
const maxIdleReads = 100

// errLongBody means that a body has more bytes than its object.
var errLongBody = errors.New("server: body is longer than its object")

// A heldBody reads the body of an object of known length. It holds back the last bytes, at
// most chunkBytes, until the body has ended without an error. A backend may detect only at
// the end that the body was truncated or damaged, and once the client has all bytes, it
// cannot be told.
type heldBody struct {
	body io.Reader
	left int64 // bytes that next has not returned
}

// next reads the next bytes into p. With an error, it may return bytes that precede it. It
// must not be called once left is 0.
func (b *heldBody) next(p []byte) (int, error) {
	most := b.left
	if most > chunkBytes {
		most -= chunkBytes // the end is a chunk of its own
	}
	p = p[:min(int64(len(p)), most)]
	for range maxIdleReads + 1 {
		n, err := b.body.Read(p)
		b.left -= int64(n)
		switch {
		case b.left > 0 && err != nil:
			return n, shortBody(err)
		case b.left > 0 && n == 0:
			continue
		case b.left > 0:
			return n, nil
		case err == nil:
			err = atEnd(b.body)
		}
		if err != nil && err != io.EOF {
			return 0, err
		}
		return n, nil
	}
	return 0, io.ErrNoProgress
}

// atEnd reads the end of body. It returns an error if there are more bytes.
func atEnd(body io.Reader) error {
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

// shortBody returns the error for a body that ended with err before its length.
func shortBody(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return vfs.ErrChanged
	}
	return err
}
