package main

import (
	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/docs"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

func (a *app) configCommand() *cobra.Command {
	group := &cobra.Command{
		Use:   "config COMMAND",
		Short: "Check and show a configuration file",
		Long: `What serve --config reads is one YAML file. Flags go before the variables
BAILIWICK_*, those before the file, and that before the defaults; so check and show
heed the variables, too. Without FILE it is the one that BAILIWICK_CONFIG names.`,
		Example: `  bailiwick config check /etc/bailiwick/bailiwick.yaml
  bailiwick config show bailiwick.yaml
  bailiwick config schema > bailiwick.schema.json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no command config %s; there are check, show, schema and reference", printable(args[0]))
			}
			return usagef("config needs to know what to do: check, show, schema or reference; see %s --help", cmd.CommandPath())
		},
	}
	group.AddCommand(
		&cobra.Command{
			Use:   "check [FILE]",
			Short: "Say what is wrong in a file and in those that it names",
			Long: `Check reads the file, and the local files that it names: lists of names, users,
tokens, keys and certificates. It connects to nothing. Each line of standard error
says where something is wrong, FILE:LINE, and what to do; exit 2 then.`,
			Args: a.fileArgument,
			RunE: func(cmd *cobra.Command, args []string) error {
				c, file, err := a.loadConfig(cmd, args)
				if err != nil {
					return err
				}
				if err := c.Check(); err != nil {
					return a.configError(err)
				}
				if err := refuseOwn(c); err != nil {
					return err
				}
				out := newLineWriter(a.stdout)
				out.line(printable(file) + ": all right, " + count(len(c.Mounts), "mount"))
				return out.close()
			},
		},
		&cobra.Command{
			Use:   "show [FILE]",
			Short: "Print a file with all defaults filled in and secrets masked",
			Args:  a.fileArgument,
			RunE: func(cmd *cobra.Command, args []string) error {
				c, _, err := a.loadConfig(cmd, args)
				if err != nil {
					return err
				}
				text, err := c.YAML()
				if err != nil {
					return failf("%s", oneLine(err))
				}
				return a.print(string(text))
			},
		},
		&cobra.Command{
			Use:   "schema",
			Short: "Print the JSON schema of the file, for editors",
			Args:  noArguments,
			RunE:  func(*cobra.Command, []string) error { return a.print(config.Schema) },
		},
		&cobra.Command{
			Use:   "reference",
			Short: "Print what each key of the file means, as Markdown",
			Args:  noArguments,
			RunE:  func(*cobra.Command, []string) error { return a.print(docs.Reference) },
		},
	)
	return group
}

// fileArgument takes one FILE, or none where a variable names it.
func (a *app) fileArgument(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) > 1:
		return usagef("%s takes one FILE, and got %s, too", cmd.CommandPath(), printable(args[1]))
	case len(args) == 0 && a.variable(configVariable) == "":
		return usagef("%s needs a FILE, or the variable %s that names it", cmd.CommandPath(), configVariable)
	}
	return nil
}

// loadConfig reads the file of a command, with the variables laid over it as serve
// does.
func (a *app) loadConfig(cmd *cobra.Command, args []string) (c *config.Config, file string, err error) {
	file = a.variable(configVariable)
	if len(args) > 0 {
		file = args[0]
	}
	serve, _, err := cmd.Root().Find([]string{"serve"})
	if err != nil {
		return nil, "", err
	}
	if err := a.apply(serve); err != nil {
		return nil, "", err
	}
	if c, err = config.Load(file, a.given(serve)...); err != nil {
		return nil, "", a.configError(err)
	}
	return c, file, nil
}
