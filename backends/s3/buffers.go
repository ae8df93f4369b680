package s3

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Limits of S3, and how Put uses them.
const (
	defaultPart = 8 << 20
	minPart     = 5 << 20 // except for the last one
	maxPart     = 1 << 30
	maxParts    = 10_000
	maxObject   = 5 << 40

	// growEvery is the number of parts after which the part size of a body of unknown
	// size doubles. The last of 10,000 parts is then about a thousandth of the whole.
	growEvery = 1000

	smallBuffer = 64 << 10
	// partBuffers is how many parts one Put may hold while buffers are available, and
	// spareBuffers how many all Puts may hold beyond one each.
	partBuffers  = 4
	spareBuffers = 32
)

var errTooLarge = fmt.Errorf("%w: S3 stores no object larger than %d bytes", vfs.ErrFull, int64(maxObject))

// partSize returns the size of part i, from 0; the last part may be smaller. A body of
// known size is split evenly, which all services accept. For a body of unknown size the
// parts grow, so that maxObject can be reached.
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

// buffers are shared by all Puts of a Backend. The one buffer that each Put needs is
// not limited here, since the Put could not continue without it; limiting the number of
// Puts limits that.
type buffers struct {
	part        int
	small, full sync.Pool
	spare       chan struct{} // a token for each buffer beyond a Put's first
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

// put takes back a buffer returned by get that is no longer in use.
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

// A payload is the body of one request. The HTTP transport may continue to read it
// after the request has ended. If the buffer had been refilled by then, the request
// would send another object's bytes. So every read checks whether the payload is still
// attached.
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

// WriteTo avoids a new buffer each time the SDK hashes the body.
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

// Seek lets the SDK determine the body's size and send it again.
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

// A lookahead reads a body in pieces and knows for each whether it is the last.
type lookahead struct {
	r     io.Reader
	next  [1]byte // the byte after the last piece
	ahead bool    // next is valid
	eof   bool    // r has ended
}

// ended reports whether there is nothing more to fill.
func (l *lookahead) ended() bool { return l.eof && !l.ahead }

// fill reads until p is full or the body ends. Errors of the body that resemble the end
// of a read, such as io.ErrUnexpectedEOF, do not count as the end.
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
