package copier

import (
	"context"
	"os"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/overlap"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Options select what Copy copies, and how.
type Options struct {
	// Policy says which objects are copied. Without an allow pattern all are, except
	// dotfiles: whoever runs a copy owns the files, unlike the clients of a server.
	Policy   vfs.Policy
	Dotfiles bool // copy dotfiles too, where Policy allows nothing by itself
	Checksum bool // compare the bytes and not the times
	DryRun   bool // print what would be done, and write nothing
	Parallel int  // how many objects are copied at the same time, from 1 on; fewer large ones
	JSON     bool // print a line of JSON for each object
	Progress string
	// Tree refuses single objects, standard input and standard output.
	Tree bool
	// Delete makes the target a mirror: what the source does not have is removed, as far as
	// the rules allow it, once everything was copied.
	Delete bool
	// Move removes each object from the source once its copy was verified.
	Move bool
}

// Copy copies the objects of from to to: sources, paths of files, objects of S3, or - for
// standard input and output. It reports each object that cannot be copied and goes on with
// the rest; the error then has the exit code 1. Nothing is removed at the target, and no
// partial object ever has its name there. Canceling ctx stops it between objects.
func Copy(ctx context.Context, std cli.Streams, from, to string, opts Options) error {
	if opts.Move {
		if err := refuseLink(from); err != nil {
			return err
		}
	}
	src, err := locateSource(ctx, from)
	if err != nil {
		return err
	}
	dst, err := locateTarget(to, &src)
	if err != nil {
		return err
	}
	switch {
	case src.standard && dst.standard:
		return cli.Usagef("cannot copy from - to -; make one of them a file or a SOURCE")
	case opts.JSON && dst.standard:
		return cli.Usagef("standard output cannot have both the object and the lines of --json; copy to a file")
	case opts.Move && (src.standard || dst.standard):
		return cli.Usagef("mv cannot use standard input or output; for standard input and output: bailiwick cp")
	case opts.Tree && (src.single() || dst.single()):
		return cli.Usagef("sync needs directories or prefixes; for one object: bailiwick cp")
	case (opts.Move || opts.Delete) && inside(&src, &dst) && !src.single():
		return cli.Usagef("%s is inside %s, which would change while it is read; choose separate directories", cli.Printable(from), cli.Printable(to))
	case dst.standard && !src.single():
		return cli.Usagef("%s has more than one object, and only one can be copied to standard output; to list them: bailiwick scan %s", cli.Printable(from), cli.ShellWord(from))
	case src.single() && dst.single() && !src.standard && !dst.standard && sameObject(&dst, &src):
		return cli.Usagef("%s and %s are the same; choose another target", cli.Printable(from), cli.Printable(to))
	case !src.single() && inside(&dst, &src):
		return cli.Usagef("%s is inside %s, so the copies would be copied, too; choose a target outside it", cli.Printable(to), cli.Printable(from))
	case (opts.Move || opts.Delete) && sameKeys(&dst, &src):
		return cli.Usagef("%s and %s have the same bucket name and overlap, and their endpoints may lead to the same objects, so the only copy could be removed; for two different services, use bailiwick cp and then bailiwick rm", cli.Printable(from), cli.Printable(to))
	}
	if opts.Move {
		opts.Policy.Symlinks = vfs.SymlinksRefuse // a link's target is never removed
	}
	if (opts.Move || opts.Delete) && !src.single() && backends.IsPath(src.source) && backends.IsPath(dst.source) {
		var survey overlap.Survey
		if how := survey.Locate(dst.source).Shares(survey.Locate(src.source)); how != "" {
			return cli.Usagef("%s %s %s, so the only copy could be removed; choose separate directories", cli.Printable(to), how, cli.Printable(from))
		}
	}
	c := copyRun{std: std, opts: opts, from: &src, to: &dst}
	defer c.close()
	if err := c.openFrom(ctx, opts.Policy); err != nil {
		return err
	}
	if err := c.openTo(ctx, opts.Policy); err != nil {
		return err
	}
	return c.run(ctx)
}

// withDefaultAllow returns p, with the patterns of otherwise if it has no allow patterns.
func withDefaultAllow(p vfs.Policy, otherwise []vfs.Pattern) vfs.Policy {
	if len(p.Allow) == 0 {
		p.Allow = otherwise
	}
	return p
}

// onlyName parses the name s, and returns with it the pattern that matches it alone.
func onlyName(s string) (vfs.Name, []vfs.Pattern, error) {
	n, err := vfs.ParseName(s)
	if err != nil {
		return n, nil, err
	}
	p, err := vfs.NameSet(s, n)
	return n, []vfs.Pattern{p}, err
}

// openFrom opens the source.
func (c *copyRun) openFrom(ctx context.Context, p vfs.Policy) error {
	src := c.from
	if src.standard {
		return nil
	}
	otherwise := cli.UnruledVisible.Allow()
	if c.opts.Dotfiles {
		otherwise = cli.UnruledEverything.Allow()
	}
	if src.object != "" {
		var err error
		if c.sourceName, otherwise, err = onlyName(src.object); err != nil {
			return objectError(src.object, err)
		}
	}
	p = withDefaultAllow(p, otherwise)
	b, err := backends.Open(ctx, src.source, backends.Options{Writable: c.opts.Move && !c.opts.DryRun})
	if err != nil {
		return cli.SourceError(err)
	}
	c.sources = append(c.sources, b)
	c.std.SayIgnored(b)
	if src.object == "" {
		c.std.SayUnlisted(b)
	}
	if c.opts.Move && !c.opts.DryRun && !b.Caps().Writable {
		return cli.Usagef("nothing can be removed from %s: it is read-only", cli.Printable(src.written))
	}
	if c.source, err = vfs.New(countedBackend{b, c}, p); err != nil {
		return cli.Usagef("%s", cli.OneLine(err))
	}
	c.rules = p
	return nil
}

// openTo opens the target, and makes its directory if it is missing. The rules for a tree
// also hold at the target. The name of a single object is exempt: the user wrote it.
func (c *copyRun) openTo(ctx context.Context, p vfs.Policy) error {
	dst := c.to
	if dst.standard {
		return nil
	}
	if dst.object != "" {
		p = vfs.Policy{}
		var err error
		if c.targetName, err = vfs.ParseName(dst.object); err != nil {
			return objectError(dst.object, err)
		}
	}
	p = withDefaultAllow(p, cli.UnruledEverything.Allow())
	p.Symlinks = vfs.SymlinksRefuse // a copy replaces a link, not its target
	b, err := c.openTarget(ctx, dst)
	if err != nil {
		return err
	}
	c.watchSpelling(b)
	if c.opts.Delete {
		rules := c.rules
		rules.Symlinks = vfs.SymlinksRefuse
		if c.mirror, err = vfs.New(b, rules); err != nil {
			return cli.Usagef("%s", cli.OneLine(err))
		}
	}
	if c.opts.DryRun {
		b = &dryRunBackend{b, mem.New()}
	}
	if !b.Caps().Writable {
		return cli.Usagef("%s cannot be written to; choose another target", cli.Printable(dst.written))
	}
	if c.target, err = vfs.NewBulk(b, p); err != nil {
		return cli.Usagef("%s", cli.OneLine(err))
	}
	return nil
}

func (c *copyRun) openTarget(ctx context.Context, dst *location) (vfs.Backend, error) {
	if dst.missing && c.opts.DryRun {
		return mem.New(), nil
	}
	if dst.missing {
		if err := os.Mkdir(dst.source, 0o777); err != nil {
			return nil, cli.Failf("cannot make the directory %s: %s", cli.Printable(dst.source), cli.Cause(err))
		}
		c.std.Say("made the directory %s", cli.Printable(dst.source))
	}
	b, err := backends.Open(ctx, dst.source, backends.Options{Writable: !c.opts.DryRun})
	if err != nil {
		return nil, cli.SourceError(err)
	}
	c.sources = append(c.sources, b)
	if len(c.sources) == 1 || c.sources[0].IgnoredEndpoint == "" {
		c.std.SayIgnored(b)
	}
	return b, nil
}
