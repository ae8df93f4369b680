package main

import (
	"context"
	"errors"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/daemon"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// statFlags are the flags of stat besides the rules.
type statFlags struct {
	rules cli.Rules
	json  cli.Toggle

	config, host string // with a configuration in the place of a SOURCE
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
	Detail   string `json:"detail,omitempty"`
}

func (a *app) statCommand() *cobra.Command {
	var f statFlags
	cmd := &cobra.Command{
		Use:   "stat SOURCE NAME… | stat --config FILE NAME…",
		Short: "Show the size, times and entity tag of objects",
		Long: `Stat describes each NAME, a plain name: size in bytes, modification time, content time
if a copy preserved a different one, entity tag, and the rule that allows it. Without an
--allow, it can describe every object. The exit code is 1 if a name is refused or missing.

With --config, a NAME is the full path of a request, and the rules of its mount apply,
except access rules. If the mount has several sources, the detail says which one has the
object.`,
		Example: `  bailiwick stat ./site index.html
  bailiwick stat s3://bucket/site index.html docs/a.html --allow '**/*.html'
  bailiwick stat --config bailiwick.yaml docs/a.html`,
		Args:              statArguments,
		ValidArgsFunction: cli.CompleteSource,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.config != "" {
				return a.statConfig(cmd, args, &f)
			}
			return a.stat(cmd.Context(), args[0], args[1:], &f)
		},
	}
	f.rules.Register(cmd)
	cli.AddToggle(cmd, &f.json, "json", "", "print one JSON object a line")
	cmd.Flags().StringVar(&f.config, "config", "", "use the mounts of a configuration `FILE` instead of a SOURCE")
	cmd.Flags().StringVar(&f.host, "host", "", "with --config, the `HOST` of the request (default: one that has no mount of its own)")
	// Their variables are those of serve. A SOURCE must not become a NAME because of one.
	cli.WithoutVariable(cmd, "config")
	cli.WithoutVariable(cmd, "host")
	return cmd
}

// statArguments accepts NAMES with a configuration file, else a SOURCE and NAMES.
func statArguments(cmd *cobra.Command, args []string) error {
	switch file := cmd.Flags().Lookup("config"); {
	case !file.Changed && cmd.Flags().Changed("host"):
		return cli.Usagef("--host applies to the hosts of a configuration; name its file with --config")
	case !file.Changed:
		return cli.SourceArguments(1, -1, "at least one NAME")(cmd, args)
	case file.Value.String() == "":
		return cli.Usagef("--config: write the name of a file")
	}
	return configArguments(cmd, args)
}

func (a *app) stat(ctx context.Context, source string, names []string, f *statFlags) error {
	p := newPrinter(a, bool(f.json))
	return p.end(a.eachName(ctx, source, names, &f.rules, func(jail *vfs.Jail, n vfs.Name) error {
		info, err := jail.Head(ctx, n, vfs.Request{})
		if err != nil {
			return err
		}
		d := describe(n.String(), info)
		if !f.rules.Ruled() {
			d.Rule = ""
		}
		p.print(&d)
		return nil
	}))
}

// statConfig is stat for names of "serve --config FILE".
func (a *app) statConfig(cmd *cobra.Command, names []string, f *statFlags) error {
	cfg, _, err := a.loadConfig(cmd, []string{f.config})
	if err != nil {
		return err
	}
	e := daemon.NewExplainer(a.Streams, a.Env, cfg, vfs.OpRead, "", f.host)
	defer e.Close()
	p := newPrinter(a, bool(f.json))
	var failed error
	for _, name := range names {
		info, detail, err := e.Head(cmd.Context(), name)
		var fatal *cli.ExitError
		switch {
		case errors.As(err, &fatal):
			return p.end(fatal)
		case err != nil:
			a.Say("bailiwick: %s", cli.ConfigRefusal(f.config, name, err))
			failed = cli.ErrReported
		default:
			d := describe(name, info)
			d.Detail = cli.JSONText(detail)
			p.print(&d)
		}
	}
	return p.end(failed)
}

func describe(name string, info vfs.Info) description {
	d := description{
		Name: name, Size: info.Size, Modified: timestamp(info.ModTime), ETag: info.ETag, Type: info.ContentType,
		Rule: cli.JSONText(info.Rule),
	}
	if !info.ContentTime.IsZero() && !info.ContentTime.Equal(info.ModTime) {
		d.Content = timestamp(info.ContentTime)
	}
	return d
}

// A printer prints descriptions, as JSON or for people.
type printer struct {
	out    *cli.LineWriter
	asJSON bool
	any    bool // one was printed
}

func newPrinter(a *app, asJSON bool) *printer {
	return &printer{out: cli.NewLineWriter(a.Out), asJSON: asJSON}
}

func (p *printer) print(d *description) {
	switch {
	case p.asJSON:
		p.out.JSON(d)
		return
	case p.any:
		p.out.Line("")
	}
	p.any = true
	d.write(p.out)
}

// end writes what is left. It returns the error of that, else err.
func (p *printer) end(err error) error {
	if failed := p.out.Close(); failed != nil {
		return failed
	}
	return err
}

// write prints d for people. What is unknown is left out.
func (d *description) write(out *cli.LineWriter) {
	for _, row := range [][2]string{
		{"name", d.Name}, {"size", strconv.FormatInt(d.Size, 10)}, {"modified", d.Modified}, {"content time", d.Content},
		{"etag", d.ETag}, {"type", d.Type}, {"rule", d.Rule}, {"detail", d.Detail},
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
