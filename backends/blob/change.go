package blob

import (
	"context"
	"errors"
	"fmt"
	"time"

	cdk "gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/bailiwick-fs/bailiwick/backends/internal/put"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// settleWait bounds the time to find out what a change has done after its context is
// done, or after its answer was lost.
const settleWait = 5 * time.Second

// A clause is what a service checks when it makes a change. The zero clause is nothing.
type clause struct {
	missing bool   // there must be no object
	tag     string // the object must have this version
}

// decide evaluates cond for the current version, nil if there is none, and returns a
// clause that requires that version to be current.
func (c *call) decide(cond vfs.Cond, current *version) (clause, error) {
	if current == nil {
		return clause{missing: true}, put.Check(c.op, c.n, cond, nil)
	}
	return clause{tag: current.info.ETag}, put.Check(c.op, c.n, cond, &current.info)
}

// afterwards returns a call that can find out about a change once it is made.
func (c *call) afterwards() (*call, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), settleWait)
	after := *c
	after.ctx = ctx
	return &after, cancel
}

// Remove deletes the object n, with a request for its attributes before that. Under a
// condition, the service deletes only the version for which it was evaluated; without a
// Service, a lock does. If the object disappears meanwhile, that is a success.
func (b *Backend) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	if !b.caps.Writable {
		return driver.Unsupported{}.Remove(ctx, n, cond)
	}
	c, err := b.call(ctx, "remove", n)
	if err != nil {
		return err
	}
	if b.service == nil {
		b.mu.Lock()
		defer b.mu.Unlock()
	}
	cond.Unsafe = true
	for range maxTries {
		if err := c.checkFile(false); err != nil {
			return err
		}
		current, err := c.exists()
		if err != nil {
			return err
		}
		if current == nil {
			return driver.Refuse("remove", n, reason.Missing)
		}
		held, err := c.decide(cond, current)
		if err != nil {
			return err
		}
		opts := &cdk.DeleteOptions{}
		if b.service != nil && !unconditional(cond) {
			opts.BeforeDelete = b.service.RemoveIf(held.tag)
		}
		err = b.bucket.DeleteWithOptions(ctx, c.key, opts)
		switch {
		case err == nil || b.code(err) == gcerrors.NotFound:
			if b.files != nil {
				b.files.prune(n)
			}
			return nil
		case b.code(err) == gcerrors.FailedPrecondition:
			continue
		}
		return c.lostRemoval(err)
	}
	return c.fail(errBusy)
}

// lostRemoval returns the result of a removal that failed with err: the answer may be
// lost, and the object gone.
func (c *call) lostRemoval(err error) error {
	if c.code(err) == gcerrors.Unknown {
		after, cancel := c.afterwards()
		defer cancel()
		if current, seeErr := after.exists(); seeErr == nil && current == nil {
			return nil
		}
	}
	return c.fail(err)
}

// unconditional reports whether cond holds for every object.
func unconditional(cond vfs.Cond) bool {
	cond.IfModifiedSince = time.Time{} // about reading only
	return cond.IsZero()
}

// onlyCreates reports whether cond holds exactly if there is no object.
func onlyCreates(cond vfs.Cond) bool {
	return cond.IfNoneMatch.Any && !cond.NeedsObject()
}

// outcome returns the result of a Put that failed with err under its clause: the stored
// version, or an error; or neither if the Put can be tried again under another clause,
// which it sets.
func (w *writing) outcome(err error) (*version, error) {
	code := w.code(err)
	switch {
	case code == gcerrors.NotFound:
		// A Put does not need the object to exist: the bucket is missing.
		return nil, w.fail(fmt.Errorf("%w: %w", vfs.ErrUnavailable, err))
	case code != gcerrors.FailedPrecondition && code != gcerrors.AlreadyExists && code != gcerrors.Unknown,
		errors.Is(err, vfs.ErrFailed):
		return nil, w.fail(err)
	}
	// The condition may have failed because of this very Put: the SDKs send a request
	// again if its answer is lost.
	after, cancel := w.afterwards()
	defer cancel()
	current, seeErr := after.exists()
	switch {
	case seeErr == nil && current != nil && current.mark == w.mark:
		return current, nil
	case w.ctx.Err() != nil:
		return nil, w.fail(w.ctx.Err())
	case code == gcerrors.Unknown:
		return nil, w.fail(fmt.Errorf("%w: %w", errLost, err))
	case vfs.ReasonOf(seeErr) == reason.Permission:
		// Without permission to read, the service's word has to do.
		return nil, &vfs.Error{Op: w.op, Name: w.n.String(), Err: w.refusal()}
	case seeErr != nil:
		return nil, seeErr
	}
	w.held, err = w.decide(w.opts.Cond, current)
	return nil, err
}

// refusal returns the sentinel for a condition that the service says has failed.
func (w *writing) refusal() error {
	if w.held.missing && onlyCreates(w.opts.Cond) {
		return vfs.ErrExist
	}
	return vfs.ErrPrecondition
}
