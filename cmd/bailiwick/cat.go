package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

func (a *app) catCommand() *cobra.Command {
	var r cli.Rules
	cmd := &cobra.Command{
		Use:   "cat SOURCE NAME…",
		Short: "Write the bytes of objects to standard output",
		Long: `Cat writes the bytes of each NAME, a plain name, to standard output. Without an
--allow, it can read every object. The exit code is 1 if one is refused or missing.`,
		Example: `  bailiwick cat ./site index.html
  bailiwick cat s3://bucket/site index.html --allow '**/*.html'`,
		Args:              cli.SourceArguments(1, -1, "at least one NAME"),
		ValidArgsFunction: cli.CompleteSource,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.cat(cmd.Context(), args[0], args[1:], &r)
		},
	}
	r.Register(cmd)
	return cmd
}

func (a *app) cat(ctx context.Context, source string, names []string, r *cli.Rules) error {
	return a.eachName(ctx, source, names, r, func(jail *vfs.Jail, n vfs.Name) error {
		obj, err := jail.Get(ctx, n, vfs.Request{})
		if err != nil {
			return err
		}
		defer obj.Body.Close()
		_, err = io.Copy(cli.Output(a.Out), obj.Body)
		return err
	})
}
