//go:build unix

package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// The outer mount refuses every spelling that a backend might treat as the path of a nested
// mount.
func TestTakenNamesInEverySpelling(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "bailiwick.yaml"), `
mounts:
  - {path: /, source: a, allow: ["**"]}
  - {path: /home, source: b, allow: ["**"]}
  - {path: "/straße/B{c}", source: c, allow: ["**"]}
  - {path: /home/deeper, source: d, allow: ["**"]}
  - {path: /elsewhere, host: h.example, source: e, allow: ["**"]}
`)
	cfg, err := readConfig(filepath.Join(dir, "bailiwick.yaml"), nil, func(*config.Config) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	_, policy, err := compileMount(cfg, &cfg.Mounts[0], "")
	if err != nil {
		t.Fatal(err)
	}
	jail, err := vfs.New(vfs.FromFS(os.DirFS(dir)), policy)
	if err != nil {
		t.Fatal(err)
	}
	for name, taken := range map[string]bool{
		"home/a": true, "HOME/a": true, "hOmE": true, "ｈｏｍｅ/a": true, "ho\u00adme/a": true, "home/deeper/a": true, "Home/DEEPER": true,
		"straße/B{c}/x": true, "STRASSE/b{C}/x": true, "straſſe/B{c}": true,
		"straße/x": false, "homes/a": false, "a/home": false, "straße/Bc/x": false, "elsewhere/a": false,
	} {
		n, err := vfs.ParseName(name)
		if err != nil {
			t.Fatal(err)
		}
		if v := jail.Explain(t.Context(), vfs.OpRead, n); v.Allowed == taken {
			t.Errorf("%s: %+v", name, v)
		} else if taken && !strings.HasPrefix(v.Rule, "the mount at /") {
			t.Errorf("%s: refused by %q", name, v.Rule)
		}
	}
}

// A mount through which clients write knows whether another one serves the files with their
// precompressed variants.
func TestSidecarsBeside(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "bailiwick.yaml"), `
mounts:
  - {path: /, source: a, allow: ["**"], precompressed: true}
  - {path: /edit, source: a, allow: ["**"], write: true}
  - {path: /part, source: a/part, allow: ["**"], write: true}
  - {path: /other, source: b, allow: ["**"], write: true}
`)
	cfg, err := readConfig(filepath.Join(dir, "bailiwick.yaml"), nil, func(*config.Config) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{false, true, true, false} {
		m, _, err := compileMount(cfg, &cfg.Mounts[i], "")
		if err != nil {
			t.Fatal(err)
		}
		if got := m.serverConfig(cfg).SidecarsBeside; got != want {
			t.Errorf("%s: %t, want %t", cfg.Mounts[i].Path, got, want)
		}
	}
}
