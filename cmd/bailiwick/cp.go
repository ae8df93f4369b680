package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/copier"
)

// copyFlags are the flags of cp, sync and mv.
type copyFlags struct {
	rules    cli.Rules
	dotfiles cli.Toggle
	checksum cli.Toggle
	dryRun   cli.Toggle
	json     cli.Toggle
	parallel cli.Width
	progress cli.Choice
}

func (f *copyFlags) register(cmd *cobra.Command, verb string) {
	f.rules.Register(cmd)
	f.parallel = 16
	cli.AddToggle(cmd, &f.dotfiles, "dotfiles", "", "include names that begin with a dot")
	cli.AddToggle(cmd, &f.checksum, "checksum", "", "compare the bytes of objects instead of their times")
	cli.AddToggle(cmd, &f.dryRun, "dry-run", "n", "change nothing, and print what would be done")
	cli.AddToggle(cmd, &f.json, "json", "", "print one JSON object a line for each object")
	cli.AddProgress(cmd, &f.progress)
	cmd.Flags().Var(&f.parallel, "parallel", "how many objects "+verb+" at a time")
}

// options returns the options of a copy.
func (f *copyFlags) options(e *cli.Env) (copier.Options, error) {
	policy, err := f.rules.Policy(e)
	switch {
	case err != nil:
		return copier.Options{}, err
	case len(policy.Allow) > 0 && bool(f.dotfiles):
		return copier.Options{}, cli.Usagef("%s cannot be combined with %s; allow dotfiles by a pattern that spells the dot: --allow '**/.*'", e.Origin("dotfiles"), e.Origin("allow"))
	}
	return copier.Options{
		Policy:   policy,
		Dotfiles: bool(f.dotfiles),
		Checksum: bool(f.checksum),
		DryRun:   bool(f.dryRun),
		JSON:     bool(f.json),
		Parallel: int(f.parallel),
		Progress: f.progress.Value,
	}, nil
}

// copyArguments accepts a FROM and a TO.
func copyArguments(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) < 2:
		return cli.Usagef("%s needs a FROM and a TO; see %s --help", cmd.Name(), cmd.CommandPath())
	case len(args) > 2:
		return cli.Usagef("%s accepts one FROM and one TO, but also got %s; to copy some files of a directory, use a pattern: --allow '*.txt'", cmd.Name(), cli.Printable(args[2]))
	}
	return nil
}

func (a *app) cpCommand() *cobra.Command {
	var f copyFlags
	cmd := &cobra.Command{
		Use:   "cp FROM TO",
		Short: "Copy objects between sources, files and standard input or output",
		Long: `Cp copies FROM to TO. Either is a SOURCE, the path of a file, an object of S3
(s3://BUCKET/KEY), or - for standard input or output.

For a directory or prefix, cp copies everything below it: "cp site backup" copies
the contents of site into backup, and not site itself. A slash at the end of TO
means a directory; "cp a.txt new" creates a file called new. Cp creates TO if it is
missing and its parent exists. An s3://BUCKET/KEY without a slash at the end is an
object if that key exists, else a prefix.

Without an --allow, cp copies every name except dotfiles; --dotfiles includes them.
With an --allow, it copies the allowed names. Cp skips links; with --symlinks=inside
it copies their targets. It does not copy empty directories.

A copy keeps the modification time, content type and content coding if TO can store
them. On S3 the time is in the metadata "mtime", as with rclone.

An object is skipped if TO has one with the same size and modification time, or on S3
with the same entity tag. For an S3 object without "mtime", it is enough that the
source was not modified after the object was stored. --checksum compares the bytes
instead. An interrupted copy therefore continues when it is run again. Nothing is
removed from TO, and no partial object is visible there.

Cp reports names that cannot be created at TO, and copies the rest: names that some
system cannot store (aux.txt, 10:30.log), and names that differ from another one at TO
only in case or normal form. The exit code is then 1, as after any failure.`,
		Example: `  bailiwick cp ./site 's3://bucket/site?region=eu-central-1'
  bailiwick cp s3://bucket/site ./site --allow '**/*.html' --dry-run
  bailiwick cp s3://bucket/db.dump - | pg_restore -d db
  tar c ./mail | bailiwick cp - s3://bucket/mail.tar`,
		Args: copyArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.copy(cmd.Context(), args[0], args[1], &f, func(*copier.Options) {})
		},
	}
	f.register(cmd, "are copied")
	return cmd
}

// copy runs cp, sync or mv; kind sets the options in which they differ.
func (a *app) copy(ctx context.Context, from, to string, f *copyFlags, kind func(*copier.Options)) error {
	ctx, stop := cli.UntilInterrupted(ctx)
	defer stop()
	opts, err := f.options(a.Env)
	if err != nil {
		return err
	}
	kind(&opts)
	return copier.Copy(ctx, a.Streams, from, to, opts)
}
