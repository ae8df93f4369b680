package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/bailiwick-fs/bailiwick/backends/internal/put"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

const (
	// graceWait is how long a request that changes something goes on after its
	// context ended, so that its answer can still be heard.
	graceWait = 2 * time.Second
	// settleWait is how long it may take to find out what became of one whose
	// answer got lost.
	settleWait = 5 * time.Second
	// maxCommits is how often a change is tried that others get in the way of.
	maxCommits = 4
)

// A change is one call of Put or Remove.
type change struct {
	*objectCall
	cond   vfs.Cond
	clause clause // the part of cond that S3 enforces
	direct bool   // clause is all of cond
	// wait is how long to wait for a slot.
	wait time.Duration
	// mark is the metadata by which a Put knows its own object; "" for Remove,
	// whose work is done if nothing is there.
	mark string
	// abandon, where set, makes a change impossible whose answer got lost.
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

// A clause is the part of a condition that S3 enforces itself, when it makes the
// change. The zero clause enforces nothing.
type clause struct {
	missing bool   // there is no object: If-None-Match: *
	tag     string // the object has this tag, with its quotes: If-Match
}

// newClause returns the clause that says all that cond does, and false if there
// is none: a list of tags, a weak one or a date mean other things to S3.
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

// clauseFor returns the clause that what is there stays as it is, current, or nil
// for nothing. It fails if current has no tag to hold it by.
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

// prepare decides a condition that S3 cannot hold, by a look at what is there.
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

// decide fails if the condition does not hold for what is there, and has S3 hold
// what is there if it does.
func (c *change) decide(current *vfs.Info) (err error) {
	if err := put.Check(c.op, c.n, c.cond, current); err != nil {
		return err
	}
	if !c.direct {
		c.clause, err = c.clauseFor(current)
	}
	return err
}

// see looks at what is there, by one HeadObject: nil if nothing is. done is set if
// that is what this very call was to bring about.
func (c *change) see(ctx context.Context) (current *vfs.Info, done bool, err error) {
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

// commit makes the change by do, under its clause, and returns the ETag that the
// object then has. It never takes an answer that got lost for one that says no.
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
			return opaqueTag(aws.ToString(etag)), nil
		}
		if s := c.settle(err); s.outcome != again {
			return s.etag, s.err
		}
	}
	return "", c.fail(errBusy)
}

var (
	errBusy = fmt.Errorf("%w: others change the object all the time", vfs.ErrUnavailable)
	errLost = fmt.Errorf("%w: the answer of S3 did not come, and whether it did what it was asked to is not known", vfs.ErrUnavailable)
)

// An outcome is what became of a request that S3 answered with an error, or not at all.
type outcome int

const (
	failed  outcome = iota // S3 does not make the change, whatever is there
	done                   // the change was made, by this very call
	unmet                  // it was not made, and the condition does not hold
	again                  // it was not made, and the condition holds: send it again
	unknown                // whether it was made cannot be told
)

// A settlement is an outcome with what commit returns for it.
type settlement struct {
	outcome outcome
	etag    string // of done
	err     error  // of failed, unmet and unknown
}

// settle finds out what an error of the request that makes the change means:
//
//   - A request is sent again where no answer came, by the SDK. The second can
//     then meet what the first one stored, and be told that the condition does
//     not hold. So what is there decides: what bears the mark is our own.
//   - 409 says that others are changing the object at this moment: whether the
//     condition holds shows when they are done.
//   - Where no answer came at all, only what is there tells what happened.
func (c *change) settle(err error) settlement {
	a := answerOf(err)
	lost := a.lost()
	switch {
	case lost || a.unmet(c.clause):
	case a.status == http.StatusNotFound:
		// A change makes no sense of a missing key: the bucket is missing.
		return settlement{failed, "", c.fail(describe(a, vfs.ErrUnavailable, err))}
	default:
		return settlement{failed, "", c.fail(err)}
	}
	if lost && c.abandon != nil {
		c.abandon()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), settleWait)
	defer cancel()
	current, ours, seen := c.see(ctx)
	switch {
	case seen == nil && ours && current == nil:
		return settlement{outcome: done}
	case seen == nil && ours:
		return settlement{done, current.ETag, nil}
	case !lost && vfs.ReasonOf(seen) == reason.Permission:
		// Without read permission, trust S3's 412.
		return settlement{unmet, "", &vfs.Error{Op: c.op, Name: c.n.String(), Err: describe(a, c.unmetKind(a), err)}}
	case lost || seen != nil:
		return settlement{unknown, "", c.fail(describe(a, errLost, err))}
	}
	if err := c.decide(current); err != nil {
		return settlement{unmet, "", err}
	}
	return settlement{outcome: again}
}

// unmetKind is the sentinel of a condition that S3 says is not met.
func (c *change) unmetKind(a answer) error {
	if c.cond.IfNoneMatch.Any && c.clause.missing && a.status == http.StatusPreconditionFailed {
		return vfs.ErrExist
	}
	return vfs.ErrPrecondition
}

// lost reports whether the request may have been carried out all the same.
func (a answer) lost() bool {
	switch a.status {
	case 0, http.StatusRequestTimeout:
		return true
	case http.StatusNotFound:
		// The first of two requests can have completed the upload.
		return a.code == "NoSuchUpload"
	}
	// An answer of 200 that cannot be read, or that holds an error.
	return a.status/100 == 2 || a.status >= 500 && a.kind() == kindUnavailable
}

// unmet reports whether S3 says that the clause does not hold. An object that is
// missing does not have the tag either.
func (a answer) unmet(c clause) bool {
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

// grace returns a context that ends some time after ctx.
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

// sendBody runs call with data as its body, and ends it where S3 takes nothing
// for too long. When it returns, nothing reads data any more.
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
