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

// Open returns the object n. It makes no request to the source if the bytes are known
// and the answer is recent, and otherwise one, for what is missing. It makes more if the
// missing blocks do not follow each other; if the object changes meanwhile; for an object
// without an ETag, the first time; and, if the object is not known, for a suffix of no
// bytes, and for conditions that hold: they are checked with a Stat first, which is enough if
// they fail.
//
// If the source has the version no longer, Open begins again, and a body that has already
// yielded bytes of it fails with vfs.ErrChanged.
//
// A request with Direct goes to the source, and so does one with Cond.Unsafe: it
// precedes a change of what is there now.
func (c *Cache) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	if c.caps.Direct && req.Direct.For > 0 || req.Cond.Unsafe {
		return c.bypass(ctx, n, req)
	}
	if err := check(ctx, n); err != nil {
		return nil, fail("open", n, false, err)
	}
	for range maxChanges {
		obj, err := c.open(ctx, n, &req)
		switch {
		case err == errBypass:
			return c.bypass(ctx, n, req)
		case err != errAgain && err != nil:
			return nil, fail("open", n, req.Links, err)
		case err == nil:
			return obj, nil
		}
	}
	return c.bypass(ctx, n, req)
}

// maxChanges is how often Open begins again because the object changed. After that, the
// source itself gives one version.
const maxChanges = 3

var (
	errAgain  = errors.New("cache: the version has changed")
	errBypass = errors.New("cache: not kept")
)

// Stat describes the object n. A request with Cond.Unsafe goes to the source.
func (c *Cache) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	if err := check(ctx, n); err != nil {
		return vfs.Info{}, fail("stat", n, false, err)
	}
	req.Range = vfs.Range{}
	if req.Cond.Unsafe {
		c.answered(ctx, driver.CacheBypass)
		return c.Backend.Stat(ctx, n, req)
	}
	a, err := c.look(ctx, "stat", n, &req)
	if err != nil {
		return vfs.Info{}, fail("stat", n, req.Links, err)
	}
	if a.bypass {
		c.answered(ctx, driver.CacheBypass)
		return c.Backend.Stat(ctx, n, req)
	}
	a.leave()
	c.answeredBy(ctx, a.how, a.version)
	info := a.version.info
	if _, err := req.Resolve("stat", info); err != nil {
		return vfs.Info{}, err
	}
	return info, nil
}

// check refuses what is no object's name, without a request.
func check(ctx context.Context, n vfs.Name) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if n.IsZero() {
		return &vfs.Error{Reason: reason.NameEmpty, Err: fs.ErrNotExist}
	}
	return nil
}

// bypass opens the object at the source.
func (c *Cache) bypass(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	c.answered(ctx, driver.CacheBypass)
	obj, err := c.Backend.Open(ctx, n, req)
	if err == nil && obj.Info.ETag != "" {
		c.mu.Lock()
		if v := c.names[n]; v != nil && !v.kept() { // it has an ETag now
			c.drop(v)
		}
		c.mu.Unlock()
	}
	return obj, err
}

func (a *answer) leave() {
	if a.done != nil {
		a.done()
		a.done = nil
	}
}

// open tries once.
func (c *Cache) open(ctx context.Context, n vfs.Name, req *vfs.Request) (*vfs.Object, error) {
	a, err := c.look(ctx, "open", n, req)
	if err != nil {
		return nil, err
	}
	if a.bypass {
		return nil, errBypass
	}
	defer a.leave()
	span, err := req.Resolve("open", a.version.info)
	if err != nil {
		c.answeredBy(ctx, a.how, a.version)
		return nil, err
	}
	obj, fetched, err := c.serve(ctx, a.version, span, a.how != driver.CacheMiss)
	if err != nil {
		if err != errAgain && err != errBypass {
			c.answered(ctx, driver.CacheMiss)
		}
		return nil, err
	}
	if fetched {
		a.how = driver.CacheMiss
	}
	c.answeredBy(ctx, a.how, a.version)
	return obj, nil
}

// serve opens a span of v. again is as in body; fetched is set if bytes come from the
// source.
func (c *Cache) serve(ctx context.Context, v *version, span vfs.Span, again bool) (obj *vfs.Object, fetched bool, err error) {
	obj = &vfs.Object{Info: v.info, Span: span}
	newBody := func() *body {
		return &body{c: c, v: v, ctx: ctx, off: span.Offset, end: span.Offset + span.Length, again: again}
	}
	if span.Length == 0 {
		obj.Body = newBody()
		return obj, false, nil
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil, false, fs.ErrClosed
	}
	k := v.missingIn(span)
	if k < 0 {
		whole := c.pin(v, span, again)
		c.mu.Unlock()
		if whole != nil {
			if ok, err := whole.object(ctx, obj); ok || err != nil {
				return obj, false, err
			}
		}
		obj.Body = newBody()
		return obj, false, nil
	}
	if v.gone {
		c.mu.Unlock()
		return nil, false, errAgain
	}
	b := newBody()
	if c.broken(time.Now()) && v.fillOf(k) == nil || !c.attach(b, k, false) {
		c.mu.Unlock()
		return nil, false, errBypass
	}
	f := b.fill
	fetched = !v.inMemory(span)
	for !f.open && !f.ended {
		change := f.wait()
		c.mu.Unlock()
		select {
		case <-change:
		case <-ctx.Done():
			b.Close()
			return nil, false, ctx.Err()
		}
		c.mu.Lock()
	}
	err = f.err
	c.mu.Unlock()
	if err != nil {
		b.Close()
		if isChange(err) {
			err = errAgain
		}
		return nil, false, err
	}
	obj.Body = b
	return obj, fetched, nil
}
