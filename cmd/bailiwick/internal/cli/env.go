package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

// An Env is the environment of one run of the command: the variables that mirror its
// flags, and which flags got their value from one. It is not safe for concurrent use
// until Apply has returned.
type Env struct {
	entries []string          // KEY=VALUE
	origins map[string]string // the variable that set a flag, by the flag's name
	files   map[string]string // the file that such a variable named, if it names one
}

// NewEnv returns the environment that os.Environ describes.
func NewEnv(entries []string) *Env { return &Env{entries, map[string]string{}, map[string]string{}} }

// Variable returns the value of a variable, "" if it is not set.
func (e *Env) Variable(key string) string {
	value := ""
	for _, entry := range e.entries {
		if k, v, _ := strings.Cut(entry, "="); k == key {
			value = v
		}
	}
	return value
}

// Apply sets cmd's flags from their variables. A flag given on the command line keeps its
// value. A variable that is misspelled or has an invalid value is an error that names it:
// ignoring BAILIWICK_DENNY would expose the names that it should deny.
func (e *Env) Apply(cmd *cobra.Command) error {
	known := mirrorsOf(cmd)
	for _, entry := range e.entries {
		key, value, _ := strings.Cut(entry, "=")
		if value == "" || !strings.HasPrefix(key, EnvPrefix) {
			continue
		}
		name, isFile, err := known.flagOf(key)
		if err != nil {
			return err
		}
		flag := cmd.Flags().Lookup(name)
		if flag == nil || flag.Changed || !hasVariable(flag) {
			continue
		}
		if isFile {
			e.files[flag.Name] = value
			if value, err = e.readSecret(flag.Name, key, value); err != nil {
				return err
			}
		}
		values := []string{value}
		if flag.Value.Type() == "stringArray" {
			// Without any, the variable counts as unset: it must not clear the list of a file.
			if values = nonEmptyLines(value); len(values) == 0 {
				continue
			}
		}
		if err := setFlag(flag, key, values); err != nil {
			return err
		}
		e.origins[flag.Name] = key
	}
	return nil
}

// setFlag gives a flag the values of the variable key.
func setFlag(flag *pflag.Flag, key string, values []string) error {
	for _, v := range values {
		if err := flag.Value.Set(v); err != nil {
			if slices.Contains(config.Secrets, flag.Name) {
				return Usagef("the variable %s: %s", key, err)
			}
			return Usagef("the variable %s=%s: %s", key, Printable(v), err)
		}
	}
	return nil
}

// nonEmptyLines returns the lines of s that are not empty.
func nonEmptyLines(s string) []string {
	var out []string
	for line := range strings.Lines(s) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// Given returns the configuration values that cmd's flags and their variables set. A flag
// whose variable belongs to another command is left out. A variable that names a file sets the
// key for that file, so that it is read whenever the configuration is.
func (e *Env) Given(cmd *cobra.Command) []config.Given {
	var all []config.Given
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		key, ok := config.Flags[flag.Name]
		if !ok || !hasVariable(flag) || !e.IsSet(flag) {
			return
		}
		values := []string{flag.Value.String()}
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		if file, ok := e.files[flag.Name]; ok && !flag.Changed {
			key, values = key+config.FileSuffix, []string{file}
		}
		all = append(all, config.Given{Key: key, Values: values, Origin: e.Origin(flag.Name)})
	})
	return all
}

// IsSet reports whether a flag was given, on the command line or by its variable.
func (e *Env) IsSet(flag *pflag.Flag) bool {
	_, byVariable := e.origins[flag.Name]
	return flag.Changed || byVariable
}

// Origin names where a flag's value came from, for messages about it.
func (e *Env) Origin(flag string) string {
	if key, ok := e.origins[flag]; ok {
		return key
	}
	return "--" + flag
}
