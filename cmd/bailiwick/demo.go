package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/daemon"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/demo"
)

func (a *app) demoCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Serve a made-up site to try the server with",
		Long: `Demo serves a small made-up site on a free port of this machine: files of every kind, a
directory in which anyone can write, directories for users who sign in, and uploads. It
prints the URL, two users with passwords made for this run, and what to try.

The files are in memory. Users and uploads are in a temporary directory. All of it is gone
at the end (Ctrl-C).`,
		Example: `  bailiwick demo
  bailiwick demo --listen 127.0.0.1:8080`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return cli.Usagef("demo takes no argument; to serve %s: bailiwick serve %[1]s --allow '**/*.html'", cli.Printable(args[0]))
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			users := demo.NewUsers()
			return daemon.ServeDemo(cmd.Context(), a.Streams, a.Env, daemon.Demo{
				Configure: func(dir string) (string, error) { return demo.Configure(dir, users) },
				Fill:      demo.Fill,
				Started:   func(url string) { fmt.Fprint(a.Out, demo.Welcome(url, users)) },
			}, a.Given(cmd))
		},
	}
	cmd.Flags().StringArray("listen", []string{"127.0.0.1:0"}, "`ADDRESS` to listen on; port 0 takes a free one (repeat for more)")
	return cmd
}
