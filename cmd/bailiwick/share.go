package main

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/catalogs"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// shareCatalogUsage is the help text of --shares.
const shareCatalogUsage = "the catalog of shares of the server: `sqlite:PATH` or postgres://…"

func (a *app) shareCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "share COMMAND",
		Short: "List and revoke the shares that users made",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return cli.Usagef("share has no command %s; its commands are list and revoke", cli.Printable(args[0]))
			}
			return cli.Usagef("share needs a command: list or revoke; for example bailiwick share list --shares sqlite:PATH")
		},
	}
	cmd.AddCommand(a.shareListCommand(), a.shareRevokeCommand())
	return cmd
}

func (a *app) shareListCommand() *cobra.Command {
	var where, user string
	var asJSON cli.Toggle
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List shares, the latest first",
		Long: `List prints a line for each share: the ID, the time at which it expires, its uses so far
and their limit (- if there is none), the issuer, the path, and the note. It does not print
links: only a hash of each is stored. It can run while servers use the catalog.`,
		Example: `  bailiwick share list --shares sqlite:/var/lib/bailiwick/shares.db
  bailiwick share list --shares postgres://bailiwick@db/shares --user alice --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.shareList(cmd.Context(), where, user, bool(asJSON))
		},
	}
	cmd.Flags().StringVar(&where, "shares", "", shareCatalogUsage)
	cmd.Flags().StringVar(&user, "user", "", "list only the shares of this `USER`")
	cli.AddToggle(cmd, &asJSON, "json", "", "print one JSON object a line")
	return cmd
}

func (a *app) shareRevokeCommand() *cobra.Command {
	var where string
	cmd := &cobra.Command{
		Use:   "revoke ID...",
		Short: "Revoke shares",
		Long: `Revoke removes shares, so that their links open nothing. A running server may go on to
answer for a second; requests that it is answering then are completed.`,
		Example: `  bailiwick share revoke 0b5a1cd2-6a3e-4d0e-9f3c-1d6f4d1c9a55 --shares sqlite:/var/lib/bailiwick/shares.db`,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.shareRevoke(cmd.Context(), where, args)
		},
	}
	cmd.Flags().StringVar(&where, "shares", "", shareCatalogUsage)
	return cmd
}

// openShares opens the catalog of shares of a server. The caller closes it.
func (a *app) openShares(ctx context.Context, where string) (catalog.Shared, catalog.Shares, error) {
	if where == "" {
		return nil, nil, cli.Usagef("name the catalog of shares: --shares sqlite:PATH or postgres://…")
	}
	cat, err := catalogs.OpenShares(ctx, a.Env, where)
	if err != nil {
		return nil, nil, err
	}
	return cat, cat.(catalog.Shares), nil
}

// sharesPage is the number of shares that are read at once.
const sharesPage = 500

func (a *app) shareList(ctx context.Context, where, user string, asJSON bool) error {
	cat, shares, err := a.openShares(ctx, where)
	if err != nil {
		return err
	}
	defer cat.Close()
	out := cli.NewLineWriter(a.Out)
	var after uuid.UUID
	for {
		page, err := shares.SharesOf(ctx, user, after, sharesPage)
		if err != nil {
			if err := out.Close(); err != nil {
				return err
			}
			return a.reconcileFailed(ctx, "list", err)
		}
		for i := range page {
			writeShare(out, &page[i], asJSON)
		}
		if len(page) < sharesPage {
			return out.Close()
		}
		after = page[len(page)-1].ID
	}
}

func writeShare(out *cli.LineWriter, s *catalog.Share, asJSON bool) {
	path, limit := s.ShownPath(), "-"
	if s.Limit > 0 {
		limit = strconv.FormatInt(s.Limit, 10)
	}
	if asJSON {
		out.JSON(struct {
			ID       string `json:"id"`
			Issuer   string `json:"issuer"`
			Host     string `json:"host,omitempty"`
			Path     string `json:"path"`
			Upload   bool   `json:"upload"`
			Password bool   `json:"password"`
			Uses     int64  `json:"uses,omitempty"`
			Used     int64  `json:"used"`
			Note     string `json:"note"`
			Created  string `json:"created"`
			Expires  string `json:"expires"`
		}{s.ID.String(), cli.JSONText(s.Issuer), s.Host, cli.JSONText(path), s.Upload, s.Password != "", s.Limit, s.Used, cli.JSONText(s.Note), s.Created.Format(time.RFC3339), s.Expires.Format(time.RFC3339)})
		return
	}
	out.Columns(s.ID.String(), s.Expires.Format(time.RFC3339), strconv.FormatInt(s.Used, 10), limit, s.Issuer, path, s.Note)
}

func (a *app) shareRevoke(ctx context.Context, where string, args []string) error {
	if len(args) == 0 {
		return cli.Usagef("name the shares to revoke, by their IDs; bailiwick share list prints them")
	}
	var ids []uuid.UUID
	for _, arg := range args {
		id, ok := catalog.ObjectID(arg)
		if !ok {
			return cli.Usagef("%s is not the ID of a share; bailiwick share list prints IDs", cli.Printable(arg))
		}
		ids = append(ids, id)
	}
	cat, shares, err := a.openShares(ctx, where)
	if err != nil {
		return err
	}
	defer cat.Close()
	missing := 0
	for _, id := range ids {
		switch err := shares.RevokeShare(ctx, "", id); {
		case errors.Is(err, catalog.ErrNotFound):
			a.Say("there is no share %s", id)
			missing++
		case err != nil:
			return a.reconcileFailed(ctx, "revocation", err)
		default:
			a.Say("revoked %s", id)
		}
	}
	if missing > 0 {
		return cli.Failf("%s not found", cli.Count(missing, "share"))
	}
	return nil
}
