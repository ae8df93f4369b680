package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/catalogs"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/catalog/reconcile"
)

// rebindFlags are the flags of catalog rebind.
type rebindFlags struct {
	catalog string
	from    string
	all     cli.Toggle
}

func (a *app) catalogRebindCommand() *cobra.Command {
	var f rebindFlags
	cmd := &cobra.Command{
		Use:   "rebind SOURCE --catalog WHERE",
		Short: "Assign uploads in a catalog to the source that has their objects",
		Long: `A catalog records the source of each upload, and a server shows only the uploads of its
own sources. Use rebind after a source was moved or renamed, and without --from for
uploads of versions that did not record the source.

Rebind assigns the uploads whose object is in SOURCE, with the right size, to SOURCE. The
others are not changed, and rebind prints their number; --all assigns them, too.

No server may serve the other source meanwhile, because running uploads would fail.`,
		Example: `  bailiwick catalog rebind /srv/new --from /srv/old --catalog sqlite:/var/lib/bailiwick/uploads.db
  bailiwick catalog rebind 's3://bucket/uploads' --catalog postgres://bailiwick@db/uploads`,
		Args:              cli.SourceArguments(0, 0, ""),
		ValidArgsFunction: cli.CompleteSource,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.catalogRebind(cmd.Context(), args[0], &f)
		},
	}
	cmd.Flags().StringVar(&f.catalog, "catalog", "", catalogs.FlagUsage)
	cmd.Flags().StringVar(&f.from, "from", "", "the `SOURCE` that the uploads currently belong to (default: uploads without a source)")
	cli.AddToggle(cmd, &f.all, "all", "", "also assign uploads that have no object in SOURCE")
	return cmd
}

func (a *app) catalogRebind(ctx context.Context, source string, f *rebindFlags) error {
	src, jail, cat, err := catalogs.OpenUploads(ctx, a.Env, source, f.catalog, backends.Options{})
	if err != nil {
		return err
	}
	defer src.Close()
	defer cat.Close()

	var from catalog.Source
	if f.from != "" {
		if from, err = catalogs.NamedSource(ctx, a.Env, cat, "--from", f.from); err != nil {
			return err
		}
	}
	if string(from) == src.Label {
		return cli.Usagef("--from: %s is the SOURCE itself; name the source that the uploads belong to now", cli.Printable(src.Label))
	}
	var done reconcile.Adopted
	if f.all {
		done, err = reconcile.AdoptAll(ctx, cat, from)
	} else {
		done, err = reconcile.Adopt(ctx, jail, cat, from)
	}
	a.Say("%s belong to %s now", cli.Count(done.Taken, "upload"), cli.Printable(src.Label))
	if err != nil {
		return a.reconcileFailed(ctx, "rebind", err)
	}
	if done.Stay > 0 {
		return cli.Failf("not rebound, because SOURCE has no object of their size: %d; --all rebinds them, too", done.Stay)
	}
	return nil
}
