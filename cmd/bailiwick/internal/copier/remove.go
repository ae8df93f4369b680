package copier

import (
	"context"
	"errors"
	"iter"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// RemoveOptions are the options of Remove.
type RemoveOptions struct {
	Recursive bool // a name may be a directory, which means everything below it
	DryRun    bool // print what would be removed, and remove nothing
	Parallel  int  // how many objects are removed at the same time, from 1 on
}

// A removeRun is one run of rm.
type removeRun struct {
	std     cli.Streams
	opts    RemoveOptions
	jail    *vfs.Jail
	cancel  context.CancelCauseFunc
	out     *cli.LineWriter // of a dry run
	removed int
	failed  bool // an object was refused, or failed
}

// Remove removes objects from the source behind jail: all of names, and with Recursive all
// below those that are directories; without names everything that the rules allow. It reports
// each name that is refused or missing and goes on with the rest; the error then has the
// exit code 1. The name of the source is for messages.
func Remove(ctx context.Context, std cli.Streams, jail *vfs.Jail, source string, names []string, opts RemoveOptions) error {
	ctx, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	r := removeRun{std: std, opts: opts, jail: jail, cancel: cut}
	if opts.DryRun {
		r.out = cli.NewLineWriter(std.Out)
	}
	inOrder(opts.Parallel, r.candidates(ctx, names), func(found candidate) candidate {
		return r.remove(ctx, found)
	}, r.report)
	if r.out != nil {
		if err := r.out.Close(); err != nil {
			return err
		}
	}
	return r.conclude(ctx, source)
}

// A candidate is an object to remove, or a name that cannot be removed.
type candidate struct {
	path string
	name vfs.Name
	err  error
}

// candidates yields the objects to remove.
func (r *removeRun) candidates(ctx context.Context, names []string) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		if len(names) == 0 {
			r.below(ctx, vfs.Root, yield)
		}
		for _, name := range names {
			if ctx.Err() != nil {
				return
			}
			n, err := vfs.ParseName(name)
			if err == nil && r.opts.Recursive && r.isDir(ctx, n) {
				found := false
				if !r.below(ctx, n, func(d candidate) bool {
					found = true
					return yield(d)
				}) {
					return
				}
				if found && r.isOnlyDir(ctx, n) {
					continue
				}
			}
			if !yield(candidate{name, n, err}) {
				return
			}
		}
	}
}

// isDir reports whether n may be a directory. Some services list nothing below an object
// of the same name; only a walk finds the objects there.
func (r *removeRun) isDir(ctx context.Context, n vfs.Name) bool {
	if r.jail.Caps().Walks {
		return r.jail.Explain(ctx, vfs.OpList, n).Allowed
	}
	return r.jail.HeadDir(ctx, n) == nil
}

// isOnlyDir reports whether the directory n is certainly no object as well, as it can be in a
// source without directories, or is one that the rules hide.
func (r *removeRun) isOnlyDir(ctx context.Context, n vfs.Name) bool {
	if !r.jail.Explain(ctx, vfs.OpDelete, n).Allowed {
		return true
	}
	_, err := r.jail.Head(ctx, n, vfs.Request{})
	why := vfs.ReasonOf(err)
	return why == reason.Missing || why == reason.Directory
}

// below yields all objects below dir that the rules allow.
func (r *removeRun) below(ctx context.Context, dir vfs.Name, yield func(candidate) bool) bool {
	for f, err := range r.jail.ScanDir(ctx, dir) {
		switch {
		// A directory can vanish with the last object in it.
		case err != nil && vfs.ReasonOf(err) == reason.Missing && !dir.IsRoot():
			return true
		case err != nil:
			return yield(candidate{path: dir.String() + "/", err: err})
		case f.Op == vfs.OpList:
			if f.Reason == reason.Missing || !r.jail.Explain(ctx, vfs.OpList, f.Name).Allowed {
				continue
			}
			if !yield(candidate{path: f.Path, err: &vfs.Error{Op: "list", Name: f.Path, Reason: f.Reason}}) {
				return false
			}
		case f.Allowed && !yield(candidate{path: f.Path, name: f.Name}):
			return false
		}
	}
	return true
}

// remove removes the object; in a dry run it checks whether it exists.
func (r *removeRun) remove(ctx context.Context, d candidate) candidate {
	switch {
	case d.err != nil:
		return d
	case ctx.Err() != nil:
		d.err = ctx.Err()
	case r.opts.DryRun:
		_, d.err = r.jail.Head(ctx, d.name, vfs.Request{})
	default:
		_, d.err = r.jail.Remove(ctx, d.name, vfs.Cond{})
	}
	if d.err != nil && ctx.Err() == nil && endsRun(d.err) {
		r.cancel(d.err)
	}
	return d
}

func (r *removeRun) report(d candidate) {
	switch {
	case d.err == nil:
		r.removed++
		if r.out != nil {
			r.out.Columns("remove", d.path)
		}
	case errors.Is(d.err, context.Canceled):
	default:
		r.failed = true
		r.std.Say("bailiwick: %s", objectError(d.path, d.err))
	}
}

func (r *removeRun) conclude(ctx context.Context, source string) error {
	verb := "removed"
	if r.opts.DryRun {
		verb = "would remove"
	}
	r.std.Say("%s %s", verb, cli.Count(r.removed, "object"))
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, vfs.ErrUnsupported):
		return cli.Failf("stopped: nothing can be removed from %s: it is read-only", cli.Printable(source))
	case errors.Is(cause, vfs.ErrUnavailable):
		return cli.Failf("stopped: %s is unavailable; run the command again to continue", cli.Printable(source))
	case cause != nil:
		return cli.Failf("interrupted; run the command again to continue")
	case r.failed:
		return cli.ErrReported
	}
	return nil
}
