package main

import (
	"github.com/spf13/cobra"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

// hasAccess reports whether access rules were given for a SOURCE.
func (a *app) hasAccess(cmd *cobra.Command) bool {
	return a.IsSet(cmd.Flags().Lookup("access"))
}

// newSourceExplainer judges as "serve SOURCE" would with the same rules, so by the
// configuration that serve makes of them and of the variables.
func (a *app) newSourceExplainer(cmd *cobra.Command, source string, f *explainFlags) (*configExplainer, error) {
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
	e := a.explainerOf(cfg, f)
	e.host = string(cfg.Mounts[0].Host)
	return e, nil
}
