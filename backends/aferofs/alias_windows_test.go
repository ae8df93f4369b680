package aferofs_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/afero"

	"github.com/bailiwick-fs/bailiwick/backends/aferofs"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// Windows opens id.key also as "id.key.", and perhaps as "ID~1.KEY", which no pattern for
// *.key or for its name matches.
func TestAliases(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "id.key"), "secret")
	writeFile(t, filepath.Join(dir, "keys", "x"), "secret")
	b := newBackend(t, afero.NewBasePathFs(afero.NewOsFs(), dir), aferofs.Options{Unsafe: true})
	for _, s := range []string{"id.key.", "id.key ", "keys./x", "keys /x", "ID~1.KEY", "KEYS~1/x"} {
		wantReason(t, b, s, reason.Unholdable)
		if _, err := put(b, s, "overwritten"); vfs.ReasonOf(err) != reason.Unholdable {
			t.Errorf("Put(%q): %v", s, err)
		}
		if err := b.Remove(t.Context(), parse(t, s), vfs.Cond{}); vfs.ReasonOf(err) != reason.Unholdable {
			t.Errorf("Remove(%q): %v", s, err)
		}
	}
	for _, s := range []string{"id.key", "keys/x"} {
		if data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(s))); string(data) != "secret" {
			t.Errorf("%s contains %q, %v", s, data, err)
		}
	}
}
