package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// cpFlags are what cp takes besides the rules.
type cpFlags struct {
	rules    cli.Rules
	dotfiles cli.Toggle
	checksum cli.Toggle
	dryRun   cli.Toggle
	parallel cli.Width
}

func (a *app) cpCommand() *cobra.Command {
	var f cpFlags
	cmd := &cobra.Command{
		Use:   "cp FROM TO",
		Short: "Copy objects between sources, files and standard input or output",
		Long: `Cp copies FROM to TO. Either is a SOURCE, the path of a file, an object of S3
(s3://BUCKET/KEY), or - for standard input or output.

A directory or prefix stands for all that lies below it: "cp site backup" copies
what is in site into backup, and not site itself. A slash at the end of TO says
that it is a directory; "cp a.txt new" makes a file called new. TO is made if it
is missing and the directory above is there. An s3://BUCKET/KEY without a slash at
its end is an object if there is one of that key, else a prefix.

All that can have a name is copied but dotfiles; --dotfiles takes these, too. Rules
say otherwise: with an --allow, only what matches. Links are left out, unless
--symlinks=inside copies what they lead to. Empty directories are not copied.

An object is skipped if TO has it already: it is of the same size, and was not
changed after TO's was written, or has the same entity tag on S3. --checksum
compares the bytes. So a copy that was cut short goes on when it is run again.
Nothing is ever removed from TO, and no object is seen there half copied. Of what
is known of an object, its content type and coding go along, where TO can keep them.

A name that may not be created at TO is reported and the rest is copied: one that
some system cannot hold (aux.txt, 10:30.log), or that differs from another there
only in case or normal form. The exit code is then 1, as it is if something could
not be copied.`,
		Example: `  bailiwick cp ./site 's3://bucket/site?region=eu-central-1'
  bailiwick cp s3://bucket/site ./site --allow '**/*.html' --dry-run
  bailiwick cp s3://bucket/db.dump - | pg_restore -d db
  tar c ./mail | bailiwick cp - s3://bucket/mail.tar`,
		Args: cpArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.cp(cmd.Context(), args[0], args[1], &f)
		},
	}
	f.rules.Register(cmd)
	f.parallel = 4
	cli.AddToggle(cmd, &f.dotfiles, "dotfiles", "", "copy names that begin with a dot, too")
	cli.AddToggle(cmd, &f.checksum, "checksum", "", "skip what has the same bytes, whatever its times are")
	cli.AddToggle(cmd, &f.dryRun, "dry-run", "n", "copy nothing, and print what would be copied or skipped")
	cmd.Flags().Var(&f.parallel, "parallel", "how many objects are copied at a time")
	return cmd
}

func cpArguments(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) < 2:
		return cli.Usagef("cp needs a FROM and a TO; see %s --help", cmd.CommandPath())
	case len(args) > 2:
		return cli.Usagef("cp takes one FROM and one TO, and does not know what to do with %s; of a directory, --allow '*.txt' copies some of the files", cli.Printable(args[2]))
	}
	return nil
}

func (a *app) cp(ctx context.Context, from, to string, f *cpFlags) error {
	ctx, stop := cli.UntilInterrupted(ctx)
	defer stop()
	policy, err := a.cpPolicy(f)
	if err != nil {
		return err
	}
	src, err := findFrom(ctx, from)
	if err != nil {
		return err
	}
	dst, err := findTo(to, &src)
	if err != nil {
		return err
	}
	switch {
	case src.standard && dst.standard:
		return cli.Usagef("from - to - nothing is copied; one of the two is a file or a SOURCE")
	case dst.standard && !src.one():
		return cli.Usagef("%s is more than one object, and standard output takes one; to see what there is: bailiwick scan %s", cli.Printable(from), cli.ShellWord(from))
	case src.one() && dst.one() && !src.standard && !dst.standard && sameObject(&dst, &src):
		return cli.Usagef("%s and %s are the same", cli.Printable(from), cli.Printable(to))
	case !src.one() && inside(&dst, &src):
		return cli.Usagef("%s lies in %s: the copies would be copied, too", cli.Printable(to), cli.Printable(from))
	}
	c := copying{app: a, flags: f, whence: &src, where: &dst}
	defer c.close()
	if err := c.openFrom(ctx, policy); err != nil {
		return err
	}
	if err := c.openTo(ctx, policy); err != nil {
		return err
	}
	return c.run(ctx)
}

