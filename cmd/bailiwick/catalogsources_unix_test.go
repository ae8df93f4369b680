//go:build unix

package main

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/testdata/pgserver"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
)

// TestCatalogOfTwoSources attacks uploads of one mount through another with the same
// catalog, another source and no access rules. A caller without rights in the first mount
// must not detect its uploads, remove them or get them swept.
func TestCatalogOfTwoSources(t *testing.T) {
	isolateAWS(t)
	for _, tt := range []struct{ name, source, catalog string }{
		{"disk and SQLite", "disk", "sqlite"},
		{"disk and PostgreSQL", "disk", "postgres"},
		{"S3 and PostgreSQL", "s3", "postgres"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "users"), users)
			one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
			write(t, filepath.Join(one, "x"), "")
			write(t, filepath.Join(two, "x"), "")
			if tt.source == "s3" {
				g := s3gateway.Start(t)
				t.Setenv("AWS_ACCESS_KEY_ID", g.AccessKey)
				t.Setenv("AWS_SECRET_ACCESS_KEY", g.SecretKey)
				g.Bucket(t, "uploads")
				one, two = "s3://uploads/one"+at(g), "s3://uploads/two"+at(g)
			}
			catalog := "sqlite:" + filepath.Join(dir, "uploads.db")
			if tt.catalog == "postgres" {
				catalog = pgserver.Start(t).Database(t)
			}
			writeConfig(t, dir, fmt.Sprintf(`
access_log: {file: off}
users: {htpasswd: users}
mounts:
  - path: /private
    source: %q
    uploads: {catalog: %[3]q}
    access: [{who: "user:alice", can: [upload, read, delete]}]
  - path: /open
    source: %[2]q
    uploads: {catalog: %[3]q}
  - path: /again
    source: %[1]q
    uploads: {catalog: %[3]q}
`, one, two, catalog))
			p := launch(t, command("serve", "--config", filepath.Join(dir, "bailiwick.yaml")))
			attackOtherSource(t, p, one, two, catalog)
		})
	}
}

func attackOtherSource(t *testing.T, p *process, one, two, catalog string) {
	send := func(method, path, content string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Disposition", "attachment; filename=secret-plan.txt")
		if strings.HasPrefix(path, "/private") {
			as("alice")(req)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	upload := func(mount string) (id string) {
		t.Helper()
		status, body := send("POST", mount+"/", "content")
		if status != http.StatusCreated {
			t.Fatalf("POST %s: %d %s", mount, status, body)
		}
		_, id, _ = strings.Cut(body, `"id":"`)
		return id[:36]
	}
	secret, open := upload("/private"), upload("/open")
	_, missing := send("GET", "/open/00000000-0000-4000-8000-000000000000", "")
	for _, tt := range []struct{ method, target string }{
		{"GET", "/open/" + secret + "?meta"}, {"GET", "/open/" + secret}, {"HEAD", "/open/" + secret}, {"DELETE", "/open/" + secret},
		{"GET", "/private/" + open + "?meta"}, {"DELETE", "/private/" + open},
	} {
		status, body := send(tt.method, tt.target, "")
		if status != http.StatusNotFound || tt.method != "HEAD" && body != missing {
			t.Errorf("%s %s of another source's upload: %d %q", tt.method, tt.target[:8], status, body)
		}
	}
	for _, target := range []string{"/private/" + secret, "/open/" + open, "/again/" + secret} {
		if status, body := send("GET", target, ""); status != http.StatusOK || body != "content" {
			t.Errorf("GET %s after the attack: %d %q", target, status, body)
		}
	}

	// An upload to one source is in progress while the other is swept.
	feed, body := io.Pipe()
	answer := make(chan error, 1)
	go func() {
		_, status, err := post(p.url+"/again", feed, "Content-Disposition", "attachment; filename=slow")
		if err == nil && status != http.StatusCreated {
			err = fmt.Errorf("status %d", status)
		}
		feed.CloseWithError(io.ErrClosedPipe)
		answer <- err
	}()
	if _, err := body.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() string {
		_, _, said := runCommand(t, "catalog", "check", one, "--catalog", catalog)
		if !strings.Contains(said, "in progress: 1") {
			return "an upload is under way, and check says " + said
		}
		return ""
	})
	if code, _, said := runCommand(t, "catalog", "sweep", two, "--catalog", catalog, "--older-than", "0s"); code != cli.ExitDone || !strings.HasPrefix(said, "swept: 0 uploads") {
		t.Errorf("a sweep of the other source: exit %d, %s", code, said)
	}
	body.Close()
	if err := <-answer; err != nil {
		t.Errorf("an upload in progress while the other source was swept: %v", err)
	}
	for source, uploads := range map[string]string{one: "2 uploads", two: "1 upload,"} {
		code, stdout, said := runCommand(t, "catalog", "check", source, "--catalog", catalog)
		if strings.Contains(stdout, "row.missing") || strings.Contains(stdout, "object.missing") || !strings.HasPrefix(said, uploads) {
			t.Errorf("check of %s: exit %d, %s%s", source, code, stdout, said)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}
