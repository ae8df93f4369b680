package main

import (
	"context"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/catalogs"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

func (a *app) catalogListCommand() *cobra.Command {
	var f catalogListFlags
	cmd := &cobra.Command{
		Use:   "ls SOURCE --catalog WHERE",
		Short: "List the uploads of a source",
		Long: `Ls prints a line for each upload of the source, sorted by ID: the ID, the start time, the
size in bytes, the media type, the owner (- if there is none), and the original name. It
can run while servers accept uploads.

Unfinished uploads and removals are omitted; --all includes them, with their state
instead of the size.`,
		Example: `  bailiwick catalog ls /srv/uploads --catalog sqlite:/var/lib/bailiwick/uploads.db
  bailiwick catalog ls 's3://bucket/uploads' --catalog postgres://bailiwick@db/uploads --owner alice --json`,
		Args:              cli.SourceArguments(0, 0, ""),
		ValidArgsFunction: cli.CompleteSource,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.byOwner = cmd.Flags().Changed("owner")
			return a.catalogList(cmd.Context(), args[0], &f)
		},
	}
	cmd.Flags().StringVar(&f.catalog, "catalog", "", catalogs.FlagUsage)
	cmd.Flags().StringVar(&f.owner, "owner", "", "list only the uploads of this `USER`; '' lists those without an owner")
	cli.AddToggle(cmd, &f.all, "all", "", "also list unfinished uploads and removals")
	cli.AddToggle(cmd, &f.json, "json", "", "print one JSON object a line")
	return cmd
}

// catalogListFlags are the flags of catalog ls.
type catalogListFlags struct {
	catalog, owner string
	byOwner        bool // the owner was given, perhaps as ""
	all, json      cli.Toggle
}

func (a *app) catalogList(ctx context.Context, source string, f *catalogListFlags) error {
	if f.catalog == "" {
		return cli.Usagef("name the catalog of these uploads: --catalog sqlite:PATH or postgres://…")
	}
	src, _, cat, err := catalogs.OpenUploads(ctx, a.Env, source, f.catalog, backends.Options{})
	if err != nil {
		return err
	}
	defer src.Close()
	defer cat.Close()

	out := cli.NewLineWriter(a.Out)
	for rec, err := range cat.All(ctx) {
		if err != nil {
			if err := out.Close(); err != nil {
				return err
			}
			return a.reconcileFailed(ctx, "list", err)
		}
		if rec.State != catalog.Ready && !bool(f.all) || f.byOwner && rec.Owner != f.owner {
			continue
		}
		writeRecord(out, rec, bool(f.json))
	}
	return out.Close()
}

func writeRecord(out *cli.LineWriter, rec catalog.Record, asJSON bool) {
	created := rec.Created.UTC().Format(time.RFC3339)
	if asJSON {
		line := struct {
			ID      string `json:"id"`
			Name    string `json:"name"`
			State   string `json:"state"`
			Type    string `json:"type"`
			Size    int64  `json:"size"`
			SHA256  string `json:"sha256,omitempty"`
			Created string `json:"created"`
			Owner   string `json:"owner"`
		}{ID: rec.ID.String(), Name: cli.JSONText(rec.Name), State: string(rec.State), Type: rec.Type, Size: rec.Size, Created: created, Owner: cli.JSONText(rec.Owner)}
		if rec.State == catalog.Ready {
			line.SHA256 = hex.EncodeToString(rec.SHA256[:])
		}
		out.JSON(line)
		return
	}
	size := string(rec.State)
	if rec.State == catalog.Ready {
		size = strconv.FormatInt(rec.Size, 10)
	}
	owner := rec.Owner
	if owner == "" {
		owner = "-"
	}
	out.Columns(rec.ID.String(), created, size, rec.Type, owner, rec.Name)
}