// everything matches all names, with those that begin with a dot.
const everything = `re:(\.?[^/]+/)*\.?[^/]+`

// cpPolicy returns the rules of a copy. Other commands allow nothing by default:
// they are about what others see. Who copies files means his own.
func (a *app) cpPolicy(f *cpFlags) (vfs.Policy, error) {
	p, err := f.rules.Policy(a.Env)
	switch {
	case err != nil:
		return p, err
	case len(p.Allow) > 0 && bool(f.dotfiles):
		return p, cli.Usagef("%s is for a copy without %s, which can spell the dot itself: --allow '**/.*'", a.Origin("dotfiles"), a.Origin("allow"))
	}
	return p, nil
}

// allowing returns p, with what is allowed where p says nothing.
func allowing(p vfs.Policy, otherwise []vfs.Pattern) vfs.Policy {
	if len(p.Allow) == 0 {
		p.Allow = otherwise
	}
	return p
}

// exactly returns the name s and the pattern that means it alone.
func exactly(s string) (vfs.Name, []vfs.Pattern, error) {
	n, err := vfs.ParseName(s)
	if err != nil {
		return n, nil, err
	}
	p, err := vfs.NameSet(s, n)
	return n, []vfs.Pattern{p}, err
}

// openFrom opens where it is copied from.
func (c *copying) openFrom(ctx context.Context, p vfs.Policy) error {
	src := c.whence
	if src.standard {
		return nil
	}
	otherwise := vfs.Patterns("**")
	if c.flags.dotfiles {
		otherwise = vfs.Patterns(everything)
	}
	if src.object != "" {
		var err error
		if c.source, otherwise, err = exactly(src.object); err != nil {
			return lost(src.object, err)
		}
	}
	p = allowing(p, otherwise)
	b, err := backends.Open(ctx, src.source, backends.Options{})
	if err != nil {
		return cli.SourceError(err)
	}
	c.opened = append(c.opened, b)
	if src.object == "" {
		c.app.SayUnlisted(b)
	}
	if c.from, err = vfs.New(counted{b, c}, p); err != nil {
		return cli.Usagef("%s", cli.OneLine(err))
	}
	return nil
}

// openTo opens where it is copied to, and makes the directory if it is missing.
// What the rules let through of a tree they let be written; the name of one object
// is the user's own word.
func (c *copying) openTo(ctx context.Context, p vfs.Policy) error {
	dst := c.where
	if dst.standard {
		return nil
	}
	if dst.object != "" {
		p = vfs.Policy{}
		var err error
		if c.target, err = vfs.ParseName(dst.object); err != nil {
			return lost(dst.object, err)
		}
	}
	p = allowing(p, vfs.Patterns(everything))
	p.Symlinks = vfs.SymlinksRefuse // what a link there leads to is not what it is replaced by
	b, err := c.openTarget(ctx, dst)
	if err != nil {
		return err
	}
	if c.flags.dryRun {
		b = &rehearsal{b, mem.New()}
	}
	if !b.Caps().Writable {
		return cli.Usagef("%s cannot be written to", cli.Printable(dst.written))
	}
	if c.to, err = vfs.New(b, p); err != nil {
		return cli.Usagef("%s", cli.OneLine(err))
	}
	return nil
}

func (c *copying) openTarget(ctx context.Context, dst *place) (vfs.Backend, error) {
	if dst.missing && bool(c.flags.dryRun) {
		return mem.New(), nil
	}
	if dst.missing {
		if err := os.Mkdir(dst.source, 0o777); err != nil {
			return nil, cli.Failf("cannot make the directory %s: %s", cli.Printable(dst.source), cli.Cause(err))
		}
		c.app.Say("made the directory %s", cli.Printable(dst.source))
	}
	b, err := backends.Open(ctx, dst.source, backends.Options{Writable: !bool(c.flags.dryRun)})
	if err != nil {
		return nil, cli.SourceError(err)
	}
	c.opened = append(c.opened, b)
	return b, nil
}
