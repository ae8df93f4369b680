package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/catalogs"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// A clockCatalog is a catalog that stores the latest time by which links were checked.
type clockCatalog interface {
	Latest(ctx context.Context, t time.Time) (time.Time, error)
	ResetLatest(ctx context.Context) (time.Time, error)
}

func (a *app) catalogClockCommand() *cobra.Command {
	var where string
	var reset cli.Toggle
	cmd := &cobra.Command{
		Use:   "clock --catalog WHERE",
		Short: "Show or reset the latest time at which signed links were checked",
		Long: `A catalog records, to the minute, the latest time at which a server checked a signed
link. If a clock is set back, links that had expired stay expired, even after a restart.

If a clock was far ahead by mistake, links expire too early. --reset sets the latest time
to the time of this machine. Stop all servers that use the catalog first: a running server
has the wrong time in memory, and stores it again. Links that expired only because of the
mistake work again. Links with a use limit that were used up and have
expired at the wrong time may work again, too: remove their key if that matters.`,
		Example: `  bailiwick catalog clock --catalog sqlite:/var/lib/bailiwick/uploads.db
  bailiwick catalog clock --reset --catalog sqlite:/var/lib/bailiwick/uploads.db`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.catalogClock(cmd.Context(), where, bool(reset))
		},
	}
	cmd.Flags().StringVar(&where, "catalog", "", catalogs.FlagUsage)
	cli.AddToggle(cmd, &reset, "reset", "", "set the latest time to the time of this machine")
	return cmd
}

func (a *app) catalogClock(ctx context.Context, where string, reset bool) error {
	if where == "" {
		return cli.Usagef("name the catalog: --catalog sqlite:PATH or postgres://…")
	}
	// Any source will do: the state of links belongs to the catalog.
	label, err := backends.Label("mem:")
	if err != nil {
		return err
	}
	cat, err := catalogs.OpenExisting(ctx, a.Env, where, label)
	if err != nil {
		return err
	}
	defer cat.Close()
	clock, ok := cat.(clockCatalog)
	if !ok {
		return cli.Failf("this catalog does not store the time of links; name another one with --catalog")
	}
	var latest time.Time
	if reset {
		latest, err = clock.ResetLatest(ctx)
	} else {
		latest, err = clock.Latest(ctx, time.Time{})
	}
	if err != nil {
		return catalogs.Error(a.Env, err)
	}
	out := cli.NewLineWriter(a.Out)
	if !latest.IsZero() {
		out.Columns(latest.Format(time.RFC3339))
	}
	if err := out.Close(); err != nil {
		return err
	}
	switch {
	case latest.IsZero():
		a.Say("no link has been checked yet")
	case reset && time.Now().Before(latest):
		a.Say("reset; a server that was running has the old time in memory, and stores it again: if there was one, stop all servers, and run this again")
	case reset:
		a.Say("not reset: the stored time is not ahead of the clock")
	}
	return nil
}
