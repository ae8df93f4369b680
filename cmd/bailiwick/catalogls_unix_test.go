//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCatalogList uploads to two mounts with one catalog as two users. catalog ls lists
// only the uploads of the given source, with their original names.
func TestCatalogList(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "users"), users)
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	write(t, filepath.Join(one, "x"), "")
	write(t, filepath.Join(two, "x"), "")
	catalog := "sqlite:" + filepath.Join(dir, "uploads.db")
	writeConfig(t, dir, fmt.Sprintf(`
access_log: {file: off}
users: {htpasswd: users}
mounts:
  - {path: /one, source: %q, uploads: {catalog: %[3]q}, access: [{who: authenticated, can: [upload]}]}
  - {path: /two, source: %[2]q, uploads: {catalog: %[3]q}}
`, one, two, catalog))
	p := launch(t, command("serve", "--config", filepath.Join(dir, "bailiwick.yaml")))
	upload := func(mount, user, name string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "POST", p.url+mount, strings.NewReader("content"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Disposition", `attachment; filename="`+name+`"`)
		if user != "" {
			as(user)(req)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusCreated {
			t.Fatalf("POST %s: %s", mount, resp.Status)
		}
	}
	upload("/one/", "alice", "a.txt")
	upload("/one/", "bob", "../../b.txt")
	upload("/two/", "", "of another source.txt")

	code, out, stderr := runCommand(t, "catalog", "ls", one, "--catalog", catalog)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	line := regexp.MustCompile(`^[0-9a-f-]{36}\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\t7\ttext/plain[^\t]*\t(alice\ta|bob\t\.\._\.\._b)\.txt$`)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 2 || !line.MatchString(lines[0]) || !line.MatchString(lines[1]) {
		t.Errorf("two uploads are listed as\n%s", out)
	}

	code, out, _ = runCommand(t, "catalog", "ls", one, "--catalog", catalog, "--owner", "bob", "--json")
	var record struct{ Name, Owner, State, SHA256 string }
	if err := json.Unmarshal([]byte(out), &record); err != nil || code != 0 {
		t.Fatalf("%v, exit code %d: %s", err, code, out)
	}
	if record.Name != ".._.._b.txt" || record.Owner != "bob" || record.State != "ready" || len(record.SHA256) != 64 {
		t.Errorf("the upload of bob is %+v", record)
	}

	if code, out, _ = runCommand(t, "catalog", "ls", two, "--catalog", catalog, "--owner", ""); code != 0 || strings.Count(out, "\n") != 1 || !strings.HasSuffix(out, "\t-\tof another source.txt\n") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if code, out, stderr = runCommand(t, "catalog", "ls", one); code != 2 || out != "" || !strings.Contains(stderr, "--catalog sqlite:PATH") {
		t.Errorf("without a catalog: exit code %d: %s%s", code, out, stderr)
	}
}
