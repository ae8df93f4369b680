package main

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/docs"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

// Every flag of serve has a configuration key, every key in config.Flags has its flag, and
// both have the same default.
func TestFlagsHaveKeys(t *testing.T) {
	a := &app{Env: cli.NewEnv(nil)}
	flags := a.serveCommand().Flags()
	flags.VisitAll(func(flag *pflag.Flag) {
		if _, ok := config.Flags[flag.Name]; !ok && flag.Name != "config" && flag.Name != "strict" {
			t.Errorf("--%s has no key in config.Flags", flag.Name)
		}
	})
	for name, key := range config.Flags {
		flag := flags.Lookup(name)
		if flag == nil {
			t.Errorf("config.Flags maps --%s to %s, but serve has no such flag", name, key)
			continue
		}
		row := regexp.MustCompile("(?m)^\\| `[a-z_]+` \\| (.*?) \\| `?([^|`]*)`? \\| .* Flag: `--" + name + "`\\.").FindStringSubmatch(docs.Reference)
		if row == nil {
			t.Errorf("the reference does not have --%s", name)
			continue
		}
		_, isList := flag.Value.(pflag.SliceValue)
		if list := strings.HasPrefix(row[1], "list") || strings.HasSuffix(row[1], "or a list") || name == "group"; isList != list {
			t.Errorf("--%s can be repeated: %t, but its key takes %s", name, isList, row[1])
		}
		shown, want := strings.Trim(flag.DefValue, "[]"), row[2]
		if d, err := time.ParseDuration(shown); err == nil {
			if w, err := time.ParseDuration(want); err == nil && w == d {
				continue
			}
		}
		if shown != want && want != "required" && name != "acme-directory" && !(name == "uploads" && shown == "false") {
			t.Errorf("--%s has the default %q, but its key has %q", name, shown, want)
		}
	}
}
