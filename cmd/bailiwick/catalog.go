package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/server/catalog/reconcile"
)

// uploadAge is how long an upload whose server may still live must have been silent
// to be taken for dead. One that lives shows so every half minute.
const uploadAge = time.Hour

// catalogFlags are what the catalog commands take.
type catalogFlags struct {
	catalog   string
	olderThan cli.Duration
	of        string
	json      cli.Toggle
	deep      cli.Toggle
}

func (f *catalogFlags) register(cmd *cobra.Command, olderThan string) {
	f.olderThan = cli.Duration(uploadAge)
	cmd.Flags().StringVar(&f.catalog, "catalog", "", catalogUsage)
	cmd.Flags().Var(&f.olderThan, "older-than", olderThan)
}

func (a *app) catalogCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "catalog COMMAND",
		Short: "Check uploads against their catalog, and clear what a crash left",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return cli.Usagef("catalog has no command %s; there is bailiwick catalog check, bailiwick catalog sweep, bailiwick catalog rebind and bailiwick catalog clock", cli.Printable(args[0]))
			}
			return cli.Usagef("write bailiwick catalog check SOURCE --catalog …, or bailiwick catalog sweep SOURCE --catalog …")
		},
	}
	cmd.AddCommand(a.catalogCheckCommand(), a.catalogSweepCommand(), a.catalogRebindCommand(), a.catalogClockCommand())
	return cmd
}

func (a *app) catalogCheckCommand() *cobra.Command {
	var f catalogFlags
	cmd := &cobra.Command{
		Use:   "check SOURCE --catalog WHERE",
		Short: "Compare the objects in a source with the catalog that speaks of them",
		Long: `Check prints a line for every problem: what is wrong, the name, and what it means.
The exit code is 1 if there is one. It changes nothing, and may run while servers
take uploads.

Every upload in the catalog has to have its object, of the right size, or with --deep
of the very bytes that came; every object has to be in the catalog; and no upload or
removal may be left that nobody works on any more.

A catalog knows which source each upload is in, and SOURCE is compared with its own. To
compare a copy with the uploads that it is a copy of, name their source with --of; where
the catalog has uploads of one other source alone, these are the ones.`,
		Example: `  bailiwick catalog check /srv/uploads --catalog sqlite:/var/lib/bailiwick/uploads.db
  bailiwick catalog check 's3://bucket/uploads' --catalog postgres://bailiwick@db/uploads --deep
  bailiwick catalog check backup/objects --of /srv/uploads --catalog sqlite:backup/uploads.db`,
		Args:              cli.SourceArguments(0, 0, ""),
		ValidArgsFunction: cli.CompleteSource,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.catalogCheck(cmd.Context(), args[0], &f)
		},
	}
	f.register(cmd, "how long an upload must have been silent to count as left, where its server may still run")
	cmd.Flags().StringVar(&f.of, "of", "", "compare with the uploads of this `SOURCE`, of which the other is a copy")
	cli.AddToggle(cmd, &f.deep, "deep", "", "read every object and compare its SHA-256")
	cli.AddToggle(cmd, &f.json, "json", "", "print one JSON object a line")
	return cmd
}

func (a *app) catalogCheck(ctx context.Context, source string, f *catalogFlags) error {
	if f.catalog == "" {
		return cli.Usagef("say which catalog speaks of these objects: --catalog sqlite:PATH or postgres://…")
	}
	src, jail, cat, err := a.openUploads(ctx, source, f.catalog, backends.Options{})
	if err != nil {
		return err
	}
	defer src.Close()
	defer func() { cat.Close() }()
	if cat, err = a.rowsToCheck(ctx, cat, src.Label, f); err != nil {
		return err
	}

	var sum reconcile.Summary
	opts := reconcile.Options{
		Deep:   bool(f.deep),
		Before: time.Now().Add(-time.Duration(f.olderThan)),
		Ignore: ownFiles(source, f.catalog),
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
	a.Say("%s, %d bytes; under way: %d; problems: %d", cli.Count(sum.Ready, "upload"), sum.Bytes, sum.UnderWay, sum.Problems)
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

func (a *app) catalogSweepCommand() *cobra.Command {
	var f catalogFlags
	cmd := &cobra.Command{
		Use:   "sweep SOURCE --catalog WHERE",
		Short: "Clear the uploads and removals that a crash left",
		Long: `Sweep removes what is left of uploads and removals that were begun and never
finished: what S3 holds of its parts, the object, if there is one, and then its row.
A server does the same at its start and every few minutes, so this is for when none
runs.

It clears what is older than --older-than, and, whatever its age, what belongs to a
server that is known to have ended. An object that is not in the catalog stays: see
bailiwick catalog check.`,
		Example: `  bailiwick catalog sweep /srv/uploads --catalog sqlite:/var/lib/bailiwick/uploads.db
  bailiwick catalog sweep /srv/uploads --catalog sqlite:/var/lib/bailiwick/uploads.db --older-than 0s`,
		Args:              cli.SourceArguments(0, 0, ""),
		ValidArgsFunction: cli.CompleteSource,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.catalogSweep(cmd.Context(), args[0], &f)
		},
	}
	f.register(cmd, "how long an upload must have been silent to be cleared, where its server may still run; 0s while nothing serves")
	return cmd
}

func (a *app) catalogSweep(ctx context.Context, source string, f *catalogFlags) error {
	if f.catalog == "" {
		return cli.Usagef("say which catalog speaks of these objects: --catalog sqlite:PATH or postgres://…")
	}
	src, jail, cat, err := a.openUploads(ctx, source, f.catalog, backends.Options{Writable: true})
	if err != nil {
		return err
	}
	defer src.Close()
	defer cat.Close()

	age := time.Duration(f.olderThan)
	swept, err := reconcile.Sweep(ctx, jail, cat, time.Now().Add(-age), src)
	parts, partsErr := src.Sweep(ctx, age)
	a.Say("%s", sweptText(swept, parts))
	if err == nil {
		a.tellElsewhere(ctx, cat, src.Label, nil)
	}
	if err == nil {
		err = partsErr
	}
	if err != nil {
		return a.reconcileFailed(ctx, "sweep", err)
	}
	return nil
}

func sweptText(swept reconcile.Swept, parts int) string {
	text := "swept: " + cli.Count(swept.Cleared, "upload")
	if parts += swept.Parts; parts > 0 {
		text += fmt.Sprintf(", %s in parts", cli.Count(parts, "upload"))
	}
	if swept.Failed > 0 {
		text += fmt.Sprintf("; not cleared: %d", swept.Failed)
	}
	return text
}

func (a *app) reconcileFailed(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return cli.Failf("the %s was interrupted", what)
	}
	return cli.Failf("the %s ended early: %s", what, cli.OneLine(err))
}
