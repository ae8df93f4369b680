package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// The help of serve has each flag once, in a group, and no line too long for a terminal.
// The most used flags come first, each with an example.
func TestServeHelp(t *testing.T) {
	var out bytes.Buffer
	if code := run(t.Context(), []string{"serve", "--help"}, nil, &out, &out, nil); code != cli.ExitDone {
		t.Fatalf("exit code %d", code)
	}
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 100 {
			t.Errorf("a line has %d columns: %s", n, line)
		}
	}
	shown := map[string]int{}
	var order []string
	for _, m := range flagLine.FindAllStringSubmatch(out.String(), -1) {
		shown[m[1]]++
		order = append(order, m[1])
	}
	a := &app{Env: cli.NewEnv(nil)}
	command, _, err := a.rootCommand().Find([]string{"serve"})
	if err != nil {
		t.Fatal(err)
	}
	command.InitDefaultHelpFlag()
	command.Flags().VisitAll(func(flag *pflag.Flag) {
		if n := shown[flag.Name]; n != 1 {
			t.Errorf("the help has --%s %d times: put it into a group of serveGroups", flag.Name, n)
		}
		delete(shown, flag.Name)
	})
	for name := range shown {
		t.Errorf("the help has --%s, but serve has no such flag", name)
	}
	want := []string{"allow", "deny", "list", "listen", "config"}
	if !slices.Equal(order[:len(want)], want) {
		t.Errorf("the help begins with %q, want %q", order[:len(want)], want)
	}
	for _, title := range []string{"Serving", "Rules", "Writing", "Cache", "Uploads", "Users", "TLS", "Limits", "Logs"} {
		if !strings.Contains(out.String(), "\n\n"+title+":\n") {
			t.Errorf("the help has no group %s", title)
		}
	}
	first := serveGroups[0]
	for i, name := range first.flags {
		if example := first.examples[i]; !strings.Contains(example, "--"+name+" ") && !strings.HasSuffix(example, "--"+name) {
			t.Errorf("the example of --%s does not use it: %s", name, example)
		}
		if !strings.Contains(out.String(), "          "+first.examples[i]+"\n") {
			t.Errorf("the help lacks the example of --%s", name)
		}
	}
}
