package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/rewrite"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
)

func (a *app) keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys COMMAND",
		Short: "Create the keys of signed links and sessions",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return cli.Usagef("keys has no command %s; its command is new", cli.Printable(args[0]))
			}
			return cli.Usagef("keys needs a command: bailiwick keys new FILE")
		},
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "new FILE",
		Short: "Add a new key to a file of keys, and make the file if it is missing",
		Long: `New adds a random key as the first line of FILE, a file for serve --link-keys or
--session-keys, and prints the key's id. The first key is the one that signs new links and
seals new sessions; the others still verify links and open sessions. A missing FILE is
created, with mode 0600. Use a file of its own for each purpose.

To revoke everything made with a key, remove its line. Removing all but the first line
ends every earlier link, or session.

` + rewriting,
		Example: `  bailiwick keys new /etc/bailiwick/link-keys
  bailiwick keys new /etc/bailiwick/session-keys`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return cli.Usagef("keys new takes one FILE; see %s --help", cmd.CommandPath())
			}
			return nil
		},
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.keysNew(cmd.Context(), args[0])
		},
	})
	return cmd
}

func (a *app) keysNew(ctx context.Context, file string) error {
	var id string
	err := rewriteFile(ctx, file, rewrite.Options{
		Create: true,
		Check: func(path string) error {
			_, err := links.LoadKeys(path)
			return err
		},
	}, func(data []byte) (added []byte, err error) {
		added, id, err = links.AddKey(file, data)
		return added, err
	})
	if err != nil {
		return err
	}
	out := cli.NewLineWriter(a.Out)
	out.Line(id)
	return out.Close()
}
