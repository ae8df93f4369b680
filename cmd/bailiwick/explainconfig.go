package main

import (
	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/daemon"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// hasAccess reports whether access rules for a SOURCE were given.
func (a *app) hasAccess(cmd *cobra.Command) bool {
	return a.IsSet(cmd.Flags().Lookup("access"))
}

// newSourceExplainer returns an explainer of "serve SOURCE" with the same rules, that is, of
// the configuration that serve would build from the flags and variables.
func (a *app) newSourceExplainer(cmd *cobra.Command, source string, f *explainFlags) (*daemon.Explainer, error) {
	// Applying the variables of serve would change the origin of flags that both have.
	own := a.Given(cmd)
	serve, _, err := cmd.Root().Find([]string{"serve"})
	if err != nil {
		return nil, err
	}
	if err := a.Apply(serve); err != nil {
		return nil, err
	}
	given := []config.Given{{Key: config.SourceKey, Values: []string{source}, Origin: "SOURCE"}}
	given = append(append(given, a.Given(serve)...), own...)
	given = append(given,
		// NAME is a name in the source: ignore the path and host of the mount.
		config.Given{Key: config.Flags["mount-path"], Values: []string{"/"}, Origin: "SOURCE"},
	)
	// The question is whether the rules allow it, as without access rules.
	switch f.op.Value {
	case "list":
		given = append(given, config.Given{Key: config.Flags["list"], Values: []string{"true"}, Origin: "--op"})
	case "write", "delete":
		given = append(given, config.Given{Key: config.Flags["write"], Values: []string{"true"}, Origin: "--op"})
	}
	cfg, err := config.New(given...)
	if err != nil {
		return nil, a.ConfigError(err)
	}
	return daemon.NewExplainer(a.Streams, a.Env, cfg, vfs.Op(f.op.Value), f.as, string(cfg.Mounts[0].Host)), nil
}

// newConfigExplainer returns an explainer of "serve --config FILE".
func (a *app) newConfigExplainer(cmd *cobra.Command, f *explainFlags) (*daemon.Explainer, error) {
	cfg, _, err := a.loadConfig(cmd, []string{a.explainFile(cmd)})
	if err != nil {
		return nil, err
	}
	return daemon.NewExplainer(a.Streams, a.Env, cfg, vfs.Op(f.op.Value), f.as, f.host), nil
}

// explainFile returns the configuration file to explain, "" for a SOURCE. If rules for a
// SOURCE were given, the variable, which may be set for serve, does not count.
func (a *app) explainFile(cmd *cobra.Command) string {
	flags := cmd.Flags()
	if flags.Changed("config") {
		file, _ := flags.GetString("config")
		return file
	}
	for _, rule := range sourceRules {
		if flags.Changed(rule) {
			return ""
		}
	}
	return a.Variable(cli.ConfigVariable)
}

// sourceRules are the flags that correspond to keys of a mount.
var sourceRules = []string{"allow", "deny", "allow-file", "symlinks", "hard-links", "access", "group"}

// explainArguments accepts NAMES with a configuration file, else a SOURCE and NAMES.
func (a *app) explainArguments(cmd *cobra.Command, args []string) error {
	if a.explainFile(cmd) == "" {
		if cmd.Flags().Changed("config") {
			return cli.Usagef("--config: write the name of a file")
		}
		return cli.SourceArguments(1, -1, "at least one NAME")(cmd, args)
	}
	return configArguments(cmd, args)
}

// configArguments accepts NAMES, and no rules, with a configuration file.
func configArguments(cmd *cobra.Command, args []string) error {
	for _, rule := range sourceRules {
		if cmd.Flags().Changed(rule) {
			return cli.Usagef("--%s applies to a SOURCE; with --config, write the rules in the file", rule)
		}
	}
	if len(args) == 0 {
		return cli.Usagef("%s --config needs at least one NAME, the whole path of a request; see %s --help", cmd.Name(), cmd.CommandPath())
	}
	return nil
}
