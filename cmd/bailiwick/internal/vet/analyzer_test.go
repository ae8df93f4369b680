package vet_test

import (
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/vet"
)

// The packages in testdata have a comment at each line that is to be found, and lines like
// it that are not.
func TestFindings(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), vet.Analyzer,
		"names", "calls", "serving", "checking", "archives", "objects", "routing", "routingclean", "uploads", "ignoring", "generated")
}

// Each ID is described in the guide, with a title.
func TestExplain(t *testing.T) {
	for _, id := range vet.IDs {
		text, ok := vet.Explain(id)
		if !ok || !strings.HasPrefix(text, string(id)+": ") || strings.Count(text, "\n") < 3 {
			t.Errorf("the section of %s is %q", id, text)
		}
		if strings.Contains(text, "\n## ") {
			t.Errorf("the section of %s does not end where the next one begins", id)
		}
	}
	if _, ok := vet.Explain("BW999"); ok {
		t.Error("BW999 is described")
	}
}

// go vet calls its tool in three ways, and users call commands.
func TestIsUnit(t *testing.T) {
	for args, want := range map[string]bool{
		"-V=full":            true,
		"-flags":             true,
		"/tmp/b001/vet.cfg":  true,
		"-json /tmp/vet.cfg": true,
		"":                   false,
		"vet ./...":          false,
		"stat . a.cfg":       false,
		"--allow=* a.cfg":    false,
		"--version":          false,
		"-h":                 false,
		"-V=full serve":      false,
	} {
		if got := vet.IsUnit(strings.Fields(args)); got != want {
			t.Errorf("%q: %v, want %v", args, got, want)
		}
	}
}
