package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

// configVariable names the configuration file.
const configVariable = envPrefix + "CONFIG"

// given returns what cmd's flags and their variables have for the configuration. A flag
// that leaves its variable to another command means nothing there, either.
func (a *app) given(cmd *cobra.Command) []config.Given {
	var all []config.Given
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		key, ok := config.Flags[flag.Name]
		if _, byVariable := a.origins[flag.Name]; !ok || !hasVariable(flag) || !flag.Changed && !byVariable {
			return
		}
		values := []string{flag.Value.String()}
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		all = append(all, config.Given{Key: key, Values: values, Origin: a.origin(flag.Name)})
	})
	return all
}

// variable returns the value of a variable of the environment, "" for none.
func (a *app) variable(name string) string {
	value := ""
	for _, entry := range a.environ {
		if key, v, _ := strings.Cut(entry, "="); key == name {
			value = v
		}
	}
	return value
}
