// Package timeout bounds how long calls of a backend and reads from its objects wait:
// [New] takes the backend and the limits. Use it over a store behind a network, so that
// one that hangs does not hold requests and connections for ever. A local disk gains
// nothing by it.
//
// What takes too long fails with vfs.ErrUnavailable, so package retry can try it again.
// Time that the caller takes is never counted: not for reading slowly, not between the
// entries of a listing, not for a body that a client sends slowly.
package timeout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// Options are the options of New. The zero value bounds both by 30 seconds.
type Options struct {
	// Call is how long a call may take: Open until it has an object, Stat, Remove, a
	// copy or move inside the store, each step of a listing, which is a page or less, and Put
	// from the end of its body on. 0 means 30 seconds.
	Call time.Duration

	// Idle is how long one read from an open object may take, and how long Put may let
	// its body wait before it reads on. 0 means 30 seconds. A backend that sends a body
	// in pieces, as s3 does with PartSize, needs time for one piece.
	Idle time.Duration
}

const defaultWait = 30 * time.Second

// New returns a layer over b. It shows objects unchanged, so copies inside the store can
// read through it. It panics if b is nil or a limit is negative.
//
// To end a call, the layer cancels its context, as the contract of vfs.Backend allows; it
// returns when b does. A call whose context the caller has canceled fails with that
// context's error, as without the layer.
//
// An Object's File is passed on. Reads from it are not watched, since nothing can end a
// read from a local file; nor is what a client fetches from an Object's Location. A body
// is no longer an io.Seeker, io.ReaderAt or io.WriterTo.
//
// If b does not tell whether a change was made before its time was up, neither does the
// layer: the call fails, and the change may have been made.
func New(b vfs.Backend, opts Options) vfs.Backend {
	if b == nil || opts.Call < 0 || opts.Idle < 0 {
		panic("timeout: no backend, or a negative limit")
	}
	if opts.Call == 0 {
		opts.Call = defaultWait
	}
	if opts.Idle == 0 {
		opts.Idle = defaultWait
	}
	return &backend{b, opts}
}

type backend struct {
	vfs.Backend
	opts Options
}

var (
	_ driver.Walker = (*backend)(nil)
	_ driver.Copier = (*backend)(nil)
	_ driver.Mover  = (*backend)(nil)
)

// Under returns the backend below, for copies inside the store.
func (b *backend) Under() vfs.Backend { return b.Backend }

// Open implements vfs.Backend.
func (b *backend) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	w := watch(ctx, b.opts.Call)
	obj, err := b.Backend.Open(w.ctx, n, req)
	w.pause()
	if err != nil {
		w.end()
		return nil, w.explain("open", n, err)
	}
	obj.Body = &body{obj.Body, w, b.opts.Idle}
	return obj, nil
}

// Stat implements vfs.Backend.
func (b *backend) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	w := watch(ctx, b.opts.Call)
	defer w.end()
	info, err := b.Backend.Stat(w.ctx, n, req)
	return info, w.explain("stat", n, err)
}

// Put implements vfs.Backend.
func (b *backend) Put(ctx context.Context, n vfs.Name, r io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	w := watch(ctx, b.opts.Idle)
	defer w.end()
	var watched io.Reader = &source{r, w, &b.opts}
	if s, ok := r.(io.Seeker); ok {
		watched = struct {
			io.Reader
			io.Seeker
		}{watched, s}
	}
	info, err := b.Backend.Put(w.ctx, n, watched, opts)
	return info, w.explain("put", n, err)
}

// CopyFrom implements driver.Copier.
func (b *backend) CopyFrom(ctx context.Context, n vfs.Name, src vfs.Backend, from vfs.Info, opts vfs.PutOptions) (vfs.Info, error) {
	w := watch(ctx, b.opts.Call)
	defer w.end()
	info, err := driver.CopyFrom(w.ctx, b.Backend, n, src, from, opts)
	return info, w.explain("put", n, err)
}

