package main

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// layers are the packages of the command from top to bottom. A package may import only
// packages in lower lines.
var layers = [][]string{
	{"."},
	{"internal/daemon", "internal/copier", "internal/prober"},
	{"internal/catalogs", "internal/review"},
	{"internal/explain"},
	{"internal/rewrite"},
	{"internal/cli"},
	{"internal/routing"},
	{"internal/config"},
	{"internal/sandbox", "internal/vet"},
	{"docs", "internal/demo", "internal/metrics", "internal/overlap", "internal/spelling", "internal/systemd", "internal/tempdir"},
}

// layerOf returns the index of the package's line in layers, or -1.
func layerOf(pkg string) int {
	return slices.IndexFunc(layers, func(line []string) bool { return slices.Contains(line, pkg) })
}

// layerBreaches returns a line for each import of a package that is not in a lower layer.
func layerBreaches(imports map[string][]string) []string {
	var lines []string
	for from, all := range imports {
		if layerOf(from) < 0 {
			lines = append(lines, from+" has no layer: give it one in imports_test.go")
			continue
		}
		for _, to := range all {
			if layerOf(to) <= layerOf(from) {
				lines = append(lines, from+" imports "+to+", which does not lie below it: what both need belongs below both, so that each can be read without the other")
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// TestImportsLeadDownwards checks the layers of the command's packages for every supported
// operating system, because their files differ.
func TestImportsLeadDownwards(t *testing.T) {
	for _, goos := range []string{"linux", "darwin", "windows"} {
		t.Run(goos, func(t *testing.T) {
			imports := importsOfCommand(t, goos)
			for _, line := range layerBreaches(imports) {
				t.Error(line)
			}
			for _, line := range layers {
				for _, pkg := range line {
					if _, ok := imports[pkg]; !ok {
						t.Errorf("go list does not list %s: remove it from the layers", pkg)
					}
				}
			}
		})
	}
}

// importsOfCommand returns the imports among the command's packages, with paths relative
// to the command's own.
func importsOfCommand(t *testing.T, goos string) map[string][]string {
	t.Helper()
	const command = "github.com/bailiwick-fs/bailiwick/cmd/bailiwick"
	relative := func(path string) (string, bool) {
		if path == command {
			return ".", true
		}
		return strings.CutPrefix(path, command+"/")
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	cmd.Env = append(os.Environ(), "GOOS="+goos, "CGO_ENABLED=0")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	imports := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		from, ok := relative(words[0])
		if !ok {
			t.Fatalf("go list lists %s, which is not part of the command", words[0])
		}
		imports[from] = nil
		for _, path := range words[1:] {
			if to, ok := relative(path); ok {
				imports[from] = append(imports[from], to)
			}
		}
	}
	return imports
}

// Each wrong import is reported, and the allowed ones are not.
func TestLayerBreaches(t *testing.T) {
	for _, c := range []struct {
		from, to string
		breaks   bool
	}{
		{".", "internal/daemon", false},
		{"internal/daemon", "internal/cli", false},
		{"internal/copier", "internal/cli", false},
		{"internal/cli", "internal/config", false},
		{"internal/cli", "internal/daemon", true},
		{"internal/cli", "internal/copier", true},
		{"internal/daemon", "internal/copier", true},
		{"internal/copier", "internal/daemon", true},
		{"internal/explain", "internal/daemon", true},
		{"internal/config", "internal/cli", true},
		{"internal/daemon", "internal/unheard", true},
		{"internal/unheard", "internal/cli", true},
	} {
		got := layerBreaches(map[string][]string{c.from: {c.to}})
		if (len(got) > 0) != c.breaks {
			t.Errorf("%s imports %s: got %q, want a breach: %v", c.from, c.to, got, c.breaks)
		}
	}
}
