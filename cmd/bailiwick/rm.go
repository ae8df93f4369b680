package main

import (
	"context"
	"errors"
	"iter"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// rmFlags are what rm takes besides the rules.
type rmFlags struct {
	rules     cli.Rules
	recursive cli.Toggle
	dryRun    cli.Toggle
	parallel  cli.Width
}

func (a *app) rmCommand() *cobra.Command {
	var f rmFlags
	cmd := &cobra.Command{
		Use:   "rm SOURCE NAME…",
		Short: "Remove objects that are let through",
		Long: `Rm removes each NAME, a plain name, for good. The exit code is 1 if one is refused
or missing; the others are removed. A directory goes with the last object in it.

With --recursive a NAME can be a directory, and stands for all below it that the
rules let through; without a NAME that is all in the SOURCE. What the rules hide
stays, and links stay, too.`,
		Example: `  bailiwick rm ./site docs/old.html --allow '**/*.html'
  bailiwick rm -r ./site drafts --allow '**' --dry-run`,
		Args:              cli.SourceArguments(0, -1, ""),
		ValidArgsFunction: cli.CompleteSource,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && !bool(f.recursive) {
				return cli.Usagef("rm needs at least one NAME after the SOURCE; to remove all that the rules let through: --recursive")
			}
			return a.rm(cmd.Context(), args[0], args[1:], &f)
		},
	}
	f.rules.Register(cmd)
	f.parallel = 4
	cli.AddToggle(cmd, &f.recursive, "recursive", "r", "remove all below a NAME that is a directory")
	cli.AddToggle(cmd, &f.dryRun, "dry-run", "n", "remove nothing, and print what would be removed")
	cmd.Flags().Var(&f.parallel, "parallel", "how many objects are removed at a time")
	return cmd
}

// A removal is one run of rm.
type removal struct {
	app      *app
	flags    *rmFlags
	jail     *vfs.Jail
	cut      context.CancelCauseFunc
	out      *cli.LineWriter // of a dry run
	removed  int
	troubled bool // something was refused, or failed
}

func (a *app) rm(ctx context.Context, source string, names []string, f *rmFlags) error {
	ctx, stop := cli.UntilInterrupted(ctx)
	defer stop()
	// What a link leads to is not removed by the link's name, so it is not looked for.
	f.rules.Symlinks.Value = "refuse"
	src, jail, err := f.rules.Open(ctx, a.Env, source, true, backends.Options{Writable: !bool(f.dryRun)})
	if err != nil {
		return err
	}
	defer src.Close()
	if f.recursive {
		a.SayUnlisted(src)
	}
	if !bool(f.dryRun) && !jail.Caps().Writable {
		return cli.Usagef("nothing can be removed from %s", cli.Printable(source))
	}
	ctx, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	r := removal{app: a, flags: f, jail: jail, cut: cut}
	if f.dryRun {
		r.out = cli.NewLineWriter(a.Out)
	}
	inOrder(int(f.parallel), r.found(ctx, names), func(found doomed) doomed {
		return r.remove(ctx, found)
	}, r.report)
	if r.out != nil {
		if err := r.out.Close(); err != nil {
			return err
		}
	}
	return r.conclude(ctx, source)
}

// A doomed is an object that is to be removed, or a name that there is none of.
type doomed struct {
	path string
	name vfs.Name
	err  error
}

// found yields what is to be removed.
func (r *removal) found(ctx context.Context, names []string) iter.Seq[doomed] {
	return func(yield func(doomed) bool) {
		if len(names) == 0 {
			r.below(ctx, vfs.Root, yield)
		}
		for _, name := range names {
			if ctx.Err() != nil {
				return
			}
			n, err := vfs.ParseName(name)
			if err == nil && bool(r.flags.recursive) && r.isDir(ctx, n) {
				found := false
				if !r.below(ctx, n, func(d doomed) bool {
					found = true
					return yield(d)
				}) {
					return
				}
				// Where there are no directories, an object can have its name.
				if _, _, err := r.jail.Head(ctx, n, vfs.Request{}); found && err != nil {
					continue
				}
			}
			if !yield(doomed{name, n, err}) {
				return
			}
		}
	}
}

// isDir reports whether n may be a directory. Of what lies below an object of the same
// name, the listing of a directory can say nothing, and only the search for it does.
func (r *removal) isDir(ctx context.Context, n vfs.Name) bool {
	if r.jail.Caps().Walks {
		return r.jail.Explain(ctx, vfs.OpList, n).Allowed
	}
	return r.jail.HeadDir(ctx, n) == nil
}

// below yields all objects below dir that are let through.
func (r *removal) below(ctx context.Context, dir vfs.Name, yield func(doomed) bool) bool {
	for f, err := range r.jail.ScanDir(ctx, dir) {
		switch {
		// A directory can go with the last object that was removed from it.
		case err != nil && vfs.ReasonOf(err) == reason.Missing && !dir.IsRoot():
			return true
		case err != nil:
			return yield(doomed{path: dir.String() + "/", err: err})
		case f.Op == vfs.OpList:
			if f.Reason == reason.Missing || !r.jail.Explain(ctx, vfs.OpList, f.Name).Allowed {
				continue
			}
			if !yield(doomed{path: f.Path, err: &vfs.Error{Op: "list", Name: f.Path, Reason: f.Reason}}) {
				return false
			}
		case f.Allowed && !yield(doomed{path: f.Path, name: f.Name}):
			return false
		}
	}
	return true
}

// remove removes the object, or finds out whether it is there.
func (r *removal) remove(ctx context.Context, d doomed) doomed {
	switch {
	case d.err != nil:
		return d
	case ctx.Err() != nil:
		d.err = ctx.Err()
	case bool(r.flags.dryRun):
		_, _, d.err = r.jail.Head(ctx, d.name, vfs.Request{})
	default:
		_, d.err = r.jail.Remove(ctx, d.name, vfs.Cond{})
	}
	if d.err != nil && ctx.Err() == nil && stops(d.err) {
		r.cut(d.err)
	}
	return d
}

func (r *removal) report(d doomed) {
	switch {
	case d.err == nil:
		r.removed++
		if r.out != nil {
			r.out.Columns("remove", d.path)
		}
	case errors.Is(d.err, context.Canceled):
	default:
		r.troubled = true
		r.app.Say("bailiwick: %s", lost(d.path, d.err))
	}
}

func (r *removal) conclude(ctx context.Context, source string) error {
	verb := "removed"
	if r.flags.dryRun {
		verb = "would remove"
	}
	r.app.Say("%s %s", verb, cli.Count(r.removed, "object"))
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, vfs.ErrUnsupported):
		return cli.Failf("stopped: nothing can be removed from %s", cli.Printable(source))
	case errors.Is(cause, vfs.ErrUnavailable):
		return cli.Failf("stopped: %s does not answer now; run it again to go on", cli.Printable(source))
	case cause != nil:
		return cli.Failf("interrupted; run it again to go on")
	case r.troubled:
		return cli.ErrReported
	}
	return nil
}
