package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// lsFlags are the flags of ls besides the rules.
type lsFlags struct {
	rules    cli.Rules
	json     cli.Toggle
	long     cli.Toggle
	dotfiles cli.Toggle
}

func (a *app) lsCommand() *cobra.Command {
	var f lsFlags
	cmd := &cobra.Command{
		Use:   "ls SOURCE [DIR]",
		Short: "List the names in a directory",
		Long: `Ls prints the entries of DIR (default: the top directory), one per line, in byte order,
directories with a slash. DIR is a plain name. Without an --allow, ls lists every name
except dotfiles; --dotfiles includes them. With an --allow, it lists the allowed names.`,
		Example: `  bailiwick ls ./site
  bailiwick ls -l ./site docs --allow '**/*.html'`,
		Args:              cli.SourceArguments(0, 1, ""),
		ValidArgsFunction: cli.CompleteSource,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := ""
			if len(args) == 2 {
				dir = args[1]
			}
			return a.ls(cmd.Context(), args[0], dir, &f)
		},
	}
	f.rules.Register(cmd)
	cli.AddToggle(cmd, &f.long, "long", "l", "also print size and time")
	cli.AddToggle(cmd, &f.dotfiles, "dotfiles", "", "also list names that begin with a dot")
	cli.AddToggle(cmd, &f.json, "json", "", "print the listing as one JSON object, as the server would send it")
	return cmd
}

func (a *app) ls(ctx context.Context, source, dir string, f *lsFlags) error {
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
	n, err := cli.ParseWritten(vfs.OpList, dir, true)
	if err != nil {
		return f.rules.RefusalError(source, dir, err)
	}
	out := cli.NewLineWriter(a.Out)
	show := showShort(out)
	end := func() {}
	switch {
	case bool(f.json):
		show, end = showJSON(out, n)
	case bool(f.long):
		show = showLong(out)
	}
	for e, err := range jail.List(ctx, n, "") {
		if err != nil {
			if err := out.Close(); err != nil {
				return err
			}
			return f.rules.RefusalError(source, dir, err)
		}
		show(e)
	}
	end()
	return out.Close()
}

func showShort(out *cli.LineWriter) func(vfs.Entry) {
	return func(e vfs.Entry) { out.Columns(e.Key()) }
}

func showLong(out *cli.LineWriter) func(vfs.Entry) {
	return func(e vfs.Entry) {
		size := "-"
		if e.Kind == vfs.KindFile {
			size = strconv.FormatInt(e.Size, 10)
		}
		out.Line(fmt.Sprintf("%12s  %-20s  %s", size, timestamp(e.ModTime), cli.Printable(e.Key())))
	}
}

// showJSON prints the listing object that serve --list sends, one entry at a time.
func showJSON(out *cli.LineWriter, dir vfs.Name) (show func(vfs.Entry), end func()) {
	type entry struct {
		Name     string `json:"name"`
		Type     string `json:"type"`
		Size     *int64 `json:"size,omitempty"`
		Modified string `json:"modified,omitempty"`
	}
	before := `{"dir":` + out.Quoted(dir.String()) + `,"entries":[`
	show = func(e vfs.Entry) {
		shown := entry{Name: e.Elem, Type: "dir"}
		if e.Kind == vfs.KindFile {
			shown = entry{e.Elem, "file", &e.Size, timestamp(e.ModTime)}
		}
		out.Text(before + out.Quoted(shown))
		before = ","
	}
	end = func() {
		if before == "," {
			before = ""
		}
		out.Line(before + "]}")
	}
	return show, end
}

// timestamp formats t as in the JSON listing, "" if it is unknown.
func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
