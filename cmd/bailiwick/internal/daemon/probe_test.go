package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
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

// uploadsConfig is the configuration of an upload mount at /files, with these users.
func uploadsConfig(t *testing.T, users string) *config.Config {
	t.Helper()
	cfg, err := config.Parse("b.yaml", fmt.Appendf(nil, `
tls: {cert: cert.pem, key: key.pem}
users: {%s}
mounts:
  - path: /files
    source: '%s'
    uploads: {catalog: 'sqlite:%s'}
    access:
      - {who: authenticated, can: [upload]}
      - {who: owner, can: [read, delete]}
`, users, t.TempDir(), filepath.Join(t.TempDir(), "cat.db")))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// An unreadable is a catalog that fails to read a record.
type unreadable struct {
	catalog.Catalog
	err error
}

func (u unreadable) Get(context.Context, uuid.UUID) (catalog.Record, error) {
	return catalog.Record{}, u.err
}
func (unreadable) Close() error { return nil }

// If the catalog cannot be read, there is no verdict on an upload.
func TestExplainUnreadableCatalog(t *testing.T) {
	cfg := uploadsConfig(t, "htpasswd: users")
	for _, c := range []struct {
		err  error
		code int
	}{
		{fmt.Errorf("%w: locked", catalog.ErrUnavailable), cli.ExitFailed},
		{context.DeadlineExceeded, cli.ExitFailed},
		{errors.New("no such table"), cli.ExitUsage},
	} {
		for _, op := range []vfs.Op{vfs.OpRead, vfs.OpDelete} {
			for _, as := range []string{"", "alice"} {
				e := NewExplainer(cli.Streams{}, cli.NewEnv(nil), cfg, op, as, "")
				m, err := e.mount(t.Context(), &cfg.Mounts[0])
				if err != nil {
					t.Fatal(err)
				}
				m.catalog = unreadable{err: c.err}
				v, err := e.Explain(t.Context(), "files/06b1c3e0-26ad-4ce8-8870-6df50176a06f", true)
				var exit *cli.ExitError
				if !errors.As(err, &exit) || exit.Code != c.code {
					t.Errorf("%v, %s as %q: %+v, %v", c.err, op, as, v, err)
				}
				e.Close()
			}
		}
	}
}

// For an upload that nobody has, anonymous callers are asked for credentials, if the server
// has any that it can ask for. No access rule has decided.
func TestExplainMissingUpload(t *testing.T) {
	const refused = "no access rule lets anyone read it; the server asks for credentials (401); add --as USER to evaluate for a user"
	const missing = "there is no such object now"
	for _, c := range []struct{ users, as, verdict, reason, detail string }{
		{"htpasswd: users", "", "refused", "auth.denied", refused},
		{"tokens: tokens", "", "refused", "auth.denied", refused},
		{"oidc: {issuer: 'https://id.example', audience: a}", "", "refused", "auth.denied", refused},
		{"client_certificates: {ca: ca.pem}", "", "allowed", "", missing},
		{"htpasswd: users", "alice", "allowed", "", missing},
	} {
		cfg := uploadsConfig(t, c.users)
		e := NewExplainer(cli.Streams{}, cli.NewEnv(nil), cfg, vfs.OpRead, c.as, "")
		v, err := e.Explain(t.Context(), "files/06b1c3e0-26ad-4ce8-8870-6df50176a06f", true)
		e.Close()
		if err != nil || v.Verdict != c.verdict || string(v.Reason) != c.reason || v.Detail != c.detail {
			t.Errorf("%s, as %q: %+v, %v", c.users, c.as, v, err)
		}
	}
}
