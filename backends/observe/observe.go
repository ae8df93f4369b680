// Package observe is a layer over a backend that reports each call, for metrics: [New]
// wraps the backend and passes each [Call] to a function.
package observe

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// A Call describes one call of a backend and its outcome. It contains no name: all its
// strings are from small, fixed sets.
type Call struct {
	Kind    string  // of the backend: Caps.Kind
	Op      string  // "open", "stat", "list", "put", "remove"
	Outcome Outcome //
	// Duration is the time that the backend took. For an open, it ends when the object
	// is available, not when its bytes have been read. For a put, it includes reading
	// the body. For a listing, it excludes the time spent in the caller's loop.
	Duration time.Duration
}

// An Outcome is how a call ended.
type Outcome string

// The outcomes.
const (
	OK          Outcome = "ok"
	Missing     Outcome = "missing"     // the object does not exist or is refused
	Condition   Outcome = "condition"   // not modified, or a failed condition or range
	Changed     Outcome = "changed"     // replaced while it was read
	Canceled    Outcome = "canceled"    // the caller's context ended
	Unavailable Outcome = "unavailable" // try again later
	Full        Outcome = "full"        // no room
	Failed      Outcome = "error"       // anything else
)

// OutcomeOf returns the outcome for the error of a backend's call.
func OutcomeOf(err error) Outcome {
	switch {
	case err == nil:
		return OK
	case errors.Is(err, vfs.ErrNotModified), errors.Is(err, vfs.ErrPrecondition), errors.Is(err, vfs.ErrRange):
		return Condition
	case errors.Is(err, fs.ErrNotExist):
		return Missing
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Canceled
	case errors.Is(err, vfs.ErrUnavailable):
		return Unavailable
	case errors.Is(err, vfs.ErrChanged):
		return Changed
	case errors.Is(err, vfs.ErrFull):
		return Full
	}
	return Failed
}

// New returns a layer over b that passes every call to tell, in the caller's goroutine,
// when the call has ended. It returns objects unchanged.
func New(b vfs.Backend, tell func(Call)) vfs.Backend {
	return &backend{Backend: b, kind: b.Caps().Kind, tell: tell}
}

type backend struct {
	vfs.Backend
	kind string
	tell func(Call)
}

func (b *backend) told(op string, start time.Time, err error) {
	b.tell(Call{Kind: b.kind, Op: op, Outcome: OutcomeOf(err), Duration: time.Since(start)})
}

// Open implements vfs.Backend.
func (b *backend) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	start := time.Now()
	obj, err := b.Backend.Open(ctx, n, req)
	b.told("open", start, err)
	return obj, err
}

// Stat implements vfs.Backend.
func (b *backend) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	start := time.Now()
	info, err := b.Backend.Stat(ctx, n, req)
	b.told("stat", start, err)
	return info, err
}

// Put implements vfs.Backend.
func (b *backend) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	start := time.Now()
	info, err := b.Backend.Put(ctx, n, body, opts)
	b.told("put", start, err)
	return info, err
}

// CopyFrom implements driver.Copier. It is reported as a put.
func (b *backend) CopyFrom(ctx context.Context, n vfs.Name, src vfs.Backend, from vfs.Info, opts vfs.PutOptions) (vfs.Info, error) {
	return b.toldInside(func() (vfs.Info, error) { return driver.CopyFrom(ctx, b.Backend, n, src, from, opts) })
}

// MoveFrom implements driver.Mover. It is reported as a put.
func (b *backend) MoveFrom(ctx context.Context, n vfs.Name, src vfs.Backend, from vfs.Info, opts vfs.PutOptions) (vfs.Info, error) {
	return b.toldInside(func() (vfs.Info, error) { return driver.MoveFrom(ctx, b.Backend, n, src, from, opts) })
}

// toldInside reports a change that the store made itself. If it cannot, other calls
// follow, which are reported.
func (b *backend) toldInside(change func() (vfs.Info, error)) (vfs.Info, error) {
	start := time.Now()
	info, err := change()
	if !errors.Is(err, vfs.ErrUnsupported) {
		b.told("put", start, err)
	}
	return info, err
}

// Under implements driver.Under.
func (b *backend) Under() vfs.Backend { return b.Backend }

// Remove implements vfs.Backend.
func (b *backend) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	start := time.Now()
	err := b.Backend.Remove(ctx, n, cond)
	b.told("remove", start, err)
	return err
}

// List implements vfs.Backend. One listing is one call, however many pages it takes.
func (b *backend) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return b.toldList(b.Backend.List(ctx, dir, after))
}

// Walk implements driver.Walker. It is reported as a listing.
func (b *backend) Walk(ctx context.Context, dir vfs.Name) iter.Seq2[vfs.Entry, error] {
	return b.toldList(driver.Walk(ctx, b.Backend, dir))
}

func (b *backend) toldList(list iter.Seq2[vfs.Entry, error]) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		start := time.Now()
		var away time.Duration // time spent in the caller's loop
		var failed error
		defer func() { b.told("list", start.Add(away), failed) }()
		for e, err := range list {
			failed = err
			left := time.Now()
			more := yield(e, err)
			away += time.Since(left)
			if !more {
				return
			}
		}
	}
}
