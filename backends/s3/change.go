package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/bailiwick-fs/bailiwick/backends/internal/keyed"
	"github.com/bailiwick-fs/bailiwick/backends/internal/put"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

const (
	// graceWait is how long a request that changes something may continue after its
	// context is done, so that its answer is not lost.
	graceWait = 2 * time.Second
	// settleWait bounds the time to find out the outcome of a request whose answer was
	// lost.
	settleWait = 5 * time.Second
	// maxCommits is how often a change is tried if other changes interfere.
	maxCommits = 4
)

// A change is one call of Put or Remove.
type change struct {
	*objectCall
	cond   vfs.Cond
	clause clause // the part of cond that S3 enforces
	direct bool   // clause is all of cond
	// wait is the maximum wait for a slot.
	wait time.Duration
	// mark is metadata by which a Put recognizes its own object; "" for Remove, which
	// is done if there is no object.
	mark string
	// abandon, if set, makes it impossible for a change whose answer was lost to take
	// effect later.
	abandon func()
}

func (b *Backend) change(ctx context.Context, op string, n vfs.Name, cond vfs.Cond) (*change, error) {
	key, err := b.key(op, n)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, &vfs.Error{Op: op, Name: n.String(), Err: err}
	}
	c := &change{objectCall: &objectCall{Backend: b, ctx: ctx, op: op, n: n, key: key}, cond: cond, wait: slotWait}
	c.clause, c.direct = newClause(cond)
	return c, nil
}

// A clause is the part of a condition that S3 itself enforces when it makes the change.
// The zero clause enforces nothing.
type clause struct {
	missing bool   // the object must not exist: If-None-Match: *
	tag     string // the object must have this tag, quotes included: If-Match
}

// newClause returns a clause equivalent to cond, and false if there is none: S3
// interprets a list of tags, a weak tag or a date differently.
func newClause(cond vfs.Cond) (clause, bool) {
	switch {
	case !cond.IfMatch.IsZero():
		tag, ok := oneTag(cond.IfMatch)
		if !ok || tag.Weak || !cond.IfNoneMatch.IsZero() {
			return clause{}, false
		}
		return clause{tag: quote(tag)}, true
	case !cond.IfUnmodifiedSince.IsZero():
		return clause{}, false
	case cond.IfNoneMatch.Any:
		return clause{missing: true}, true
	}
	return clause{}, cond.IfNoneMatch.IsZero()
}

// clauseFor returns the clause that requires the current object to be unchanged, or,
// for nil, that there is none. It fails if current has no tag.
func (c *change) clauseFor(current *vfs.Info) (clause, error) {
	switch {
	case current == nil:
		return clause{missing: true}, nil
	case current.ETag == "":
		return clause{}, c.fail(fmt.Errorf("%w: S3 gave no ETag", vfs.ErrUnavailable))
	}
	return clause{tag: `"` + current.ETag + `"`}, nil
}

func (c clause) ifMatch() *string {
	if c.tag == "" {
		return nil
	}
	return &c.tag
}

func (c clause) ifNoneMatch() *string {
	if !c.missing {
		return nil
	}
	return aws.String("*")
}

// prepare evaluates a condition that S3 cannot enforce, against the current object.
func (c *change) prepare() error {
	if c.direct {
		return nil
	}
	current, _, err := c.see(c.ctx)
	if err != nil {
		return err
	}
	return c.decide(current)
}

// decide fails if the condition does not hold for the current object. Otherwise, it
// sets the clause so that S3 requires that object to be unchanged.
func (c *change) decide(current *vfs.Info) (err error) {
	if err := put.Check(c.op, c.n, c.cond, current); err != nil {
		return err
	}
	if !c.direct {
		c.clause, err = c.clauseFor(current)
	}
	return err
}

// see reads the current object's Info with one HeadObject: nil if there is none. made
// reports whether that is the result of this change: the object with its mark, or for
// Remove no object.
func (c *change) see(ctx context.Context) (current *vfs.Info, made bool, err error) {
	if err := c.acquireWithin(ctx, c.wait); err != nil {
		return nil, false, failure(ctx, c.op, c.n, err)
	}
	defer c.release()
	o := *c.objectCall
	o.ctx = ctx
	info, meta, err := o.headObject()
	switch {
	case vfs.ReasonOf(err) == reason.Missing:
		return nil, c.mark == "", nil
	case err != nil:
		return nil, false, err
	}
	return &info, c.mark != "" && meta[markKey] == c.mark, nil
}

