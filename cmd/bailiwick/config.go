package main

import (
	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/docs"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/daemon"
)

func (a *app) configCommand() *cobra.Command {
	group := &cobra.Command{
		Use:   "config COMMAND",
		Short: "Check and show a configuration file",
		Long: `The configuration of serve --config is one YAML file. Flags override the variables
BAILIWICK_*, which override the file; check and show also apply the variables. Without
FILE they read the file that BAILIWICK_CONFIG names.`,
		Example: `  bailiwick config check /etc/bailiwick/bailiwick.yaml
  bailiwick config show bailiwick.yaml
  bailiwick config schema > bailiwick.schema.json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return cli.Usagef("config has no command %s; its commands are check, show, schema and reference", cli.Printable(args[0]))
			}
			return cli.Usagef("config needs a command: check, show, schema or reference; see %s --help", cmd.CommandPath())
		},
	}
	group.AddCommand(
		a.configCheckCommand(),
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
					return cli.Failf("%s", cli.OneLine(err))
				}
				return a.Print(string(text))
			},
		},
		&cobra.Command{
			Use:   "schema",
			Short: "Print the JSON schema of the file, for editors",
			Args:  cli.NoArguments,
			RunE:  func(*cobra.Command, []string) error { return a.Print(config.Schema) },
		},
		&cobra.Command{
			Use:   "reference",
			Short: "Print what each key of the file means, as Markdown",
			Args:  cli.NoArguments,
			RunE:  func(*cobra.Command, []string) error { return a.Print(docs.Reference) },
		},
	)
	return group
}

// strictUsage is the help of --strict.
const strictUsage = "treat warnings about the configuration as errors (exit 2)"

func (a *app) configCheckCommand() *cobra.Command {
	var strict cli.Toggle
	cmd := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Report mistakes in a file and in the files that it names",
		Long: `Check reads the file, and the local files that it names: lists of names, users,
tokens, keys and certificates. It makes no connections. For each mistake it prints the
position, FILE:LINE, and a solution to standard error, and exits with 2.

Like the start of serve, it warns about rules that match nothing in their source, unknown
users in access rules, listings that no access rule grants, and passwords and tokens that
cross a network without TLS. It scans local directories for up to a second, and does not
check the rules of other, larger or missing sources.
With --strict, warnings are errors.`,
		Args: a.fileArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return a.configCheck(cmd, args, bool(strict)) },
	}
	cli.AddToggle(cmd, &strict, "strict", "", strictUsage)
	return cmd
}

func (a *app) configCheck(cmd *cobra.Command, args []string, strict bool) error {
	c, file, err := a.loadConfig(cmd, args)
	if err != nil {
		return err
	}
	if err := c.Check(); err != nil {
		return a.ConfigError(err)
	}
	if err := daemon.CheckOwnFiles(c); err != nil {
		return err
	}
	found, err := daemon.Review(cmd.Context(), a.Env, c)
	if err != nil {
		return a.ConfigError(err)
	}
	if strict {
		if err := daemon.StrictError(a.Env, found.Warnings); err != nil {
			return a.ConfigError(err)
		}
	}
	verdict := "ok, "
	if n := len(found.Warnings); n > 0 {
		verdict = "no errors, " + cli.Count(n, "warning") + ", "
	}
	for _, w := range found.Warnings {
		a.Say("warning: %s", w)
	}
	out := cli.NewLineWriter(a.Out)
	out.Line(cli.Printable(file) + ": " + verdict + cli.Count(len(c.Mounts), "mount"))
	return out.Close()
}

// fileArgument accepts one FILE, or none if a variable names it.
func (a *app) fileArgument(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) > 1:
		return cli.Usagef("%s accepts one FILE, but also got %s; remove it", cmd.CommandPath(), cli.Printable(args[1]))
	case len(args) == 0 && a.Variable(cli.ConfigVariable) == "":
		return cli.Usagef("%s needs a FILE, or the variable %s with its name", cmd.CommandPath(), cli.ConfigVariable)
	}
	return nil
}

// loadConfig reads the FILE of a command. As in serve, variables override it.
func (a *app) loadConfig(cmd *cobra.Command, args []string) (c *config.Config, file string, err error) {
	file = a.Variable(cli.ConfigVariable)
	if len(args) > 0 {
		file = args[0]
	}
	serve, _, err := cmd.Root().Find([]string{"serve"})
	if err != nil {
		return nil, "", err
	}
	if err := a.Apply(serve); err != nil {
		return nil, "", err
	}
	if c, err = config.Load(file, a.Given(serve)...); err != nil {
		return nil, "", a.ConfigError(err)
	}
	return c, file, nil
}
