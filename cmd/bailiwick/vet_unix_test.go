//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An interruption and a go command that is too old do not look like findings, or like none.
func TestVetWithoutResult(t *testing.T) {
	for what, c := range map[string]struct {
		version, vet string
		code         int
		says         string
	}{
		"old":         {"go1.25.9", "exit 0", 2, "older than go1.26"},
		"very old":    {"go1.9", "exit 0", 2, "older than go1.26"},
		"nonsense":    {"tip", "exit 0", 2, "older than go1.26"},
		"no version":  {"", "exit 0", 2, "older than go1.26"},
		"1.26":        {"go1.26", "exit 0", 0, ""},
		"a candidate": {"go1.27rc1 X:nodwarf5", "exit 0", 0, ""},
		"development": {"devel go1.27-0123456 Mon Jan 5 00:00:00 2026 +0000", "exit 0", 0, ""},
		"interrupted": {"go1.26.1", "kill -INT $PPID; exec sleep 60", 2, "interrupted"},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			script := "#!/bin/sh\nif [ \"$1\" = env ]; then echo '" + c.version + "'; exit; fi\n" + c.vet + "\n"
			if err := os.WriteFile(filepath.Join(dir, "go"), []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
			cmd := command("vet", "./...")
			cmd.Env = append(cmd.Env, "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))
			out, _ := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(string(out), c.says) {
				t.Errorf("exit code %d, want %d:\n%s", code, c.code, out)
			}
		})
	}
}

// The name of a file in a line directive does not reach the terminal as it is.
func TestVetOfHostileSource(t *testing.T) {
	dir := tree(t, map[string]string{
		"go.mod": "module example.com/hostile\n\ngo 1.26\n",
		"a.go": "package hostile\n\nimport (\n\t\"net/http\"\n\t\"os\"\n)\n\n//line \x1b]0;owned\ax.go:1\n" +
			"func Serve(w http.ResponseWriter, r *http.Request) { os.Open(r.FormValue(\"name\")) }\n",
	})
	cmd := command("vet", ".")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err == nil || !strings.Contains(string(out), "BW001") {
		t.Fatalf("%v: %q", err, out)
	}
	if strings.ContainsAny(string(out), "\x1b\a") {
		t.Errorf("control characters: %q", out)
	}
}
