package copier

import (
	"context"
	"iter"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// removeOthers removes from the target what the source does not have. It does so only if
// everything was copied, and never removes what the rules hide. It stores an error that ends
// the listing in ended; the error that it returns is why nothing was removed.
func (c *copyRun) removeOthers(ctx context.Context, ended *error) error {
	switch {
	case ctx.Err() != nil || *ended != nil:
		return nil // conclude reports it
	case c.tally.refused+c.tally.failed > 0:
		c.progress.Say("nothing was removed at %s, because not everything was copied", cli.Printable(c.to.written))
		return nil
	case c.tally.copied+c.tally.equal == 0:
		// The source may be a disk that is not mounted.
		return cli.Failf("nothing was removed: %s has no objects; if it should be empty, remove the objects at the target: bailiwick rm -r %s --allow '**'", cli.Printable(c.from.written), cli.ShellWord(c.to.written))
	}
	inOrder(c.opts.Parallel, c.others(ctx, ended), func(found other) outcome {
		if found.unlisted != "" {
			err := &vfs.Error{Op: "list", Name: found.path, Reason: found.unlisted}
			return outcome{path: found.path, fate: refused, reason: found.unlisted, err: err}
		}
		o := c.removeOther(ctx, found.name)
		if endsRun(o.err) {
			c.cancel(o.err)
		}
		return o
	}, c.report)
	return nil
}

// An other is an object that the source seems not to have, or a directory of the target that
// cannot be listed.
type other struct {
	path     string
	name     vfs.Name
	unlisted vfs.Reason // why the directory cannot be listed; "" for an object
}

// others yields the objects that the listing of the target has, and that of the source has
// not, and the directories of the target that cannot be listed although the rules show
// them. Both listings come in order. If one does not, names are yielded that the source has;
// removeOther asks the source for each.
func (c *copyRun) others(ctx context.Context, ended *error) iter.Seq[other] {
	return func(yield func(other) bool) {
		next, stop := iter.Pull2(c.source.Scan(ctx))
		defer stop()
		here, err, more := next()
		for there, thereErr := range c.mirror.Scan(ctx) {
			for more && err == nil && here.Path < there.Path {
				here, err, more = next()
			}
			if err == nil {
				err = thereErr
			}
			if err != nil {
				*ended = err
				return
			}
			if there.Op == vfs.OpList && there.Reason != reason.Missing && c.mirror.Explain(ctx, vfs.OpList, there.Name).Allowed {
				if !yield(other{path: there.Path, unlisted: there.Reason}) {
					return
				}
				continue
			}
			if !there.Allowed || more && here.Path == there.Path {
				continue
			}
			if !yield(other{path: there.Path, name: there.Name}) {
				return
			}
		}
	}
}

// removeOther removes an object from the target if the source reports the name as missing.
// If the source refuses the name for any other reason, the object is kept.
func (c *copyRun) removeOther(ctx context.Context, n vfs.Name) outcome {
	o := outcome{path: n.String()}
	if ctx.Err() != nil {
		return o
	}
	_, err := c.source.Head(ctx, n, vfs.Request{})
	switch why := vfs.ReasonOf(err); {
	case why == reason.Missing || why == reason.Directory:
		err = nil
		if !c.opts.DryRun {
			_, err = c.mirror.Remove(ctx, n, vfs.Cond{})
		}
	case err == nil || why != "":
		return o
	}
	switch why := vfs.ReasonOf(err); {
	case ctx.Err() != nil:
	case err == nil, why == reason.Missing:
		o.fate = removed
	case why != "":
		o.fate, o.reason, o.err = refused, why, err
	default:
		o.fate, o.err = failed, err
	}
	return o
}
