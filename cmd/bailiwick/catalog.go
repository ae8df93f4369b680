package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/catalogs"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// catalogFlags are the flags of the catalog commands.
type catalogFlags struct {
	catalog   string
	olderThan cli.Duration
	of        string
	json      cli.Toggle
	deep      cli.Toggle
}

func (f *catalogFlags) register(cmd *cobra.Command, olderThan string) {
	f.olderThan = cli.Duration(catalogs.UploadAge)
	cmd.Flags().StringVar(&f.catalog, "catalog", "", catalogs.FlagUsage)
	cmd.Flags().Var(&f.olderThan, "older-than", olderThan)
}

func (a *app) catalogCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "catalog COMMAND",
		Short: "List uploads, check them against their catalog, clean up after a crash",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return cli.Usagef("catalog has no command %s; its commands are ls, check, sweep, rebind and clock", cli.Printable(args[0]))
			}
			return cli.Usagef("catalog needs a command: ls, check, sweep, rebind or clock; for example bailiwick catalog check SOURCE --catalog …")
		},
	}
	cmd.AddCommand(a.catalogListCommand(), a.catalogCheckCommand(), a.catalogSweepCommand(), a.catalogRebindCommand(), a.catalogClockCommand())
	return cmd
}

func (a *app) reconcileFailed(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return cli.Failf("the %s was interrupted", what)
	}
	return cli.Failf("the %s ended early: %s", what, cli.OneLine(err))
}
