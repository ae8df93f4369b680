// Package retry tries again what a backend cannot answer for the moment: [New] takes the
// backend and how often. Use it over a store behind a network whose own client does not
// do it; s3.NewClient does, so over it this layer is for failures beyond those.
//
// Only vfs.ErrUnavailable is tried again, and only where it is safe: reads, and changes
// under a condition that cannot hold twice. A budget keeps retries from multiplying the
// load of a store that is failing.
package retry

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// Options are the options of New. The zero value makes up to three attempts within a
// second.
type Options struct {
	// Attempts is how often a call is made at most; 0 means 3, and 1 that none is
	// repeated.
	Attempts int

	// Delay is the longest pause before the second attempt, and doubles with each
	// further one up to MaxDelay. A pause is random, from 0 to its longest, but at least
	// what the error asks for (vfs.Error.RetryAfter); if that is over MaxDelay, there is
	// no retry. 0 means 100 ms for Delay and 2 s for MaxDelay.
	Delay, MaxDelay time.Duration

	// Budget is the number of retries that can be made in a row; each call that succeeds
	// at once adds a tenth of one. So in the long run, at most one call in ten is
	// repeated. 0 means 20.
	Budget int
}

// New returns a layer over b. It shows objects unchanged, so copies inside the store can
// read through it. It panics if b is nil or an option is negative.
//
// Open and Stat are tried again. A body that fails is not: backends that can resume one,
// such as s3, do so themselves, and a caller has the bytes that it has. A listing
// continues after the last entry that it yielded; one in any order, and Walk, only if it
// has not yielded any. The requests of a retry are taken from the bound of a
// driver.ListHint in advance, one each.
//
// Put, Remove and a copy inside the store are tried again only under If-Match with tags or
// If-None-Match "*", and a move inside the store of an object with an ETag: if the failed attempt did take effect after all, the condition no
// longer holds. Then it cannot be told whose change that was, so the layer returns the
// error of the failed attempt, vfs.ErrUnavailable, and never reports a failed condition
// for the caller's own change. The body of a Put must be an io.Seeker, to begin again;
// otherwise there is one attempt, and also if the body itself failed.
//
// No pause outlasts the caller's context: if its deadline comes first, the layer returns
// the error that it has.
func New(b vfs.Backend, opts Options) vfs.Backend {
	if b == nil || opts.Attempts < 0 || opts.Delay < 0 || opts.MaxDelay < 0 || opts.Budget < 0 {
		panic("retry: no backend, or a negative option")
	}
	if opts.Attempts == 0 {
		opts.Attempts = 3
	}
	if opts.Delay == 0 {
		opts.Delay = 100 * time.Millisecond
	}
	if opts.MaxDelay == 0 {
		opts.MaxDelay = 2 * time.Second
	}
	if opts.Budget == 0 {
		opts.Budget = 20
	}
	return &backend{Backend: b, opts: opts, budget: newBudget(opts.Budget)}
}

type backend struct {
	vfs.Backend
	opts   Options
	budget *budget
}

var (
	_ driver.Walker = (*backend)(nil)
	_ driver.Copier = (*backend)(nil)
	_ driver.Mover  = (*backend)(nil)
)

// Under returns the backend below, for copies inside the store.
func (b *backend) Under() vfs.Backend { return b.Backend }

// Open implements vfs.Backend.
func (b *backend) Open(ctx context.Context, n vfs.Name, req vfs.Request) (obj *vfs.Object, err error) {
	for a := b.attempts(ctx); a.next(err); {
		obj, err = b.Backend.Open(ctx, n, req)
	}
	return obj, err
}

// Stat implements vfs.Backend.
func (b *backend) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (info vfs.Info, err error) {
	for a := b.attempts(ctx); a.next(err); {
		info, err = b.Backend.Stat(ctx, n, req)
	}
	return info, err
}

// List implements vfs.Backend.
func (b *backend) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	hint := driver.ListHintOf(ctx)
	return b.list(ctx, !hint.AnyOrder, after, func(ctx context.Context, after string) iter.Seq2[vfs.Entry, error] {
		return b.Backend.List(ctx, dir, after)
	})
}

// Walk implements driver.Walker.
func (b *backend) Walk(ctx context.Context, dir vfs.Name) iter.Seq2[vfs.Entry, error] {
	return b.list(ctx, false, "", func(ctx context.Context, _ string) iter.Seq2[vfs.Entry, error] {
		return driver.Walk(ctx, b.Backend, dir)
	})
}

