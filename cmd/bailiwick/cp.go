package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// cpFlags are what cp takes besides the rules.
type cpFlags struct {
	rules    rules
	dotfiles toggle
	checksum toggle
	dryRun   toggle
	parallel width
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
	f.rules.register(cmd)
	f.parallel = 4
	addToggle(cmd, &f.dotfiles, "dotfiles", "", "copy names that begin with a dot, too")
	addToggle(cmd, &f.checksum, "checksum", "", "skip what has the same bytes, whatever its times are")
	addToggle(cmd, &f.dryRun, "dry-run", "n", "copy nothing, and print what would be copied or skipped")
	cmd.Flags().Var(&f.parallel, "parallel", "how many objects are copied at a time")
	return cmd
}

func cpArguments(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) < 2:
		return usagef("cp needs a FROM and a TO; see %s --help", cmd.CommandPath())
	case len(args) > 2:
		return usagef("cp takes one FROM and one TO, and does not know what to do with %s; of a directory, --allow '*.txt' copies some of the files", printable(args[2]))
	}
	return nil
}

func (a *app) cp(ctx context.Context, from, to string, f *cpFlags) error {
	ctx, stop := untilInterrupted(ctx)
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
		return usagef("from - to - nothing is copied; one of the two is a file or a SOURCE")
	case dst.standard && !src.one():
		return usagef("%s is more than one object, and standard output takes one; to see what there is: bailiwick scan %s", printable(from), shellWord(from))
	case src.one() && dst.one() && !src.standard && !dst.standard && sameObject(&dst, &src):
		return usagef("%s and %s are the same", printable(from), printable(to))
	case !src.one() && inside(&dst, &src):
		return usagef("%s lies in %s: the copies would be copied, too", printable(to), printable(from))
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
	p, err := f.rules.policy(a.env)
	switch {
	case err != nil:
		return p, err
	case len(p.Allow) > 0 && bool(f.dotfiles):
		return p, usagef("%s is for a copy without %s, which can spell the dot itself: --allow '**/.*'", a.origin("dotfiles"), a.origin("allow"))
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
		return sourceFailed(err)
	}
	c.opened = append(c.opened, b)
	if src.object == "" {
		c.app.sayUnlisted(b)
	}
	if c.from, err = vfs.New(counted{b, c}, p); err != nil {
		return usagef("%s", oneLine(err))
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
		return usagef("%s cannot be written to", printable(dst.written))
	}
	if c.to, err = vfs.New(b, p); err != nil {
		return usagef("%s", oneLine(err))
	}
	return nil
}

func (c *copying) openTarget(ctx context.Context, dst *place) (vfs.Backend, error) {
	if dst.missing && bool(c.flags.dryRun) {
		return mem.New(), nil
	}
	if dst.missing {
		if err := os.Mkdir(dst.source, 0o777); err != nil {
			return nil, failf("cannot make the directory %s: %s", printable(dst.source), cause(err))
		}
		c.app.say("made the directory %s", printable(dst.source))
	}
	b, err := backends.Open(ctx, dst.source, backends.Options{Writable: !bool(c.flags.dryRun)})
	if err != nil {
		return nil, sourceFailed(err)
	}
	c.opened = append(c.opened, b)
	return b, nil
}
