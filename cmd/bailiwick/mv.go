package main

import (
	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/copier"
)

func (a *app) mvCommand() *cobra.Command {
	var f copyFlags
	cmd := &cobra.Command{
		Use:   "mv FROM TO",
		Short: "Move objects between sources and files",
		Long: `Mv copies FROM to TO as cp does, and removes each object from FROM after it is copied.
FROM and TO are as for cp, but not -.

Before mv removes an object, it checks that TO has the object it wrote; --checksum
reads it back and compares the bytes. If TO already had an object of the same size,
mv always compares the bytes. It removes only the version that it copied, and keeps
an object that changed meanwhile. Links are neither moved nor followed, and names that
the rules hide are not moved. FROM itself must not be a link. A directory is removed
with the last object in it.

If mv is interrupted, each object is at FROM, at TO or at both. Run it again to
continue.`,
		Example: `  bailiwick mv ./incoming 's3://bucket/archive/?region=eu-central-1'
  bailiwick mv s3://bucket/old s3://bucket/new --allow '**/*.jpg' --dry-run`,
		Args: copyArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.copy(cmd.Context(), args[0], args[1], &f, func(o *copier.Options) { o.Move = true })
		},
	}
	f.register(cmd, "are moved")
	return cmd
}
