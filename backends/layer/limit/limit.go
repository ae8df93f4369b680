// Package limit bounds what a backend is asked for at the same time: [New] takes the
// backend, the number of calls in flight and, if wanted, the bytes per second. Use it
// where a store, its line or its bill must be protected from too many clients at once.
//
// A call beyond the limit waits for a moment and is then refused with
// vfs.ErrUnavailable, and the error says when to try again (RetryAfter), which an HTTP
// client gets as Retry-After. What has begun is never refused: bodies and listings become
// slower.
package limit

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// Options are the options of New. The zero value allows 256 calls in flight.
type Options struct {
	// Calls is the number of calls in flight; 0 means 256. An open object counts until
	// its Body is closed, and a listing while it fetches entries; one that has begun goes
	// on beyond the limit if it has waited. A program that copies within the layer needs
	// two at once.
	Calls int

	// BytesPerSecond bounds the bytes of all bodies together, both read and put; 0 means
	// no bound. Bytes that a store copies itself or sends to clients itself
	// (vfs.Request.Direct) do not count.
	BytesPerSecond int64

	// Wait is how long a call waits until it is refused; 0 means a second.
	Wait time.Duration
}

const (
	defaultCalls = 256
	defaultWait  = time.Second
)

// New returns a layer over b. It shows objects unchanged, so copies inside the store can
// read through it. It panics if b is nil or a limit is negative.
//
// With BytesPerSecond, an Object has no File, since reading it would bypass the bound.
// Without it, File is passed on, and closing the Body ends the call, as always. A body is
// no longer an io.Seeker or io.ReaderAt, and with BytesPerSecond no io.WriterTo.
func New(b vfs.Backend, opts Options) vfs.Backend {
	if b == nil || opts.Calls < 0 || opts.BytesPerSecond < 0 || opts.Wait < 0 {
		panic("limit: no backend, or a negative limit")
	}
	if opts.Calls == 0 {
		opts.Calls = defaultCalls
	}
	if opts.Wait == 0 {
		opts.Wait = defaultWait
	}
	l := &backend{Backend: b, slots: make(chan struct{}, opts.Calls), wait: opts.Wait}
	if opts.BytesPerSecond > 0 {
		l.bytes = newBucket(opts.BytesPerSecond)
	}
	return l
}

type backend struct {
	vfs.Backend
	slots chan struct{}
	wait  time.Duration
	bytes *bucket // nil without a bound
}

var (
	_ driver.Walker = (*backend)(nil)
	_ driver.Copier = (*backend)(nil)
	_ driver.Mover  = (*backend)(nil)
)

// Under returns the backend below, for copies inside the store.
func (b *backend) Under() vfs.Backend { return b.Backend }

// enter takes a slot for a call. The caller returns it with leave.
func (b *backend) enter(ctx context.Context, op string, n vfs.Name) error {
	if err := ctx.Err(); err != nil {
		return &vfs.Error{Op: op, Name: n.String(), Err: err}
	}
	select {
	case b.slots <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(b.wait)
	defer timer.Stop()
	select {
	case b.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return &vfs.Error{Op: op, Name: n.String(), Err: ctx.Err()}
	case <-timer.C:
		return &vfs.Error{Op: op, Name: n.String(), Err: errBusy, RetryAfter: b.wait}
	}
}

var errBusy = errors.Join(vfs.ErrUnavailable, errors.New("too many calls in flight"))

func (b *backend) leave() { <-b.slots }

// enterBody is enter for a call with a body. It does not begin what would have to wait
// too long for its first byte.
func (b *backend) enterBody(ctx context.Context, op string, n vfs.Name) error {
	if b.bytes != nil {
		if late := b.bytes.delay(time.Now()) - b.wait; late > 0 {
			return &vfs.Error{Op: op, Name: n.String(), Err: errFast, RetryAfter: late}
		}
	}
	return b.enter(ctx, op, n)
}

var errFast = errors.Join(vfs.ErrUnavailable, errors.New("too many bytes per second"))

// Open implements vfs.Backend.
func (b *backend) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	if err := b.enterBody(ctx, "open", n); err != nil {
		return nil, err
	}
	obj, err := b.Backend.Open(ctx, n, req)
	if err != nil {
		b.leave()
		return nil, err
	}
	closing := &body{ReadCloser: obj.Body, leave: sync.OnceFunc(b.leave)}
	whole, isWhole := obj.Body.(io.WriterTo)
	switch {
	case b.bytes != nil:
		obj.Body, obj.File, obj.Descriptor = &paced{closing, reader{ctx, obj.Body, b.bytes}}, nil, nil
	case isWhole:
		obj.Body = &wholeBody{closing, whole}
	default:
		obj.Body = closing
	}
	return obj, nil
}

