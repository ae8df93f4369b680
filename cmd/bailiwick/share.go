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
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/daemon"
	"github.com/bailiwick-fs/bailiwick/server/audit"
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

// shareFlags are the flags of the commands on shares.
type shareFlags struct {
	where, config, user string
	json                cli.Toggle
}

func (f *shareFlags) register(cmd *cobra.Command, user string) {
	cmd.Flags().StringVar(&f.where, "shares", "", shareCatalogUsage)
	cmd.Flags().StringVar(&f.config, "config", "", "use the catalog, mounts and users of a configuration `FILE`")
	// The variable is that of serve. It must not choose among several catalogs.
	cli.WithoutVariable(cmd, "config")
	cmd.Flags().StringVar(&f.user, "user", "", user)
}

func (a *app) shareListCommand() *cobra.Command {
	var f shareFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List shares, the latest first",
		Long: `List prints a line for each share: the ID, its state, the time at which it expires, its
uses so far and their limit (- if there is none), the issuer, the path, and the note. It does
not print links: only a hash of each is stored. It can run while servers use the catalog.

The state says why the link opens nothing now: expired; used, if no use is left; or issuer,
if the issuer is gone, may no longer open or share the path, or no mount has it. Otherwise it
is ok: the link opens what there is at the path. The last two need the mounts and users of
--config FILE, as a server reads them now; without it, the state is - for both.`,
		Example: `  bailiwick share list --shares sqlite:/var/lib/bailiwick/shares.db
  bailiwick share list --config /etc/bailiwick.yaml --user alice --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.shareList(cmd, &f)
		},
	}
	f.register(cmd, "list only the shares of this `USER`")
	cli.AddToggle(cmd, &f.json, "json", "", "print one JSON object a line")
	return cmd
}

func (a *app) shareRevokeCommand() *cobra.Command {
	var f shareFlags
	cmd := &cobra.Command{
		Use:   "revoke [ID...]",
		Short: "Revoke shares",
		Long: `Revoke removes shares, so that their links open nothing: those with an ID, or with --user
all of a user. A running server may still answer them for a second; requests that it is
answering then are completed.`,
		Example: `  bailiwick share revoke 0b5a1cd2-6a3e-4d0e-9f3c-1d6f4d1c9a55 --shares sqlite:/var/lib/bailiwick/shares.db
  bailiwick share revoke --user alice --config /etc/bailiwick.yaml`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.shareRevoke(cmd, &f, args)
		},
	}
	f.register(cmd, "revoke all shares of this `USER`")
	cli.WithoutVariable(cmd, "user") // nothing is revoked by what was set for a list
	return cmd
}

// openShares opens the catalog of shares of a server, with the configuration, nil for none. The
// caller closes the catalog.
func (a *app) openShares(cmd *cobra.Command, f *shareFlags) (catalog.Shared, *config.Config, error) {
	var cfg *config.Config
	where := f.where
	if cmd.Flags().Changed("config") {
		var err error
		if cfg, _, err = a.loadConfig(cmd, []string{f.config}); err != nil {
			return nil, nil, err
		}
		if cfg.Shares == nil {
			return nil, nil, cli.Usagef("%s has no shares", cli.Printable(f.config))
		}
		if where == "" {
			address, err := cfg.SharesCatalog()
			if err != nil {
				return nil, nil, a.ConfigError(err)
			}
			where = address.DSN()
		}
	}
	if where == "" {
		return nil, nil, cli.Usagef("name the catalog of shares: --shares sqlite:PATH or postgres://…, or --config FILE")
	}
	cat, err := catalogs.OpenShares(cmd.Context(), a.Env, where)
	return cat, cfg, err
}

// shareStates returns a function for the state of a share, by what is known: the configuration,
// if cfg is not nil, and the time.
func (a *app) shareStates(cfg *config.Config, store catalog.Shares) (func(context.Context, *catalog.Share) string, error) {
	if cfg == nil {
		return func(_ context.Context, s *catalog.Share) string {
			switch {
			case !time.Now().Before(s.Expires):
				return "expired"
			case s.Limit > 0 && s.Used >= s.Limit:
				return "used"
			}
			return "-"
		}, nil
	}
	why, err := daemon.ShareStates(a.Streams, cfg, store)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, s *catalog.Share) string {
		switch why(ctx, *s) {
		case "":
			return "ok"
		case audit.ReasonShareExpired:
			return "expired"
		case audit.ReasonShareUsed:
			return "used"
		}
		return "issuer"
	}, nil
}

// sharesPage is the number of shares that are read at once.
const sharesPage = 500

func (a *app) shareList(cmd *cobra.Command, f *shareFlags) error {
	cat, cfg, err := a.openShares(cmd, f)
	if err != nil {
		return err
	}
	defer cat.Close()
	shares := cat.(catalog.Shares)
	state, err := a.shareStates(cfg, shares)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	out := cli.NewLineWriter(a.Out)
	err = eachShare(ctx, shares, f.user, func(s *catalog.Share) error {
		writeShare(out, s, state(ctx, s), bool(f.json))
		return nil
	})
	if closing := out.Close(); closing != nil {
		return closing
	}
	if err != nil {
		return a.reconcileFailed(ctx, "list", err)
	}
	return nil
}

// eachShare calls do for each share of a user, "" for all, the latest first.
func eachShare(ctx context.Context, shares catalog.Shares, user string, do func(*catalog.Share) error) error {
	var after uuid.UUID
	for {
		page, err := shares.SharesOf(ctx, user, after, sharesPage)
		if err != nil {
			return err
		}
		for i := range page {
			if err := do(&page[i]); err != nil {
				return err
			}
		}
		if len(page) < sharesPage {
			return nil
		}
		after = page[len(page)-1].ID
	}
}

func writeShare(out *cli.LineWriter, s *catalog.Share, state string, asJSON bool) {
	path, limit := s.ShownPath(), "-"
	if s.Limit > 0 {
		limit = strconv.FormatInt(s.Limit, 10)
	}
	if asJSON {
		out.JSON(struct {
			ID       string `json:"id"`
			State    string `json:"state"`
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
		}{s.ID.String(), state, cli.JSONText(s.Issuer), s.Host, cli.JSONText(path), s.Upload, s.Password != "", s.Limit, s.Used, cli.JSONText(s.Note), s.Created.Format(time.RFC3339), s.Expires.Format(time.RFC3339)})
		return
	}
	out.Columns(s.ID.String(), state, s.Expires.Format(time.RFC3339), strconv.FormatInt(s.Used, 10), limit, s.Issuer, path, s.Note)
}

func (a *app) shareRevoke(cmd *cobra.Command, f *shareFlags, args []string) error {
	byUser := cmd.Flags().Changed("user")
	switch {
	case byUser && len(args) > 0:
		return cli.Usagef("name IDs, or a user with --user; not both")
	case byUser && f.user == "":
		return cli.Usagef("--user: write the name of a user")
	case !byUser && len(args) == 0:
		return cli.Usagef("name the shares to revoke, by their IDs, or with --user by their issuer; bailiwick share list prints both")
	}
	var ids []uuid.UUID
	for _, arg := range args {
		id, ok := catalog.ObjectID(arg)
		if !ok {
			return cli.Usagef("%s is not the ID of a share; bailiwick share list prints IDs", cli.Printable(arg))
		}
		ids = append(ids, id)
	}
	cat, _, err := a.openShares(cmd, f)
	if err != nil {
		return err
	}
	defer cat.Close()
	ctx, shares := cmd.Context(), cat.(catalog.Shares)
	if byUser {
		// A page begins after a share, so none is revoked before all are known.
		err := eachShare(ctx, shares, f.user, func(s *catalog.Share) error { ids = append(ids, s.ID); return nil })
		if err != nil {
			return a.reconcileFailed(ctx, "revocation", err)
		}
	}
	missing := 0
	for _, id := range ids {
		switch err := shares.RevokeShare(ctx, f.user, id); {
		case errors.Is(err, catalog.ErrNotFound):
			a.Say("there is no share %s", id)
			missing++
		case err != nil:
			return a.reconcileFailed(ctx, "revocation", err)
		default:
			a.Say("revoked %s", id)
		}
	}
	switch {
	case missing > 0 && !byUser: // otherwise somebody else was faster
		return cli.Failf("%s not found", cli.Count(missing, "share"))
	case byUser && len(ids) == 0:
		a.Say("%s has no shares", cli.Printable(f.user))
	}
	return nil
}
