package cache

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A question is one request to the source about a name, on behalf of all calls that wait
// for it. It belongs to the Cache: it goes on as long as any of them waits.
type question struct {
	name   vfs.Name
	about  *version // the version that it is to confirm; nil if none is known
	ask    func(ctx context.Context) (*vfs.Object, vfs.Info, error)
	order  uint64
	began  time.Time
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{} // closed once what follows "the answer" is set

	// Cache.mu guards these.
	waiting int
	void    bool // the name was written to meanwhile: the answer says nothing

	// The answer. fill is held for the calls that wait, until the last one leaves.
	version   *version
	confirmed bool // version is about
	fill      *fill
	err       error
}

// An answer is what look found out for a call. If bypass is set, the call goes to the
// source itself.
type answer struct {
	version *version
	how     driver.CacheStatus
	bypass  bool
	done    func() // to be called once the call holds what it needs; nil if nothing is held
}

// look finds the version of n for a call, and asks the source if it has to.
func (c *Cache) look(ctx context.Context, op string, n vfs.Name, req *vfs.Request) (answer, error) {
	var order uint64
	ttl, stale := c.opts.TTL, true
	if driver.Revalidates(ctx) {
		ttl, stale = 0, false
	}
	for {
		c.mu.Lock()
		if c.closed {
			c.mu.Unlock()
			return answer{}, fs.ErrClosed
		}
		if order == 0 {
			c.order++
			order = c.order
		}
		now := time.Now()
		v := c.names[n]
		g := c.absent[n]
		switch {
		case c.writing[n] > 0, v != nil && !v.kept():
			c.mu.Unlock()
			return answer{bypass: true}, nil
		case g != nil && now.Sub(g.value.checked) < min(ttl, c.missingFor()):
			g.used = true
			c.mu.Unlock()
			c.answered(ctx, driver.CacheHit)
			return answer{}, missing(op, n)
		case v != nil && c.fresh(v, order, now, ttl):
			v.node.used = true
			c.mu.Unlock()
			return answer{version: v, how: driver.CacheHit}, nil
		case stale && v != nil && now.Before(v.askAfter) && c.staleNow(v, now):
			v.node.used = true
			c.mu.Unlock()
			return answer{version: v, how: driver.CacheStale}, nil
		}
		if v == nil && op == "open" && c.broken(now) {
			c.mu.Unlock()
			return answer{bypass: true}, nil
		}
		q := c.asking[n]
		if q == nil {
			q = c.newQuestion(n, v, op == "stat", req)
		}
		q.waiting++
		c.mu.Unlock()

		select {
		case <-q.done:
		case <-ctx.Done():
			c.leave(q)
			return answer{}, ctx.Err()
		}
		a, settled, err := c.settle(q, order, ttl, stale)
		if settled {
			if err != nil {
				c.answered(ctx, driver.CacheMiss)
			}
			return a, err
		}
	}
}

// settle turns the answer to q into one for a call with the given order, for which answers
// hold for ttl, and that may be stale if mayBeStale is set. It reports false if the call has to
// look again.
func (c *Cache) settle(q *question, order uint64, ttl time.Duration, mayBeStale bool) (a answer, settled bool, err error) {
	done := func() { c.leave(q) }
	c.mu.Lock()
	void, now := q.void, time.Now()
	good := q.order > order || now.Sub(q.began) < ttl
	var stale *version
	if v := q.about; mayBeStale && errors.Is(q.err, vfs.ErrUnavailable) && v != nil && !v.gone && c.staleNow(v, now) {
		stale = v
		v.askAfter = now.Add(askAgain)
	}
	c.mu.Unlock()
	switch {
	case void:
	case stale != nil:
		return answer{version: stale, how: driver.CacheStale, done: done}, true, nil
	case q.err != nil && (good || !isMissing(q.err)):
		done()
		return answer{}, true, q.err
	case q.version != nil && !q.version.kept():
		done()
		return answer{bypass: true}, true, nil
	case q.version != nil && good:
		how := driver.CacheMiss
		if q.confirmed {
			how = driver.CacheRevalidated
		}
		return answer{version: q.version, how: how, done: done}, true, nil
	}
	done()
	return answer{}, false, nil
}

// leave ends the wait of one call. The last one ends what nobody needs.
func (c *Cache) leave(q *question) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if q.waiting--; q.waiting > 0 {
		return
	}
	select {
	case <-q.done:
		if q.fill != nil {
			c.detach(q.fill)
		}
	default:
		q.cancel()
		if c.asking[q.name] == q {
			delete(c.asking, q.name)
		}
	}
}

// newQuestion asks the source about n for a call with req. It asks for bytes if the call
// will need some, so that there is one request. The caller holds mu.
func (c *Cache) newQuestion(n vfs.Name, v *version, stat bool, req *vfs.Request) *question {
	c.order++
	q := &question{name: n, about: v, order: c.order, began: time.Now(), done: make(chan struct{})}
	q.ctx, q.cancel = context.WithCancel(c.life)
	q.ask = c.request(n, v, stat, req)
	c.asking[n] = q
	c.run(func() { c.answer(q) })
	return q
}