// Stat implements vfs.Backend.
func (b *backend) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	if err := b.enter(ctx, "stat", n); err != nil {
		return vfs.Info{}, err
	}
	defer b.leave()
	return b.Backend.Stat(ctx, n, req)
}

// Put implements vfs.Backend.
func (b *backend) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	if err := b.enterBody(ctx, "put", n); err != nil {
		return vfs.Info{}, err
	}
	defer b.leave()
	if b.bytes != nil {
		paced := reader{ctx, body, b.bytes}
		if s, ok := body.(io.Seeker); ok {
			body = struct {
				io.Reader
				io.Seeker
			}{paced, s}
		} else {
			body = paced
		}
	}
	return b.Backend.Put(ctx, n, body, opts)
}

// CopyFrom implements driver.Copier.
func (b *backend) CopyFrom(ctx context.Context, n vfs.Name, src vfs.Backend, from vfs.Info, opts vfs.PutOptions) (vfs.Info, error) {
	if err := b.enter(ctx, "put", n); err != nil {
		return vfs.Info{}, err
	}
	defer b.leave()
	return driver.CopyFrom(ctx, b.Backend, n, src, from, opts)
}

// MoveFrom implements driver.Mover.
func (b *backend) MoveFrom(ctx context.Context, n vfs.Name, src vfs.Backend, from vfs.Info, opts vfs.PutOptions) (vfs.Info, error) {
	if err := b.enter(ctx, "put", n); err != nil {
		return vfs.Info{}, err
	}
	defer b.leave()
	return driver.MoveFrom(ctx, b.Backend, n, src, from, opts)
}

// Remove implements vfs.Backend.
func (b *backend) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	if err := b.enter(ctx, "remove", n); err != nil {
		return err
	}
	defer b.leave()
	return b.Backend.Remove(ctx, n, cond)
}

// List implements vfs.Backend.
func (b *backend) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return b.list(ctx, dir, b.Backend.List(ctx, dir, after))
}

// Walk implements driver.Walker.
func (b *backend) Walk(ctx context.Context, dir vfs.Name) iter.Seq2[vfs.Entry, error] {
	return b.list(ctx, dir, driver.Walk(ctx, b.Backend, dir))
}

// list holds no slot while the caller has an entry: its loop may make other calls, and
// listings that wait for slots held by listings would block each other.
func (b *backend) list(ctx context.Context, dir vfs.Name, list iter.Seq2[vfs.Entry, error]) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		if err := b.enter(ctx, "list", dir); err != nil {
			yield(vfs.Entry{}, err)
			return
		}
		held, beyond := true, false
		defer func() {
			if held {
				b.leave()
			}
		}()
		for e, err := range list {
			if held {
				b.leave()
				held = false
			}
			if !yield(e, err) || err != nil {
				return
			}
			if beyond {
				continue
			}
			// What has begun is never refused: without a slot, it goes on. It does not wait for
			// longer, since those who have the slots may wait for what it lists.
			switch err := b.enter(ctx, "list", dir); {
			case err == nil:
				held = true
			case ctx.Err() != nil:
				yield(vfs.Entry{}, err)
				return
			default:
				beyond = true
			}
		}
	}
}

// A body ends its call when it is closed.
type body struct {
	io.ReadCloser
	leave func()
}

func (b *body) Close() error {
	defer b.leave()
	return b.ReadCloser.Close()
}

// A wholeBody is still an io.WriterTo, as servers send small objects faster with it.
type wholeBody struct {
	*body
	io.WriterTo
}

// A paced body takes its bytes from the bucket.
type paced struct {
	*body
	r reader
}

func (p *paced) Read(b []byte) (int, error) { return p.r.Read(b) }
