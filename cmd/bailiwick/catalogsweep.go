package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/catalogs"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

func (a *app) catalogSweepCommand() *cobra.Command {
	var f catalogFlags
	cmd := &cobra.Command{
		Use:   "sweep SOURCE --catalog WHERE",
		Short: "Clean up uploads and removals that a crash left unfinished",
		Long: `Sweep removes the leftovers of unfinished uploads and removals: parts on S3, the object,
if there is one, and then the row. A server does the same at its start and every few
minutes, so this command is needed only while no server runs.

Sweep removes leftovers without activity for --older-than, and those of servers that are
known to have ended, whatever their age. An upload in progress reports its activity, so it
is spared however long it takes. Parts on S3 that have the name of an upload, but no row,
are removed if they began more than --older-than ago: name the catalog of the servers that
store into this source. Sweep keeps parts of other programs, and objects that are not in
the catalog: see bailiwick catalog check.`,
		Example: `  bailiwick catalog sweep /srv/uploads --catalog sqlite:/var/lib/bailiwick/uploads.db
  bailiwick catalog sweep /srv/uploads --catalog sqlite:/var/lib/bailiwick/uploads.db --older-than 0s`,
		Args:              cli.SourceArguments(0, 0, ""),
		ValidArgsFunction: cli.CompleteSource,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.catalogSweep(cmd.Context(), args[0], &f)
		},
	}
	f.register(cmd, "the time without activity after which an upload is removed, if its server may still run; use 0s if no server runs")
	return cmd
}

func (a *app) catalogSweep(ctx context.Context, source string, f *catalogFlags) error {
	src, jail, cat, err := catalogs.OpenUploads(ctx, a.Env, source, f.catalog, backends.Options{Writable: true})
	if err != nil {
		return err
	}
	defer src.Close()
	defer cat.Close()

	age := time.Duration(f.olderThan)
	swept, parts, err := catalogs.Sweep(ctx, src, jail, cat, age, age)
	a.Say("%s", catalogs.SweepSummary(swept, parts))
	catalogs.SayElsewhere(ctx, a.Say, cat, source, src.Label, nil)
	if err != nil {
		return a.reconcileFailed(ctx, "sweep", err)
	}
	return nil
}
