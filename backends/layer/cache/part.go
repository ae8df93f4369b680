package cache

import (
	"io"
	"slices"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A part is a block in memory.
type part struct {
	index   int64
	memory  *[]byte // of buf
	buf     []byte
	n       int  // bytes that have come
	users   int  // that read or write buf
	writing bool // it is being written to the directory
	done    bool // not in fill.parts any more
}

func (p *part) complete() bool { return p.n == len(p.buf) }

func (f *fill) part(k int64) *part {
	for _, p := range f.parts {
		if p.index == k {
			return p
		}
	}
	return nil
}

// start waits until the block k may be read, and returns the part for it, or nil if it
// is not needed from this fill.
func (f *fill) start(k int64) *part {
	c := f.c
	for {
		c.mu.Lock()
		other := f.v.fillOf(k)
		switch {
		case f.bodies == 0, f.ctx.Err() != nil, f.v.block(k) != nil, other != nil && other != f:
			c.mu.Unlock()
			return nil
		case k <= f.front+readAhead && len(f.parts) < 2:
			p := &part{index: k, users: 1}
			p.memory = takeBuffer(blockLen(f.v.info.Size, k))
			p.buf = *p.memory
			f.parts = append(f.parts, p)
			f.next = k + 1
			c.mu.Unlock()
			return p
		}
		slow := len(f.parts) == 2 && f.parts[0].writing && !f.unkept
		change := f.wait()
		c.mu.Unlock()
		if !slow {
			select {
			case <-change:
			case <-f.ctx.Done():
			}
			continue
		}
		began := time.Now()
		timer := time.NewTimer(f.patience)
		select {
		case <-change:
		case <-f.ctx.Done():
		case <-timer.C:
			c.mu.Lock()
			f.unkept = true
			f.forget()
			c.mu.Unlock()
		}
		timer.Stop()
		f.patience -= time.Since(began)
	}
}

// read reads a block. left is what the body still has.
func (f *fill) read(p *part, body io.Reader, left *int64) error {
	for n, idle := 0, 0; n < len(p.buf); {
		// The first bytes are few, so that they are there early.
		chunk := chunkBytes
		if p.index == f.first && n == 0 {
			chunk = firstBytes
		}
		m, err := body.Read(p.buf[n:min(n+chunk, len(p.buf))])
		n += m
		*left -= int64(m)
		if m == 0 {
			idle++
		} else {
			idle = 0
		}
		switch {
		case *left == 0 && (err == nil || err == io.EOF):
			// Only the end shows whether the bytes are right. Hold the last ones back.
			if err == nil {
				err = atEnd(body)
			}
			if err != io.EOF {
				return err
			}
		case err == io.EOF:
			return vfs.ErrChanged
		case err != nil:
			return err
		case idle > maxIdle:
			return io.ErrNoProgress
		}
		f.c.mu.Lock()
		f.c.stats.BytesFromSource += uint64(m)
		p.n = n
		if p.complete() {
			p.writing = !f.unkept
			f.writes++
		}
		f.notify()
		f.c.mu.Unlock()
	}
	return nil
}

const (
	maxIdle    = 100
	firstBytes = 32 << 10
	chunkBytes = 256 << 10
)

// atEnd reads the end of body, and returns io.EOF if there is nothing more.
func atEnd(body io.Reader) error {
	var one [1]byte
	for range maxIdle {
		switch n, err := body.Read(one[:]); {
		case n > 0:
			return errLonger
		case err != nil:
			return err
		}
	}
	return io.ErrNoProgress
}

// write writes a complete part to the directory.
func (f *fill) write(p *part) {
	c := f.c
	c.mu.Lock()
	keep := p.writing
	c.mu.Unlock()
	kept := keep && c.store(f.v, p.index, p.buf)
	c.mu.Lock()
	p.writing = false
	f.writes--
	if kept {
		f.remove(p)
	} else {
		f.forget()
	}
	c.unuse(p)
	f.notify()
	f.settle()
	c.mu.Unlock()
}

// remove takes p out of the fill. The caller holds mu.
func (f *fill) remove(p *part) {
	for i, q := range f.parts {
		if q == p {
			f.parts = slices.Delete(f.parts, i, i+1)
			p.done = true
			return
		}
	}
}

// forget removes the parts that the first body has left behind and that are not kept. The
// caller holds mu.
func (f *fill) forget() {
	for i := 0; i < len(f.parts); {
		p := f.parts[i]
		if p.index < f.front && p.complete() && (!p.writing || f.unkept) {
			f.remove(p)
			f.notify()
			continue
		}
		i++
	}
}

// unuse ends one use of the buffer of p. The caller holds mu.
func (c *Cache) unuse(p *part) {
	if p.users--; p.users == 0 && p.done {
		returnBuffer(p.memory)
		p.memory, p.buf = nil, nil
	}
}
