package s3

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Limits of S3, and what a Put takes of them.
const (
	defaultPart = 8 << 20
	minPart     = 5 << 20 // but for the last one
	maxPart     = 1 << 30
	maxParts    = 10_000
	maxObject   = 5 << 40

	// growEvery is after how many parts of a body of unknown size they double.
	// The last of 10,000 then is about a thousandth of the whole.
	growEvery = 1000

	smallBuffer = 64 << 10
	// partBuffers is how many parts one Put holds while others leave room, and
	// spareBuffers how many all of them hold beyond one each.
	partBuffers  = 4
	spareBuffers = 32
)

var errTooLarge = fmt.Errorf("%w: S3 holds no object of more than %d bytes", vfs.ErrFull, int64(maxObject))

// partSize returns the size of the part number i, from 0, of which all but the
// last have that size. A known size is cut evenly, which all services take. Of
// one that is not known the parts grow, to come to maxObject all the same.
func partSize(base, i int, opts vfs.PutOptions) int64 {
	size := int64(base)
	if !opts.SizeKnown {
		return size << (i / growEvery)
	}
	const step = 1 << 20
	if least := (opts.Size + maxParts - 1) / maxParts; least > size {
		size = (least + step - 1) / step * step
	}
	return size
}

// buffers are those of all Puts of a Backend. What a Put holds at least is not
// limited here, as it could not go on without; whoever limits Puts limits that.
type buffers struct {
	part        int
	small, full sync.Pool
	spare       chan struct{} // a token for each buffer beyond one of a Put
}

func newBuffers(part int) *buffers {
	return &buffers{part: part, spare: make(chan struct{}, spareBuffers)}
}

// get returns a buffer of size bytes.
func (b *buffers) get(size int) []byte {
	if pool := b.pool(size); pool != nil {
		if p, ok := pool.Get().(*[]byte); ok {
			return *p
		}
	}
	return make([]byte, size)
}

// put takes a buffer back that get returned, and that nobody uses any more.
func (b *buffers) put(buf []byte) {
	buf = buf[:cap(buf)]
	if pool := b.pool(len(buf)); pool != nil {
		pool.Put(&buf)
	}
}

func (b *buffers) pool(size int) *sync.Pool {
	switch size {
	case smallBuffer:
		return &b.small
	case b.part:
		return &b.full
	}
	return nil
}

// A payload is the body of one request. The HTTP transport may go on reading it
// when the request has ended already. A buffer that others fill by then would
// send their bytes, so every read asks whether the payload is still attached.
type payload struct {
	size  int
	moved func() // called when bytes are taken

	mu   sync.Mutex
	data []byte // nil once detached
	gone bool
	off  int
}

var errDetached = errors.New("s3: the request has ended")

func (p *payload) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.gone:
		return 0, errDetached
	case p.off >= p.size:
		return 0, io.EOF
	}
	n := copy(b, p.data[p.off:])
	p.off += n
	p.moved()
	return n, nil
}

// WriteTo spares the SDK a new buffer for each time it hashes the body.
func (p *payload) WriteTo(w io.Writer) (n int64, err error) {
	buf, ok := copyBuffers.Get().(*[]byte)
	if !ok {
		b := make([]byte, 32<<10)
		buf = &b
	}
	defer copyBuffers.Put(buf)
	for {
		k, err := p.Read(*buf)
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		written, err := w.Write((*buf)[:k])
		n += int64(written)
		if err != nil {
			return n, err
		}
	}
}

var copyBuffers sync.Pool

// Seek lets the SDK measure the body and send it again.
func (p *payload) Seek(offset int64, whence int) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch whence {
	case io.SeekCurrent:
		offset += int64(p.off)
	case io.SeekEnd:
		offset += int64(p.size)
	}
	if p.gone || offset < 0 || offset > int64(p.size) {
		return 0, fs.ErrInvalid
	}
	p.off = int(offset)
	return offset, nil
}

// detach ends all reading of the data.
func (p *payload) detach() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone, p.data = true, nil
}

// A lookahead reads a body in pieces, and knows of each whether it is the last.
type lookahead struct {
	r     io.Reader
	next  [1]byte // the byte behind the last piece
	ahead bool    // next is there
	eof   bool    // r has ended
}

// ended reports whether there is nothing more to fill.
func (l *lookahead) ended() bool { return l.eof && !l.ahead }

// fill reads until p is full or the body ends. An error of the body that looks
// like an end of another kind, as io.ErrUnexpectedEOF does, is none.
func (l *lookahead) fill(p []byte) (n int, err error) {
	if l.ahead && len(p) > 0 {
		p[0], l.ahead, n = l.next[0], false, 1
	}
	more, err := l.readMore(p[n:])
	n += more
	if err == nil && !l.eof && !l.ahead {
		more, err = l.readMore(l.next[:])
		l.ahead = more == 1
	}
	return n, err
}

// readMore reads until p is full or the body ends.
func (l *lookahead) readMore(p []byte) (n int, err error) {
	for idle := 0; n < len(p) && !l.eof; {
		more, err := l.r.Read(p[n:])
		n += more
		switch {
		case err == io.EOF:
			l.eof = true
		case err != nil:
			return n, err
		}
		if idle++; more > 0 {
			idle = 0
		} else if idle == maxNoProgress {
			return n, io.ErrNoProgress
		}
	}
	return n, nil
}
