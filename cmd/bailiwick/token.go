package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/rewrite"
	"github.com/bailiwick-fs/bailiwick/server/auth/tokens"
)

func (a *app) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token COMMAND",
		Short: "Create bearer tokens",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return cli.Usagef("token has no command %s; its command is new", cli.Printable(args[0]))
			}
			return cli.Usagef("token needs a command: bailiwick token new FILE NAME")
		},
	}
	var force cli.Toggle
	create := &cobra.Command{
		Use:   "new FILE NAME",
		Short: "Create a token for a user, print it, and add its hash to a file",
		Long: `New creates a random token for the user NAME, adds its SHA-256 to FILE, a file for serve
--tokens, and prints the token. FILE does not contain it, so it cannot be printed again. A
missing FILE is created, with mode 0600.

A user can have several tokens. To revoke one, remove its line; the last line is that of
the newest token.

` + plainNames + rewriting,
		Example:           `  bailiwick token new /etc/bailiwick/tokens robot`,
		Args:              fileAndName,
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.tokenNew(cmd.Context(), args[0], args[1], bool(force))
		},
	}
	addForce(create, &force)
	cmd.AddCommand(create)
	return cmd
}

func (a *app) tokenNew(ctx context.Context, file, user string, force bool) error {
	if err := tokens.CheckName(user); err != nil {
		return wrongName(user, err)
	}
	if err := checkPlain(user, force); err != nil {
		return err
	}
	token := tokens.New()
	err := rewriteFile(ctx, file, rewrite.Options{
		Create: true,
		Check: func(path string) error {
			_, err := tokens.Load(path, tokens.Options{})
			return err
		},
	}, func(data []byte) ([]byte, error) {
		return tokens.Add(file, data, user, token)
	})
	if err != nil {
		return err
	}
	out := cli.NewLineWriter(a.Out)
	out.Line(token)
	if err := out.Close(); err != nil {
		return cli.Failf("%s; nobody has seen the token: remove the last line of %s", cli.OneLine(err), cli.Printable(file))
	}
	return nil
}
