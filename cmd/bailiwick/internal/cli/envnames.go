package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/spelling"
)

// EnvPrefix begins the variables that mirror the flags: BAILIWICK_ALLOW_FILE is
// --allow-file. A flag that was given overrides its variable, an empty variable
// counts as unset, and the variable of a repeatable flag has one value per line.
const EnvPrefix = "BAILIWICK_"

// ConfigVariable names the configuration file.
const ConfigVariable = EnvPrefix + "CONFIG"

// mirrors are the flags of all commands and the variables that mirror them.
type mirrors struct {
	cmd   *cobra.Command // the command that runs
	flags []string
	vars  []string // by the index of flags
}

func mirrorsOf(cmd *cobra.Command) mirrors {
	m := mirrors{cmd: cmd, flags: Mirrored(cmd.Root())}
	m.vars = make([]string, len(m.flags))
	for i, flag := range m.flags {
		m.vars[i] = VariableName(flag)
	}
	return m
}

// Mirrored returns the flags of cmd and the commands below it, all of which have
// a variable, sorted and without duplicates.
func Mirrored(cmd *cobra.Command) []string {
	var names []string
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			names = append(names, f.Name)
		}
	})
	for _, sub := range cmd.Commands() {
		// The flags of these are cobra's own.
		if sub.Name() != "completion" && sub.Name() != "help" {
			names = append(names, Mirrored(sub)...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func VariableName(flag string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// flagOf returns the flag that the variable key sets, "" if it sets none. A variable KEY_FILE
// of a secret names the file that has the value: every child process sees the environment, but
// not that file.
func (m *mirrors) flagOf(key string) (flag string, isFile bool, err error) {
	if i := slices.Index(m.vars, key); i >= 0 {
		return m.flags[i], false, nil
	}
	if i := m.secret(key); i >= 0 {
		return m.flags[i], true, nil
	}
	if near := m.nearest(key); near != "" {
		return "", false, Usagef("unknown variable %s; did you mean %s?", Printable(key), near)
	}
	return "", false, nil
}

// readSecret returns the value of a flag from the file that the variable key names.
func (e *Env) readSecret(flag, key, file string) (string, error) {
	if plain := VariableName(flag); e.Variable(plain) != "" {
		return "", Usagef("the variables %s and %s are both set; unset one of them", plain, key)
	}
	line, err := config.ReadSecret(file)
	if err != nil {
		return "", Usagef("the variable %s: %s", key, OneLine(err))
	}
	return line, nil
}

// secret returns the index of the secret flag whose value is in the file that the variable
// key names, -1 if there is none.
func (m *mirrors) secret(key string) int {
	i := slices.Index(m.vars, strings.TrimSuffix(key, "_FILE"))
	if i < 0 || m.vars[i] == key || !slices.Contains(config.Secrets, m.flags[i]) {
		return -1
	}
	return i
}

// nearest returns the variable that key probably misspells, "" if there is none.
func (m *mirrors) nearest(key string) string {
	// Someone may expect _FILE to work as it does for a secret. Ignoring the variable would
	// drop the users or the deny rules in that file.
	if plain := strings.TrimSuffix(key, "_FILE"); plain != key && m.takesFile(plain) {
		return plain
	}
	short := make([]string, len(m.vars))
	for i, v := range m.vars {
		short[i] = strings.TrimPrefix(v, EnvPrefix)
	}
	near := spelling.Nearest(strings.TrimPrefix(key, EnvPrefix), short)
	if near == "" {
		return ""
	}
	return EnvPrefix + near
}

// takesFile reports whether the variable key mirrors a flag of the command whose value is a
// file or a list. People keep lists in files, too.
func (m *mirrors) takesFile(key string) bool {
	i := slices.Index(m.vars, key)
	if i < 0 {
		return false
	}
	flag := m.cmd.Flags().Lookup(m.flags[i])
	if flag == nil {
		return false
	}
	takes, _ := pflag.UnquoteUsage(flag)
	return takes == "FILE" || flag.Value.Type() == "stringArray"
}

// WithoutVariable gives the flag no variable: another command has a flag of the same name
// that means something else, and the variable sets that one.
func WithoutVariable(cmd *cobra.Command, flag string) {
	if err := cmd.Flags().SetAnnotation(flag, noVariable, nil); err != nil {
		panic(err)
	}
}

const noVariable = "bailiwick-no-variable"

func hasVariable(flag *pflag.Flag) bool {
	_, without := flag.Annotations[noVariable]
	return !without
}
