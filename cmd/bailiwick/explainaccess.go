package main

import (
	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/daemon"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// hasAccess reports whether access rules were given for a SOURCE.
func (a *app) hasAccess(cmd *cobra.Command) bool {
	return a.IsSet(cmd.Flags().Lookup("access"))
}

// newSourceExplainer judges as "serve SOURCE" would with the same rules, so by the
// configuration that serve makes of them and of the variables.
func (a *app) newSourceExplainer(cmd *cobra.Command, source string, f *explainFlags) (*daemon.Explainer, error) {
	// The variables of serve are next, and a flag that both have keeps one origin.
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
		// NAME is the name in the source, wherever that is served.
		config.Given{Key: config.Flags["mount-path"], Values: []string{"/"}, Origin: "SOURCE"},
	)
	// What is asked is whether the rules let it, as without access rules.
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

// newConfigExplainer judges as "serve --config FILE" would.
func (a *app) newConfigExplainer(cmd *cobra.Command, f *explainFlags) (*daemon.Explainer, error) {
	cfg, _, err := a.loadConfig(cmd, []string{a.explainFile(cmd)})
	if err != nil {
		return nil, err
	}
	return daemon.NewExplainer(a.Streams, a.Env, cfg, vfs.Op(f.op.Value), f.as, f.host), nil
}

// explainFile returns the configuration that explain is about, "" if it is about a
// SOURCE. A variable that is there for serve does not take over where the rules of a
// SOURCE were given.
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

// sourceRules are the flags that a configuration has as keys of its mounts.
var sourceRules = []string{"allow", "deny", "allow-file", "symlinks", "hard-links", "access", "group"}

// explainArguments takes NAMES where a configuration says what is served, else a
// SOURCE before them.
func (a *app) explainArguments(cmd *cobra.Command, args []string) error {
	if a.explainFile(cmd) == "" {
		if cmd.Flags().Changed("config") {
			return cli.Usagef("--config: write the name of a file")
		}
		return cli.SourceArguments(1, -1, "at least one NAME")(cmd, args)
	}
	for _, rule := range sourceRules {
		if cmd.Flags().Changed(rule) {
			return cli.Usagef("--%s is for a SOURCE; with --config the rules are those in the file", rule)
		}
	}
	if len(args) == 0 {
		return cli.Usagef("explain --config needs at least one NAME, the whole path of a request; see %s --help", cmd.CommandPath())
	}
	return nil
}
