package main

import (
	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/copier"
)

func (a *app) syncCommand() *cobra.Command {
	var f copyFlags
	var remove cli.Toggle
	cmd := &cobra.Command{
		Use:   "sync FROM TO",
		Short: "Mirror a directory or prefix",
		Long: `Sync copies the objects of FROM to TO as cp does. Both are directories, prefixes
of S3 or other SOURCEs.

With --delete, sync then removes objects from TO that FROM does not have. It removes
nothing unless everything was copied: not after a refused or failed object, a failed
listing, or an interruption. Before it removes an object, it checks again that FROM
does not have it. It never removes names that the rules hide: without an --allow these
are dotfiles, unless --dotfiles is given. If FROM has no objects at all, sync removes
nothing and fails, because an unmounted disk looks the same. A directory of TO that
cannot be listed is reported as refused.`,
		Example: `  bailiwick sync ./site 's3://bucket/site?region=eu-central-1' --delete --dry-run
  bailiwick sync ./site ./backup --delete --allow '**/*.html'`,
		Args: copyArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.copy(cmd.Context(), args[0], args[1], &f, func(o *copier.Options) { o.Tree, o.Delete = true, bool(remove) })
		},
	}
	f.register(cmd, "are copied")
	cli.AddToggle(cmd, &remove, "delete", "", "remove objects from TO that FROM does not have, after everything was copied")
	return cmd
}
