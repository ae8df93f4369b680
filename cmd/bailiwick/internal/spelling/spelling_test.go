package spelling_test

import (
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/spelling"
)

func TestNearest(t *testing.T) {
	words := []string{"allow", "allow-file", "deny", "list", "listen"}
	for s, want := range map[string]string{
		"allow": "allow", "alow": "allow", "alolw": "allow", "allow-fiel": "allow-file", "denny": "deny", "lst": "list", "listn": "list",
		"": "", "dy": "", "alpha": "", "nothing": "",
	} {
		if got := spelling.Nearest(s, words); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", s, got, want)
		}
	}
	if got := spelling.Nearest("deny", nil); got != "" {
		t.Errorf("with no words: %q", got)
	}
}
