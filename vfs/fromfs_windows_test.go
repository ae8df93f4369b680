package vfs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// Windows opens id.key also as "id.key.", which no pattern for *.key matches.
func TestFromFSRefusesAliases(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"id.key", "keys/x", "open.txt"} {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(s)), []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for what, fsys := range map[string]fs.FS{"DirFS": os.DirFS(dir), "Root": root.FS(), "only Open": struct{ fs.FS }{os.DirFS(dir)}} {
		j := mustJail(t, vfs.FromFS(fsys), vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("**/*.key", "keys")})
		for _, s := range []string{"id.key.", "id.key ", "id.key. .", "keys./x", "keys /x"} {
			_, err := j.Get(t.Context(), mustName(t, s), vfs.Request{})
			if r := vfs.ReasonOf(err); r != reason.Unholdable && r != reason.Missing {
				t.Errorf("%s: Get(%q): %v, reason %q", what, s, err, r)
			}
		}
		for _, s := range []string{"keys.", "keys "} {
			if list, err := j.ReadDir(s); err == nil {
				t.Errorf("%s: ReadDir(%q): %v", what, s, list)
			}
		}
		if got := content(t, j, "open.txt"); got != "secret" {
			t.Errorf("%s: open.txt: %q", what, got)
		}
	}
}