// request returns the request of a question. The caller holds mu.
func (c *Cache) request(n vfs.Name, v *version, stat bool, req *vfs.Request) func(context.Context) (*vfs.Object, vfs.Info, error) {
	head := func(ctx context.Context) (*vfs.Object, vfs.Info, error) {
		info, err := c.Backend.Stat(ctx, n, vfs.Request{Links: true})
		return nil, info, err
	}
	open := func(rng vfs.Range, cond vfs.Cond) func(context.Context) (*vfs.Object, vfs.Info, error) {
		return func(ctx context.Context) (*vfs.Object, vfs.Info, error) {
			obj, err := c.Backend.Open(ctx, n, vfs.Request{Range: rng, Cond: cond, Links: true})
			if err != nil {
				return nil, vfs.Info{}, err
			}
			return obj, obj.Info, nil
		}
	}
	rng, ok := wholeBlocks(req.Range)
	if stat || !ok {
		return head
	}
	if v == nil {
		if !req.Cond.IsZero() {
			return head // probably no bytes are needed
		}
		return open(rng, vfs.Cond{})
	}
	span, err := req.Resolve("open", v.info)
	if err != nil {
		return head
	}
	tags := vfs.Tags{List: []vfs.Tag{{Value: v.info.ETag, Set: true}}}
	k := v.missingIn(span)
	if k < 0 || v.fillOf(k) != nil {
		return open(rng, vfs.Cond{IfNoneMatch: tags})
	}
	_, end := blocksOf(span)
	return open(blockRange(v.info.Size, k, v.runFrom(k, end)), vfs.Cond{IfMatch: tags})
}

// answer makes the request of q and takes over what it says.
func (c *Cache) answer(q *question) {
	var under driver.Answer
	obj, info, err := q.ask(driver.WithAnswer(q.ctx, &under))
	immutable := c.opts.Immutable(q.name)

	c.mu.Lock()
	if c.asking[q.name] == q {
		delete(c.asking, q.name)
	} else {
		q.void = true // all calls have left, and a later question may know better
	}
	e, _ := errors.AsType[*vfs.Error](err)
	var files []*blockFile
	switch {
	case q.void:
	case err == nil:
		info.Name = q.name
		q.version, files = c.know(info, immutable, q.began, q.order)
		q.confirmed = q.version == q.about
	case errors.Is(err, vfs.ErrNotModified) && q.about != nil && e != nil && e.Info != nil && !e.Info.ModTime.IsZero() && !e.Info.ModTime.Equal(q.about.info.ModTime):
		// The same bytes were stored again, perhaps with other metadata, which the answer
		// does not contain. The calls ask anew.
		files = c.drop(q.about)
	case errors.Is(err, vfs.ErrNotModified) && q.about != nil:
		c.confirm(q.about, q.began, q.order)
		q.version, q.confirmed = q.about, true
	case errors.Is(err, vfs.ErrPrecondition) && q.about != nil:
		files = c.drop(q.about) // the calls ask anew
	case errors.Is(err, vfs.ErrRange) && e != nil && e.Info != nil && e.Info.Size >= 0:
		q.version, files = c.know(*e.Info, immutable, q.began, q.order)
	case vfs.ReasonOf(err) != "":
		files = c.drop(c.names[q.name])
		if isMissing(err) {
			c.lose(q.name, q.began)
		}
		q.err = err
	default:
		q.err = err
	}
	if q.version != nil {
		q.version.layer = under.Layer
	}
	if obj != nil && q.version != nil && q.version.kept() && q.waiting > 0 {
		q.fill = c.take(q, obj)
	}
	close(q.done)
	c.mu.Unlock()
	c.discard(files)
	switch {
	case q.fill != nil:
		q.fill.run(obj)
		return
	case obj != nil:
		obj.Body.Close()
	}
	q.cancel()
}

// wholeBlocks extends a range to whole blocks, as far as that is possible without the
// object's size. It reports false if it contains no bytes.
func wholeBlocks(r vfs.Range) (vfs.Range, bool) {
	const huge = 1 << 50 // more than any object has
	first, last := r.Bounds()
	switch {
	case first < 0 && last == 0:
		return r, false
	case first < 0:
		return vfs.RangeSuffix(min(last, huge) + blockSize - 1), true
	case first > huge:
		return r, true
	}
	first -= first % blockSize
	switch {
	case last >= 0 && last < huge:
		return vfs.RangeBetween(first, last-last%blockSize+blockSize-1), true
	case first == 0:
		return vfs.Range{}, true
	}
	return vfs.RangeFrom(first), true
}

// blockRange returns the range of the blocks from first to before end.
func blockRange(size, first, end int64) vfs.Range {
	if last := end * blockSize; last < size {
		return vfs.RangeBetween(first*blockSize, last-1)
	}
	if first == 0 {
		return vfs.Range{}
	}
	return vfs.RangeFrom(first * blockSize)
}

func missing(op string, n vfs.Name) error {
	return &vfs.Error{Op: op, Name: n.String(), Reason: reason.Missing, Err: fs.ErrNotExist}
}
