package main

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// duFlags are the flags of du besides the rules.
type duFlags struct {
	rules    cli.Rules
	dotfiles cli.Toggle
	json     cli.Toggle
	depth    int
}

func (a *app) duCommand() *cobra.Command {
	var f duFlags
	cmd := &cobra.Command{
		Use:   "du SOURCE [DIR]",
		Short: "Show the size of each directory",
		Long: `Du prints a line for each directory below DIR (default: the top directory): the bytes
of the objects in it and below it, their number, and its name. The last line is the
total. Without an --allow, du counts every object except dotfiles; --dotfiles includes
them. With an --allow, it counts the allowed objects. Sizes are those of the objects,
not of disk blocks.`,
		Example: `  bailiwick du s3://bucket/site --depth 1
  bailiwick du ./site docs`,
		Args:              cli.SourceArguments(0, 1, ""),
		ValidArgsFunction: cli.CompleteSource,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := ""
			if len(args) == 2 {
				dir = args[1]
			}
			return a.du(cmd.Context(), args[0], dir, &f)
		},
	}
	f.rules.Register(cmd)
	cli.AddToggle(cmd, &f.dotfiles, "dotfiles", "", "also count names that begin with a dot")
	cli.AddToggle(cmd, &f.json, "json", "", "print one JSON object a line")
	cmd.Flags().IntVar(&f.depth, "depth", -1, "print only directories at most `N` levels below DIR; 0 prints only the total")
	cmd.Flags().Lookup("depth").DefValue = "0" // so that --help shows no default
	return cmd
}

func (a *app) du(ctx context.Context, source, dir string, f *duFlags) error {
	ctx, stop := cli.UntilInterrupted(ctx)
	defer stop()
	unruled := cli.UnruledVisible
	if f.dotfiles {
		unruled = cli.UnruledEverything
	}
	if bool(f.dotfiles) && f.rules.Ruled() {
		return cli.Usagef("%s cannot be combined with %s; allow dotfiles by a pattern that spells the dot: --allow '**/.*'", a.Origin("dotfiles"), a.Origin("allow"))
	}
	src, jail, err := f.rules.Open(ctx, a.Env, source, unruled, backends.Options{})
	if err != nil {
		return err
	}
	defer src.Close()
	a.SayIgnored(src)
	a.SayUnlisted(src)
	top, err := cli.ParseWritten(vfs.OpList, dir, true)
	if err == nil {
		err = canList(ctx, jail, top)
	}
	if err != nil {
		return f.rules.RefusalError(source, dir, err)
	}
	u := usage{out: cli.NewLineWriter(a.Out), json: bool(f.json), depth: f.depth, open: []directory{{path: top.String()}}}
	failed := a.measure(ctx, jail, top, &u)
	if ctx.Err() != nil {
		failed = cli.Failf("interrupted; the sizes above are complete, and others are missing")
	} else if failed == nil || errors.Is(failed, cli.ErrReported) {
		u.leave(0)
	}
	if err := u.out.Close(); err != nil {
		return err
	}
	return failed
}

// canList fails if there is no directory dir.
func canList(ctx context.Context, jail *vfs.Jail, dir vfs.Name) error {
	if dir.IsRoot() {
		return nil
	}
	return jail.HeadDir(ctx, dir)
}

// measure adds up what lies below top.
func (a *app) measure(ctx context.Context, jail *vfs.Jail, top vfs.Name, u *usage) error {
	var failed error
	for found, err := range jail.ScanDir(ctx, top) {
		switch {
		case err != nil:
			return scanFailed(ctx, err)
		case found.Allowed:
			u.add(found.Path, found.Size)
		case found.Op == vfs.OpList && jail.Explain(ctx, vfs.OpList, found.Name).Allowed:
			a.Say("bailiwick: %s: %s (%s)", cli.Printable(found.Path), found.Reason.Detail(), found.Reason)
			failed = cli.ErrReported
		}
	}
	return failed
}

// A usage adds up sizes in the order of a scan. The objects of a directory are contiguous, so
// only the directories above the current object are kept.
type usage struct {
	out   *cli.LineWriter
	json  bool
	depth int
	open  []directory // from the top down
}

// A directory is one whose objects are being added up.
type directory struct {
	path  string // "." for the root
	bytes int64
	count int64
}

// add adds an object.
func (u *usage) add(path string, size int64) {
	for !u.holds(path) {
		u.leave(len(u.open) - 1)
	}
	for {
		rest := path[u.prefix():]
		i := strings.IndexByte(rest, '/')
		if i < 0 {
			break
		}
		u.open = append(u.open, directory{path: path[:u.prefix()+i]})
	}
	last := &u.open[len(u.open)-1]
	last.bytes += size
	last.count++
}

// prefix returns how many bytes of a path lead to the last directory.
func (u *usage) prefix() int {
	if last := u.open[len(u.open)-1].path; last != "." {
		return len(last) + 1
	}
	return 0
}

// holds reports whether path lies below the last directory.
func (u *usage) holds(path string) bool {
	last := u.open[len(u.open)-1].path
	return last == "." || strings.HasPrefix(path, last+"/")
}

// leave prints the directories that are done: those from the i-th on, the deepest first.
func (u *usage) leave(i int) {
	type line struct {
		Name    string `json:"name"`
		Bytes   int64  `json:"bytes"`
		Objects int64  `json:"objects"`
	}
	for len(u.open) > i {
		level := len(u.open) - 1
		d := u.open[level]
		if u.open = u.open[:level]; level > 0 {
			u.open[level-1].bytes += d.bytes
			u.open[level-1].count += d.count
		}
		switch {
		case u.depth >= 0 && level > u.depth:
		case u.json:
			u.out.JSON(line{d.path, d.bytes, d.count})
		default:
			u.out.Columns(strconv.FormatInt(d.bytes, 10), strconv.FormatInt(d.count, 10), d.path)
		}
	}
}