// commit makes the change with do, under its clause, and returns the object's new ETag.
// A lost answer is not a failure: commit then finds out what happened.
func (c *change) commit(do func(ctx context.Context, c clause) (etag *string, err error)) (string, error) {
	ctx, cancel := grace(c.ctx)
	defer cancel()
	for i := range maxCommits {
		if i > 0 {
			if err := pause(c.ctx, firstPause<<(i-1)); err != nil {
				return "", c.fail(err)
			}
		}
		if err := c.acquireWithin(c.ctx, c.wait); err != nil {
			return "", c.fail(err)
		}
		etag, err := do(ctx, c.clause)
		c.release()
		if err == nil {
			return keyed.OpaqueTag(aws.ToString(etag)), nil
		}
		if r := c.resultOf(err); !r.retry {
			return r.etag, r.err
		}
	}
	return "", c.fail(errBusy)
}

var (
	errBusy = fmt.Errorf("%w: the object is being changed continuously", vfs.ErrUnavailable)
	errLost = fmt.Errorf("%w: S3 did not answer, so it is unknown whether the change was made", vfs.ErrUnavailable)
)

// A commitResult is the result of a request that changes the object: the change was
// made, and the object has etag; or it was not made, or may not have been, for err; or it
// was not made and can be tried again.
type commitResult struct {
	etag  string
	err   error
	retry bool
}

// resultOf returns the result of a request that failed with err. Most errors mean that
// the change was not made. For the following ones, the current object decides:
//
//   - No answer came, or one that does not say what happened, such as a 500. If the
//     object carries the mark of this change, the change was made; if not, it is
//     unknown whether it will still be.
//   - The condition failed. That can be due to this very change: if no answer comes, the
//     SDK sends the request again, and the second one finds the result of the first.
//   - 409: another change is in progress. Once it is done, the condition can be
//     evaluated.
func (c *change) resultOf(err error) commitResult {
	a := answerOf(err)
	lost := a.lost()
	if !lost && !a.conditionFailed(c.clause) {
		if a.status == http.StatusNotFound {
			// A change does not need the object to exist, so the bucket is missing.
			err = describe(a, vfs.ErrUnavailable, err)
		}
		return commitResult{err: c.fail(err)}
	}
	if lost && c.abandon != nil {
		c.abandon()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), settleWait)
	defer cancel()
	current, made, seeErr := c.see(ctx)
	switch {
	case seeErr == nil && made && current == nil: // removed
		return commitResult{}
	case seeErr == nil && made:
		return commitResult{etag: current.ETag}
	case !lost && vfs.ReasonOf(seeErr) == reason.Permission:
		// Without permission to read, S3's word has to do.
		return commitResult{err: &vfs.Error{Op: c.op, Name: c.n.String(), Err: describe(a, c.conditionError(a), err)}}
	case lost || seeErr != nil:
		return commitResult{err: c.fail(describe(a, errLost, err))}
	}
	if err := c.decide(current); err != nil {
		return commitResult{err: err}
	}
	return commitResult{retry: true}
}

// conditionError returns the sentinel for a condition that S3 reports as failed.
func (c *change) conditionError(a answer) error {
	if c.cond.IfNoneMatch.Any && c.clause.missing && a.status == http.StatusPreconditionFailed {
		return vfs.ErrExist
	}
	return vfs.ErrPrecondition
}

// lost reports whether the request may nevertheless have taken effect.
func (a answer) lost() bool {
	switch a.status {
	case 0, http.StatusRequestTimeout:
		return true
	case http.StatusNotFound:
		// The first of two requests may have completed the upload.
		return a.code == "NoSuchUpload"
	}
	// The first term matches a 200 that cannot be parsed or contains an error.
	return a.status/100 == 2 || a.status >= 500 && a.kind() == kindUnavailable
}

// conditionFailed reports whether S3 says that the clause does not hold. A missing
// object does not have the tag either.
func (a answer) conditionFailed(c clause) bool {
	switch a.status {
	case http.StatusPreconditionFailed:
		return true
	case http.StatusConflict:
		return a.code == "ConditionalRequestConflict" || a.code == "OperationAborted"
	case http.StatusNotFound:
		return c.tag != "" && (a.code == "NoSuchKey" || a.code == "")
	}
	return false
}

// grace returns a context that ends graceWait after ctx.
func grace(ctx context.Context) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(graceWait, cancel)
		context.AfterFunc(late, func() { timer.Stop() })
	})
	return late, func() {
		stop()
		cancel()
	}
}

// sendBody runs call with data as its body, and ends it if S3 accepts nothing for too
// long. When sendBody returns, nothing reads data any more.
func (b *Backend) sendBody(ctx context.Context, data []byte, call func(ctx context.Context, p *payload) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(b.idle, func() { cancel(errStalled) })
	defer watch.Stop()
	p := &payload{data: data, size: len(data), moved: func() { watch.Reset(b.idle) }}
	defer p.detach()
	err := call(ctx, p)
	if err != nil && errors.Is(context.Cause(ctx), errStalled) {
		return errStalled
	}
	return err
}
