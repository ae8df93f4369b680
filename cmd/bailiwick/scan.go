package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/explain"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// scanFlags are what scan takes besides the rules.
type scanFlags struct {
	rules       cli.Rules
	json        cli.Toggle
	save, check string
}

func (a *app) scanCommand() *cobra.Command {
	var f scanFlags
	cmd := &cobra.Command{
		Use:   "scan SOURCE… [rules]",
		Short: "List every name in a source with its verdict: what is exposed, what is hidden and why",
		Long: `Scan walks the whole source and prints a line for every file, as explain does. The exit
code is 0 even if names are hidden. On S3 it lists all keys without a delimiter, so it
also sees keys that some services omit from the listing of a directory: those below an
object with the directory's name.

Several SOURCEs are one tree, as for serve: the first one is on top, and each line says
which one has the name.

--save writes the exposed names to a file, which can be reviewed like a lock file.
--check compares the currently exposed names with that file and prints the
difference: + for newly exposed names, - for names no longer exposed. The exit code is 1
if there is a difference.`,
		Example: `  bailiwick scan ./site --allow '**/*.html'
  bailiwick scan ./site --allow '**/*.html' --save exposed.txt
  bailiwick scan ./site --allow '**/*.html' --check exposed.txt`,
		Args:              cli.SourcesArguments,
		ValidArgsFunction: cli.CompleteSources,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.scan(cmd.Context(), args, &f)
		},
	}
	f.rules.Register(cmd)
	f.rules.RegisterHardLinks(cmd, "serve", "")
	cli.AddToggle(cmd, &f.json, "json", "", "print one JSON object a line")
	cmd.Flags().StringVar(&f.save, "save", "", "write the exposed names to `FILE`, one per line")
	cmd.Flags().StringVar(&f.check, "check", "", "compare the exposed names with those in `FILE`")
	return cmd
}

func (a *app) scan(ctx context.Context, sources []string, f *scanFlags) error {
	if f.save != "" && f.check != "" {
		return cli.Usagef("%s and %s cannot be combined: check first, then save", a.Origin("save"), a.Origin("check"))
	}
	var reviewed []string
	if f.check != "" {
		var err error
		if reviewed, err = explain.ReadExposed(f.check); err != nil {
			return err
		}
	}
	defer f.rules.HoldOwn()()
	src, jail, err := f.rules.OpenTree(ctx, a.Env, sources, cli.UnruledNothing, backends.Options{})
	if err != nil {
		return err
	}
	defer src.Close()
	a.SayIgnored(src)
	a.SayUnlisted(src)

	var sum explain.Exposure
	var exposed []string
	var beneath cli.BeneathNotice
	out := cli.NewLineWriter(a.Out)
	for finding, err := range jail.Scan(ctx) {
		if err != nil {
			return scanFailed(ctx, err)
		}
		sum.Add(finding)
		beneath.Check(finding, a.Say)
		if finding.Allowed && f.save+f.check != "" {
			exposed = append(exposed, finding.Path)
		}
		if f.check == "" {
			v := explain.NewFinding(finding)
			v.AddSource(sources)
			v.Write(out, bool(f.json))
		}
	}
	slices.Sort(exposed)
	var differ error
	if f.check != "" {
		differ = a.compare(out, reviewed, exposed, f)
	}
	if err := out.Close(); err != nil {
		return err
	}
	if f.save != "" {
		if err := explain.SaveExposed(ctx, f.save, exposed); err != nil {
			return err
		}
	}
	a.Say("%s", sum.String())
	if sum.Exposed == 0 && !f.rules.Ruled() {
		a.Say("no allow rule was given; try --allow '**/*.html'")
	}
	return differ
}

func scanFailed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return cli.Failf("the scan was interrupted")
	}
	if reason := vfs.ReasonOf(err); reason != "" {
		return cli.Failf("the scan ended early: %s", reason.Detail())
	}
	return cli.Failf("the scan ended early: a request to the source failed")
}

// compare prints the differences between the reviewed names and those that are exposed now,
// both sorted.
func (a *app) compare(out *cli.LineWriter, reviewed, exposed []string, f *scanFlags) error {
	type change struct {
		Name   string `json:"name"`
		Change string `json:"change"`
	}
	added, gone := 0, 0
	show := func(sign, name, what string) {
		if f.json {
			out.JSON(change{cli.JSONText(name), what})
		} else {
			out.Line(sign + " " + cli.Printable(name))
		}
	}
	for len(reviewed)+len(exposed) > 0 {
		switch {
		case len(reviewed) == 0 || len(exposed) > 0 && exposed[0] < reviewed[0]:
			added++
			show("+", exposed[0], "newly exposed")
			exposed = exposed[1:]
		case len(exposed) == 0 || reviewed[0] < exposed[0]:
			gone++
			show("-", reviewed[0], "no longer exposed")
			reviewed = reviewed[1:]
		default:
			reviewed, exposed = reviewed[1:], exposed[1:]
		}
	}
	if added+gone == 0 {
		a.Say("the exposed names are those in %s", cli.Printable(f.check))
		return nil
	}
	return cli.Failf("the exposed names differ from %s: %d newly exposed (+), %d no longer (-); to accept them, run again with --save %s instead of --check",
		cli.Printable(f.check), added, gone, cli.ShellWord(f.check))
}
