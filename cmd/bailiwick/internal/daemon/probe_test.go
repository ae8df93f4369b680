package daemon

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Explaining a write sends one to the handler, and nothing is written.
func TestProbeChangesNothing(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.txt")
	if err := os.WriteFile(file, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.New(
		config.Given{Key: config.SourceKey, Values: []string{dir}},
		config.Given{Key: config.Flags["allow"], Values: []string{"**"}},
		config.Given{Key: config.Flags["write"], Values: []string{"true"}},
		config.Given{Key: config.Flags["types"], Values: []string{"text/*"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		op          vfs.Op
		name        string
		want        string
		why, detail string
	}{
		{vfs.OpWrite, "a.txt", "allowed", "", ""},
		{vfs.OpWrite, "new/b.txt", "allowed", "", "there is no such object now"},
		{vfs.OpDelete, "a.txt", "allowed", "", ""},
		{vfs.OpDelete, "b.txt", "allowed", "", "there is no such object now"},
		{vfs.OpWrite, "a.png", "refused", "intake.type", ""}, // only the handler checks this
	} {
		e := NewExplainer(cli.Streams{}, cli.NewEnv(nil), cfg, c.op, "", "")
		v, err := e.Explain(t.Context(), c.name, true)
		e.Close()
		if err != nil || v.Verdict != c.want || string(v.Reason) != c.why || c.want == "allowed" && v.Detail != c.detail {
			t.Errorf("%s %s: %+v, %v", c.op, c.name, v, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the directory has %v, %v", entries, err)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "content" {
		t.Errorf("the file has %q, %v", data, err)
	}
}
