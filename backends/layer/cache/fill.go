package cache

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A fill reads a run of blocks of one version from the source, in one request, and writes
// them to the directory. Bodies that read them at the same time take the bytes from its
// memory as they come. It belongs to the Cache: it goes on as long as any body is attached,
// and then to the end of the block that it is in, so that a short range makes its block
// known.
//
// It reads at most readAhead blocks ahead of the first body, so that a client that goes
// away does not make it read the rest of a large object. It holds at most two blocks in
// memory. If the directory is slow, it goes on after a while without writing: then, the
// first body is not slowed down, and one that lags behind makes a request of its own.
type fill struct {
	c      *Cache
	v      *version
	ctx    context.Context
	cancel context.CancelFunc
	first  int64
	end    int64 // after its last block
	memory int64 // its share of Cache.filling

	patience time.Duration // with the directory; only run uses it

	// Cache.mu guards these.
	next    int64 // the next block that it will start
	front   int64 // the furthest block that a body has asked for
	bodies  int   // attached, and one more for a question
	open    bool  // the source has answered
	ended   bool  // no more bytes come
	err     error // why, if not all have come; nil if others read the rest
	unkept  bool  // write nothing any more
	parts   []*part
	writes  int // parts that are being written, or soon
	settled bool
	changed chan struct{} // closed at the next change; nil if nobody waits
	linger  *time.Timer   // ends it, if it has no bodies
}

const (
	readAhead = 4
	// joinWithin is how many blocks a body waits for of a fill; one that needs a block
	// further ahead makes a request of its own.
	joinWithin = 4
	// slowDisk is how long a fill waits for the directory, in total.
	slowDisk = time.Second
	// lingerFor is how long a fill without bodies may take to complete its block.
	lingerFor = 10 * time.Second
	// maxFilling bounds the memory of all fills. Calls beyond it bypass the cache; only a
	// body that has begun goes on.
	maxFilling = 256 << 20
)

var (
	errLonger = fmt.Errorf("%w: the source sent more bytes than the object has", vfs.ErrChanged)
	errOther  = fmt.Errorf("%w: the source sent another version", vfs.ErrChanged)
)

// fillOf returns a fill that will soon have block k, or nil. One that has failed is only for
// the bodies that it has.
func (v *version) fillOf(k int64) *fill {
	for _, f := range v.fills {
		if f.err == nil && f.will(k) {
			return f
		}
	}
	return nil
}

// will reports whether the fill has block k, or will soon. It stops before a block that
// can be read. The caller holds mu.
func (f *fill) will(k int64) bool {
	if p := f.part(k); p != nil {
		return !f.ended || p.complete()
	}
	if f.ended || k < f.next || k >= f.end || k-f.next >= joinWithin {
		return false
	}
	for i := f.next; i < k; i++ {
		if f.v.block(i) != nil {
			return false
		}
	}
	return true
}

// newFill makes a fill of the blocks from first to before end, with one body attached.
// Unless it must succeed, it returns nil if too many are at work. The caller holds mu and
// starts it.
func (c *Cache) newFill(v *version, first, end int64, must bool) *fill {
	f := &fill{c: c, v: v, first: first, next: first, front: first, end: end, bodies: 1, patience: slowDisk}
	f.memory = bufferSize(min(end*blockSize, v.info.Size) - first*blockSize)
	if !must && c.filling+f.memory > maxFilling {
		return nil
	}
	c.filling += f.memory
	v.fills = append(v.fills, f)
	return f
}

// fill starts a request for the run of missing blocks from k on, before end. must is as in
// newFill. The caller holds mu.
func (c *Cache) fill(v *version, k, end int64, must bool) *fill {
	f := c.newFill(v, k, v.runFrom(k, end), must)
	if f == nil {
		return nil
	}
	f.ctx, f.cancel = context.WithCancel(c.life)
	c.run(func() {
		obj, err := c.Backend.Open(f.ctx, v.info.Name, vfs.Request{
			Range: blockRange(v.info.Size, k, f.end),
			Cond:  vfs.Cond{IfMatch: vfs.Tags{List: []vfs.Tag{{Value: v.info.ETag, Set: true}}}},
			Links: true,
		})
		if err == nil && (obj.Info.ETag != v.info.ETag || obj.Info.Size != v.info.Size || obj.Span.Offset > k*blockSize ||
			obj.Span.Offset+obj.Span.Length < min(f.end*blockSize, v.info.Size)) {
			obj.Body.Close()
			err = errOther
		}
		if err != nil {
			f.finish(err)
			return
		}
		f.run(obj)
	})
	return f
}

