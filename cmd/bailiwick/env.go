package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/spelling"
)

// envPrefix begins the variables that mirror the flags: BAILIWICK_ALLOW_FILE is
// --allow-file. A flag that was given overrides its variable, an empty variable
// is none, and a variable of a flag that repeats has a value on each line.
const envPrefix = "BAILIWICK_"

// mirrored returns the flags of cmd and the commands below it, all of which have
// a variable, in order and each once.
func mirrored(cmd *cobra.Command) []string {
	var names []string
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			names = append(names, f.Name)
		}
	})
	for _, sub := range cmd.Commands() {
		// The flags of these are cobra's own.
		if sub.Name() != "completion" && sub.Name() != "help" {
			names = append(names, mirrored(sub)...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func envName(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// applyEnv gives cmd's flags the values of their variables. A variable that
// cannot be used is an error that names it, and so is a misspelled one: a
// BAILIWICK_DENNY that goes unnoticed would leave exposed what was to be denied.
func (a *app) applyEnv(cmd *cobra.Command) error {
	flags := mirrored(cmd.Root())
	names := make([]string, len(flags))
	for i, flag := range flags {
		names[i] = envName(flag)
	}
	for _, entry := range a.environ {
		key, value, _ := strings.Cut(entry, "=")
		if value == "" || !strings.HasPrefix(key, envPrefix) {
			continue
		}
		i := slices.Index(names, key)
		if secret := secretOf(key, names, flags); secret >= 0 {
			// A secret in the environment is seen by every child process; its file
			// is not.
			if a.variable(names[secret]) != "" {
				return usagef("the variables %s and %s are both set; leave one", names[secret], key)
			}
			line, err := config.ReadSecret(value)
			if err != nil {
				return usagef("the variable %s: %s", key, oneLine(err))
			}
			i, value = secret, line
		}
		if i < 0 {
			near := spelling.Nearest(strings.TrimPrefix(key, envPrefix), trimmed(names))
			// As by _FILE for a secret: it would leave open what users or a deny close.
			if plain := strings.TrimSuffix(key, "_FILE"); plain != key && holdsFile(cmd, names, flags, plain) {
				near = strings.TrimPrefix(plain, envPrefix)
			}
			if near != "" {
				return usagef("the variable %s means nothing; is it %s?", printable(key), envPrefix+near)
			}
			continue
		}
		flag := cmd.Flags().Lookup(flags[i])
		if flag == nil || flag.Changed || !hasVariable(flag) {
			continue
		}
		values := []string{value}
		if flag.Value.Type() == "stringArray" {
			values = lines(value)
		}
		for _, v := range values {
			if err := flag.Value.Set(v); err != nil {
				if slices.Contains(config.Secrets, flag.Name) {
					return usagef("the variable %s: %s", key, err)
				}
				return usagef("the variable %s=%s: %s", key, printable(v), err)
			}
		}
		a.origins[flag.Name] = key
	}
	return nil
}

// withoutVariable leaves the variable of a flag to another command, where the flag
// means something else.
func withoutVariable(cmd *cobra.Command, flag string) {
	if err := cmd.Flags().SetAnnotation(flag, noVariable, nil); err != nil {
		panic(err)
	}
}

const noVariable = "bailiwick-no-variable"

func hasVariable(flag *pflag.Flag) bool {
	_, without := flag.Annotations[noVariable]
	return !without
}

// secretOf returns which flag, a secret, has its value in the file that the variable
// key names; -1 for none.
func secretOf(key string, names, flags []string) int {
	i := slices.Index(names, strings.TrimSuffix(key, "_FILE"))
	if i < 0 || names[i] == key || !slices.Contains(config.Secrets, flags[i]) {
		return -1
	}
	return i
}

// holdsFile reports whether the variable key is of a flag of cmd that takes a file or a
// list, which is what people keep in files.
func holdsFile(cmd *cobra.Command, names, flags []string, key string) bool {
	i := slices.Index(names, key)
	if i < 0 {
		return false
	}
	flag := cmd.Flags().Lookup(flags[i])
	if flag == nil {
		return false
	}
	takes, _ := pflag.UnquoteUsage(flag)
	return takes == "FILE" || flag.Value.Type() == "stringArray"
}

// origin names where a flag's value came from, for messages about it.
func (a *app) origin(flag string) string {
	if key, ok := a.origins[flag]; ok {
		return key
	}
	return "--" + flag
}

func trimmed(names []string) []string {
	short := make([]string, len(names))
	for i, n := range names {
		short[i] = strings.TrimPrefix(n, envPrefix)
	}
	return short
}

// lines returns the lines of s that are not empty.
func lines(s string) []string {
	var out []string
	for line := range strings.Lines(s) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			out = append(out, line)
		}
	}
	return out
}
