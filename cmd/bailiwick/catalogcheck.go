package main

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/catalogs"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/reconcile"
)

func (a *app) catalogCheckCommand() *cobra.Command {
	var f catalogFlags
	cmd := &cobra.Command{
		Use:   "check SOURCE --catalog WHERE",
		Short: "Compare the objects in a source with their catalog",
		Long: `Check prints a line for every problem: its kind, the name, and what it means. The exit
code is 1 if there is one. Check changes nothing, and can run while servers accept
uploads.

Every upload in the catalog must have its object with the right size, and with --deep the
right SHA-256. Every object must be in the catalog. Uploads and removals that were left
unfinished are problems.

A catalog records the source of each upload, and SOURCE is compared with its own uploads.
To check a copy, name the original source with --of. If the catalog has uploads of only
one other source, --of can be omitted.`,
		Example: `  bailiwick catalog check /srv/uploads --catalog sqlite:/var/lib/bailiwick/uploads.db
  bailiwick catalog check 's3://bucket/uploads' --catalog postgres://bailiwick@db/uploads --deep
  bailiwick catalog check backup/objects --of /srv/uploads --catalog sqlite:backup/uploads.db`,
		Args:              cli.SourceArguments(0, 0, ""),
		ValidArgsFunction: cli.CompleteSource,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.catalogCheck(cmd.Context(), args[0], &f)
		},
	}
	f.register(cmd, "the time without activity after which an upload counts as unfinished, if its server may still run")
	cmd.Flags().StringVar(&f.of, "of", "", "check a copy: compare it with the uploads of this `SOURCE`, the original")
	cli.AddToggle(cmd, &f.deep, "deep", "", "read every object and compare its SHA-256")
	cli.AddToggle(cmd, &f.json, "json", "", "print one JSON object a line")
	return cmd
}

func (a *app) catalogCheck(ctx context.Context, source string, f *catalogFlags) error {
	src, jail, cat, err := catalogs.OpenUploads(ctx, a.Env, source, f.catalog, backends.Options{})
	if err != nil {
		return err
	}
	defer src.Close()
	defer func() { cat.Close() }()
	if cat, err = a.rowsToCheck(ctx, cat, source, src.Label, f); err != nil {
		return err
	}

	var sum reconcile.Summary
	opts := reconcile.Options{
		Deep:   bool(f.deep),
		Before: time.Now().Add(-time.Duration(f.olderThan)),
		Ignore: catalogs.OwnFiles(source, f.catalog),
	}
	out := cli.NewLineWriter(a.Out)
	for p, err := range reconcile.Check(ctx, jail, cat, opts, &sum) {
		if err != nil {
			if err := out.Close(); err != nil {
				return err
			}
			return a.reconcileFailed(ctx, "check", err)
		}
		writeProblem(out, p, bool(f.json))
	}
	if err := out.Close(); err != nil {
		return err
	}
	a.Say("%s, %d bytes; in progress: %d; problems: %d", cli.Count(sum.Ready, "upload"), sum.Bytes, sum.UnderWay, sum.Problems)
	if !sum.Clean() {
		return cli.ErrReported
	}
	return nil
}

func writeProblem(out *cli.LineWriter, p reconcile.Problem, asJSON bool) {
	detail := p.Kind.Detail()
	if p.Err != nil {
		detail += ": " + cli.Failure(p.Err)
	}
	if !asJSON {
		out.Columns(string(p.Kind), p.Name, detail)
		return
	}
	out.JSON(struct {
		Problem string `json:"problem"`
		Name    string `json:"name"`
		Detail  string `json:"detail"`
	}{string(p.Kind), cli.JSONText(p.Name), detail})
}

// rowsToCheck returns the catalog with the uploads to compare with the source of that label,
// which the user wrote as source. That is cat itself, also with an error, or one for another source; then it closes cat.
func (a *app) rowsToCheck(ctx context.Context, cat catalog.Shared, source, label string, f *catalogFlags) (catalog.Shared, error) {
	own, others, err := catalogs.SourcesOf(ctx, cat, label)
	if err != nil {
		return cat, catalogs.Error(a.Env, err)
	}
	of := catalog.Source(label)
	switch {
	case f.of != "":
		if of, err = catalogs.NamedSource(ctx, a.Env, cat, "--of", f.of); err != nil {
			return cat, err
		}
	case own || len(others) == 0:
	case slices.Contains(others, ""):
		return cat, cli.Usagef("the catalog has uploads of an earlier version, which have no source; to assign them to this one: bailiwick catalog rebind %s --catalog …", cli.ShellWord(source))
	case len(others) == 1:
		of = others[0]
		a.Say("the catalog has the uploads of %s; comparing them with the objects in %s", catalogs.ListSources(others), cli.Printable(label))
	default:
		return cat, cli.Usagef("the catalog has no uploads of %s; if this is a copy of another source, name that source with --of: %s", cli.Printable(label), catalogs.ListSources(others))
	}
	if string(of) == label {
		return cat, nil
	}
	other, err := catalogs.OpenExisting(ctx, a.Env, f.catalog, string(of))
	if err != nil {
		return cat, err
	}
	cat.Close()
	return other, nil
}
