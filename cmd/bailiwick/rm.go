package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/copier"
)

// rmFlags are the flags of rm besides the rules.
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
		Short: "Remove objects that the rules allow",
		Long: `Rm removes each NAME, a plain name, permanently. The exit code is 1 if a name is refused
or missing; the others are removed. A directory disappears with its last object.

With --recursive, a NAME can be a directory, and rm removes everything below it that the
rules allow. Without a NAME, it removes everything in SOURCE that the rules allow. Hidden
names and links are kept.`,
		Example: `  bailiwick rm ./site docs/old.html --allow '**/*.html'
  bailiwick rm -r ./site drafts --allow '**' --dry-run`,
		Args:              cli.SourceArguments(0, -1, ""),
		ValidArgsFunction: cli.CompleteSource,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && !bool(f.recursive) {
				return cli.Usagef("rm needs at least one NAME after the SOURCE; to remove every allowed object: --recursive")
			}
			return a.rm(cmd.Context(), args[0], args[1:], &f)
		},
	}
	f.rules.Register(cmd)
	f.parallel = 4
	cli.AddToggle(cmd, &f.recursive, "recursive", "r", "remove everything below a NAME that is a directory")
	cli.AddToggle(cmd, &f.dryRun, "dry-run", "n", "remove nothing, and print what would be removed")
	cmd.Flags().Var(&f.parallel, "parallel", "how many objects are removed at a time")
	return cmd
}

func (a *app) rm(ctx context.Context, source string, names []string, f *rmFlags) error {
	ctx, stop := cli.UntilInterrupted(ctx)
	defer stop()
	// A link is never followed to remove its target, so do not resolve links.
	f.rules.Symlinks.Value = "refuse"
	src, jail, err := f.rules.Open(ctx, a.Env, source, cli.UnruledWrong, backends.Options{Writable: !bool(f.dryRun)})
	if err != nil {
		return err
	}
	defer src.Close()
	a.SayIgnored(src)
	if f.recursive {
		a.SayUnlisted(src)
	}
	if !bool(f.dryRun) && !jail.Caps().Writable {
		return cli.Usagef("nothing can be removed from %s: it is read-only", cli.Printable(source))
	}
	return copier.Remove(ctx, a.Streams, jail, source, names, copier.RemoveOptions{
		Recursive: bool(f.recursive),
		DryRun:    bool(f.dryRun),
		Parallel:  int(f.parallel),
	})
}