// take makes a fill of the object that a question has opened. It returns nil if the
// object holds no whole block, or nothing that is missing. The caller holds mu and runs
// the fill.
func (c *Cache) take(q *question, obj *vfs.Object) *fill {
	v := q.version
	first := (obj.Span.Offset + blockSize - 1) / blockSize
	end := (obj.Span.Offset + obj.Span.Length) / blockSize
	if obj.Span.Offset+obj.Span.Length == v.info.Size {
		end = blockCount(v.info.Size)
	}
	for first < end && v.block(first) != nil {
		first++
	}
	if first >= end || c.closed {
		return nil
	}
	f := c.newFill(v, first, end, false)
	if f == nil {
		return nil
	}
	f.ctx, f.cancel, f.open = q.ctx, q.cancel, true
	return f
}

// run reads obj.
func (f *fill) run(obj *vfs.Object) {
	c := f.c
	c.mu.Lock()
	f.open = true
	f.notify()
	first := f.next
	c.mu.Unlock()

	left := obj.Span.Offset + obj.Span.Length - first*blockSize
	_, err := io.CopyN(io.Discard, obj.Body, first*blockSize-obj.Span.Offset)
	if err == io.EOF {
		err = vfs.ErrChanged
	}
	var last *part
	for k := first; k < f.end && err == nil; k++ {
		p := f.start(k)
		if p == nil {
			break
		}
		if err = f.read(p, obj.Body, &left); err != nil {
			break
		}
		if k+1 < f.end {
			c.run(func() { f.write(p) })
		} else {
			last = p
		}
	}
	obj.Body.Close()
	f.finish(err)
	if last != nil {
		runtime.Gosched() // the bodies that have just been woken send first
		f.write(last)
	}
}

// finish ends the fill with err. If the source no longer has the version, or a checksum
// of the whole object failed, nothing of the version is used any more.
func (f *fill) finish(err error) {
	c := f.c
	f.cancel()
	var files []*blockFile
	c.mu.Lock()
	if err != nil && c.closed {
		err = fs.ErrClosed
	}
	if !f.ended {
		f.ended, f.err = true, err
	}
	for i := 0; i < len(f.parts); { // a block that is not complete, and never will be
		if p := f.parts[i]; !p.complete() {
			f.remove(p)
			c.unuse(p)
			continue
		}
		i++
	}
	if err != nil && isChange(err) {
		files = c.drop(f.v)
	}
	f.notify()
	f.settle()
	c.mu.Unlock()
	c.discard(files)
}

// settle removes the fill from its version once it has nothing more to give. The caller
// holds mu.
func (f *fill) settle() {
	if !f.ended || f.settled || f.writes > 0 || f.bodies > 0 && len(f.parts) > 0 {
		return
	}
	for len(f.parts) > 0 {
		f.remove(f.parts[0])
	}
	c := f.c
	f.settled = true
	c.filling -= f.memory
	f.v.fills = slices.DeleteFunc(f.v.fills, func(g *fill) bool { return g == f })
	if c.closed {
		return
	}
	if files := c.dropEmpty(f.v); files != nil {
		c.run(func() { c.discard(files) })
	}
}

// attach adds a body. The caller holds mu.
func (f *fill) attach() {
	f.bodies++
	if f.linger != nil {
		f.linger.Stop()
		f.linger = nil
	}
}

// detach removes a body. The caller holds mu.
func (c *Cache) detach(f *fill) {
	if f.bodies--; f.bodies > 0 {
		return
	}
	f.notify()
	f.settle()
	if f.ended {
		return
	}
	if n := len(f.parts); !f.open || n == 0 || f.parts[n-1].complete() {
		f.stop()
		return
	}
	f.linger = time.AfterFunc(lingerFor, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if f.bodies == 0 {
			f.stop()
		}
	})
}

// stop ends a fill without bodies. The caller holds mu.
func (f *fill) stop() {
	f.ended = true // nobody joins any more
	f.cancel()
}

// wait returns a channel that is closed at the next change. The caller holds mu.
func (f *fill) wait() <-chan struct{} {
	if f.changed == nil {
		f.changed = make(chan struct{})
	}
	return f.changed
}

// notify wakes all that wait. The caller holds mu.
func (f *fill) notify() {
	if f.changed != nil {
		close(f.changed)
		f.changed = nil
	}
}
