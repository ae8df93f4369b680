package main

import (
	"context"
	"errors"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// statFlags are the flags of stat besides the rules.
type statFlags struct {
	rules cli.Rules
	json  cli.Toggle
}

// A description is the output of stat for an object.
type description struct {
	Name     string `json:"name"`
	Size     int64  `json:"size"`
	Modified string `json:"modified,omitempty"`
	Content  string `json:"content_time,omitempty"` // if it differs from Modified
	ETag     string `json:"etag,omitempty"`
	Type     string `json:"type,omitempty"` // as the source knows it
	Rule     string `json:"rule,omitempty"` // "" if no rule was given
}

func (a *app) statCommand() *cobra.Command {
	var f statFlags
	cmd := &cobra.Command{
		Use:   "stat SOURCE NAME…",
		Short: "Show the size, times and entity tag of objects",
		Long: `Stat describes each NAME, a plain name: size in bytes, modification time, content time
if a copy preserved a different one, entity tag, and the rule that allows it. Without an
--allow, it can describe every object. The exit code is 1 if a name is refused or missing.`,
		Example: `  bailiwick stat ./site index.html
  bailiwick stat s3://bucket/site index.html docs/a.html --allow '**/*.html'`,
		Args:              cli.SourceArguments(1, -1, "at least one NAME"),
		ValidArgsFunction: cli.CompleteSource,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.stat(cmd.Context(), args[0], args[1:], &f)
		},
	}
	f.rules.Register(cmd)
	cli.AddToggle(cmd, &f.json, "json", "", "print one JSON object a line")
	return cmd
}

func (a *app) stat(ctx context.Context, source string, names []string, f *statFlags) error {
	out := cli.NewLineWriter(a.Out)
	first := true
	err := a.eachName(ctx, source, names, &f.rules, func(jail *vfs.Jail, n vfs.Name) error {
		info, err := jail.Head(ctx, n, vfs.Request{})
		if err != nil {
			return err
		}
		d := description{n.String(), info.Size, timestamp(info.ModTime), "", info.ETag, info.ContentType, cli.JSONText(info.Rule)}
		if !info.ContentTime.IsZero() && !info.ContentTime.Equal(info.ModTime) {
			d.Content = timestamp(info.ContentTime)
		}
		if !f.rules.Ruled() {
			d.Rule = ""
		}
		if f.json {
			out.JSON(d)
			return nil
		}
		if !first {
			out.Line("")
		}
		first = false
		d.write(out)
		return nil
	})
	if failed := out.Close(); failed != nil {
		return failed
	}
	return err
}

// write prints d for people. What is unknown is left out.
func (d *description) write(out *cli.LineWriter) {
	for _, row := range [][2]string{
		{"name", d.Name}, {"size", strconv.FormatInt(d.Size, 10)}, {"modified", d.Modified}, {"content time", d.Content},
		{"etag", d.ETag}, {"type", d.Type}, {"rule", d.Rule},
	} {
		if row[1] != "" {
			out.Line(row[0] + ": " + cli.Printable(row[1]))
		}
	}
}

// eachName calls do for each of the plain names, in the jail of source. Without an allow
// rule, the jail has every name. It reports a name that is refused or fails, and goes on with
// the others.
func (a *app) eachName(ctx context.Context, source string, names []string, r *cli.Rules, do func(*vfs.Jail, vfs.Name) error) error {
	src, jail, err := r.Open(ctx, a.Env, source, cli.UnruledEverything, backends.Options{})
	if err != nil {
		return err
	}
	defer src.Close()
	a.SayIgnored(src)
	var said error
	for _, name := range names {
		n, err := vfs.ParseName(name)
		if err == nil {
			err = do(jail, n)
		}
		var fatal *cli.ExitError
		if errors.As(err, &fatal) {
			return fatal
		}
		if err != nil {
			a.Say("bailiwick: %s", r.RefusalError(source, name, err))
			said = cli.ErrReported
		}
	}
	return said
}