// MoveFrom implements driver.Mover.
func (b *backend) MoveFrom(ctx context.Context, n vfs.Name, src vfs.Backend, from vfs.Info, opts vfs.PutOptions) (vfs.Info, error) {
	w := watch(ctx, b.opts.Call)
	defer w.end()
	info, err := driver.MoveFrom(w.ctx, b.Backend, n, src, from, opts)
	return info, w.explain("put", n, err)
}

// Remove implements vfs.Backend.
func (b *backend) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	w := watch(ctx, b.opts.Call)
	defer w.end()
	return w.explain("remove", n, b.Backend.Remove(w.ctx, n, cond))
}

// List implements vfs.Backend.
func (b *backend) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return b.list(ctx, dir, func(ctx context.Context) iter.Seq2[vfs.Entry, error] { return b.Backend.List(ctx, dir, after) })
}

// Walk implements driver.Walker.
func (b *backend) Walk(ctx context.Context, dir vfs.Name) iter.Seq2[vfs.Entry, error] {
	return b.list(ctx, dir, func(ctx context.Context) iter.Seq2[vfs.Entry, error] { return driver.Walk(ctx, b.Backend, dir) })
}

func (b *backend) list(ctx context.Context, dir vfs.Name, list func(context.Context) iter.Seq2[vfs.Entry, error]) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		w := watch(ctx, b.opts.Call)
		defer w.end()
		for e, err := range list(w.ctx) {
			w.pause()
			if !yield(e, w.explain("list", dir, err)) {
				return
			}
			w.resume(b.opts.Call)
		}
	}
}

// A watchdog cancels ctx when it has run for too long without a pause.
type watchdog struct {
	caller context.Context
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

func watch(ctx context.Context, wait time.Duration) *watchdog {
	w := &watchdog{caller: ctx}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(wait, func() { w.cancel(errSlow) })
	return w
}

var (
	errSlow    = errors.New("timeout") // the cause of the cancellation
	errTooSlow = fmt.Errorf("%w: no answer within the timeout", vfs.ErrUnavailable)
)

func (w *watchdog) pause() { w.timer.Stop() }

func (w *watchdog) resume(wait time.Duration) { w.timer.Reset(wait) }

func (w *watchdog) end() {
	w.pause()
	w.cancel(nil)
}

// explain returns the error of a call: if the watchdog ended it, and not the caller, that
// it took too long.
func (w *watchdog) explain(op string, n vfs.Name, err error) error {
	if err == nil || !w.ended(err) {
		return err
	}
	return &vfs.Error{Op: op, Name: n.String(), Err: errTooSlow}
}

// ended reports whether err is the watchdog's doing.
func (w *watchdog) ended(err error) bool {
	return context.Cause(w.ctx) == errSlow && w.caller.Err() == nil && errors.Is(err, context.Canceled)
}

// A body watches each read.
type body struct {
	io.ReadCloser
	w    *watchdog
	idle time.Duration
}

func (b *body) Read(p []byte) (int, error) {
	b.w.resume(b.idle)
	n, err := b.ReadCloser.Read(p)
	b.w.pause()
	if err != nil && b.w.ended(err) {
		err = errTooSlow
	}
	return n, err
}

// Close closes the body before its context ends: closing may put a connection back, and
// canceling breaks it.
func (b *body) Close() error {
	b.w.resume(b.idle)
	defer b.w.end()
	return b.ReadCloser.Close()
}

// A source is the body of a Put. While it is being read, the time is the client's.
type source struct {
	r    io.Reader
	w    *watchdog
	opts *Options
}

func (s *source) Read(p []byte) (int, error) {
	s.w.pause()
	n, err := s.r.Read(p)
	wait := s.opts.Idle
	if err != nil {
		wait = s.opts.Call
	}
	s.w.resume(wait)
	return n, err
}