func (b *backend) list(ctx context.Context, resumes bool, after string, list func(ctx context.Context, after string) iter.Seq2[vfs.Entry, error]) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		a, after, ctx := b.attempts(ctx), after, ctx // a listing can be run again
		hint := driver.ListHintOf(ctx)
		if reserve := a.left - 1; hint.Requests > 0 && reserve > 0 {
			if hint.Requests <= reserve {
				a.left = 1
			} else {
				hint.Requests -= reserve
				ctx = driver.WithListHint(ctx, hint)
			}
		}
		var failed error
		for yielded := false; a.next(failed); {
			failed = nil
			for e, err := range list(ctx, after) {
				if failed = err; failed != nil {
					break
				}
				yielded, after = true, e.Key()
				if !yield(e, nil) {
					return
				}
			}
			if yielded && !resumes {
				a.left = 0
			}
			if hint.Requests > 0 {
				hint.Requests = 1
				ctx = driver.WithListHint(ctx, hint)
			}
		}
		if failed != nil {
			yield(vfs.Entry{}, failed)
		}
	}
}

// Put implements vfs.Backend.
func (b *backend) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (info vfs.Info, err error) {
	s, ok := body.(io.Seeker)
	if !ok || !happensOnce(&opts.Cond) {
		return b.Backend.Put(ctx, n, body, opts)
	}
	begin, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return b.Backend.Put(ctx, n, body, opts)
	}
	noted := &rewindable{Reader: body, Seeker: s}
	err = b.change(ctx, func() error {
		if noted.read {
			if _, err := s.Seek(begin, io.SeekStart); err != nil {
				return &vfs.Error{Op: "put", Name: n.String(), Err: err}
			}
		}
		info, err = b.Backend.Put(ctx, n, noted, opts)
		return err
	}, func() bool { return noted.failed == nil })
	return info, err
}

// CopyFrom implements driver.Copier.
func (b *backend) CopyFrom(ctx context.Context, n vfs.Name, src vfs.Backend, from vfs.Info, opts vfs.PutOptions) (info vfs.Info, err error) {
	if !happensOnce(&opts.Cond) {
		return driver.CopyFrom(ctx, b.Backend, n, src, from, opts)
	}
	err = b.change(ctx, func() error {
		info, err = driver.CopyFrom(ctx, b.Backend, n, src, from, opts)
		return err
	}, func() bool { return true })
	return info, err
}

// MoveFrom implements driver.Mover. It happens once, as it removes what it moves.
func (b *backend) MoveFrom(ctx context.Context, n vfs.Name, src vfs.Backend, from vfs.Info, opts vfs.PutOptions) (info vfs.Info, err error) {
	if from.ETag == "" {
		return driver.MoveFrom(ctx, b.Backend, n, src, from, opts)
	}
	err = b.change(ctx, func() error {
		info, err = driver.MoveFrom(ctx, b.Backend, n, src, from, opts)
		return err
	}, func() bool { return true })
	return info, err
}

// Remove implements vfs.Backend.
func (b *backend) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	if len(cond.IfMatch.List) == 0 {
		return b.Backend.Remove(ctx, n, cond)
	}
	return b.change(ctx, func() error { return b.Backend.Remove(ctx, n, cond) }, func() bool { return true })
}

// happensOnce reports whether a change that took effect makes cond fail.
func happensOnce(cond *vfs.Cond) bool { return len(cond.IfMatch.List) > 0 || cond.IfNoneMatch.Any }

// change makes a change under a condition that does not hold twice, as long as it can be
// repeated. If it does not succeed in the end, only the first error is certain.
func (b *backend) change(ctx context.Context, try func() error, again func() bool) error {
	var first, err error
	for a := b.attempts(ctx); a.next(err); {
		if err = try(); err == nil {
			continue
		}
		if first == nil {
			first = err
		}
		if !again() {
			break
		}
	}
	if err == nil {
		return nil
	}
	return first
}

// rewindable notes whether a body was read, and whether it failed.
type rewindable struct {
	io.Reader
	io.Seeker
	read   bool
	failed error
}

func (r *rewindable) Read(p []byte) (int, error) {
	r.read = true
	n, err := r.Reader.Read(p)
	if err != nil && err != io.EOF {
		r.failed = err
	}
	return n, err
}
