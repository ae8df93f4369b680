//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/explain"
)

// The verdict of explain matches the server's record of the request.
func TestConfigExplainAgrees(t *testing.T) {
	p, dir := configured(t, `
access_log: {file: log}
users: {htpasswd: users}
groups: {editors: [bob]}
mounts:
  - {source: top, allow: ["**"], deny: [hidden]}
  - {path: /docs, source: docs, allow: ["**/*.html"], deny: ["drafts/**"], list: true, no_index: true}
  - {path: /docs, host: other.example, source: docs, allow: ["**"], no_index: true}
  - {path: "/50% {x}", source: docs, allow: ["**"]}
  - path: /home
    source: home
    allow: ["**"]
    write: true
    list: true
    no_index: true
    access:
      - {who: authenticated, can: [read, list, write, delete], names: ["{user}/**"]}
      - {who: "group:editors", can: [read], names: ["**"]}
      - {who: anyone, can: [read], names: ["open/**"]}
`, map[string]string{
		"users": users, "top/a": "a", "top/hidden/a": "a", "docs/a.html": "a", "docs/a.txt": "a", "docs/drafts/a.html": "a",
		"home/alice/a": "a", "home/bob/a": "a", "home/open/a": "a",
	})
	paths := []string{
		"a", "%61", "hidden/a", "nosuch", ".env", "x%2fy", "a%00", "%e2%80%ae",
		"docs/a.html", "docs/a.txt", "docs/drafts/a.html", "docs/DRAFTS/a.html", "%64ocs/a.html", "docs%2fa.html", "docs//a.html",
		"docs/../a", "docsa", "50%25%20%7Bx%7D/a.txt", "50%25%20%7bx%7d/nosuch/..", "home/alice/a", "home/bob/a", "home/open/a",
		"home/ALICE/a", "home/alice%2fa", "home/nobody/a", "home/alice/nosuch", "home/a", "home/alice/CON",
	}
	dirs := []string{"docs/", "docs/drafts/", "docs/x%2f/", "home/", "home/alice/", "home/bob/", "home/open/"}
	ops := map[string]string{"read": "GET", "write": "PUT", "delete": "DELETE", "list": "GET"}
	type request struct{ op, user, host string }
	var asked []request
	for _, user := range []string{"", "alice", "bob"} {
		for op := range ops {
			for _, host := range []string{"", "other.example", "evil.example"} {
				asked = append(asked, request{op, user, host})
			}
		}
	}
	names := func(r request) []string {
		if r.op == "list" {
			return dirs
		}
		return paths
	}
	for _, r := range asked {
		for _, path := range names(r) {
			p.do(t, r.host, "/"+path, func(req *http.Request) {
				req.Method = ops[r.op]
				// The condition fails after the verdict, so nothing is changed.
				if r.op == "write" || r.op == "delete" {
					req.Header.Set("If-Match", `"none"`)
				}
				if r.user != "" {
					req.SetBasicAuth(r.user, "pw")
				}
			})
		}
	}
	p.stop()
	log, err := os.Open(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	records := bufio.NewScanner(log)
	file := filepath.Join(dir, "bailiwick.yaml")
	for _, r := range asked {
		var stdout, stderr bytes.Buffer
		args := append([]string{"explain", "--config", file, "--json", "--op", r.op, "--as", r.user, "--host", r.host, "--"}, names(r)...)
		run(t.Context(), args, strings.NewReader(""), &stdout, &stderr, nil)
		explained := json.NewDecoder(&stdout)
		for _, path := range names(r) {
			var record struct {
				Raw, Verdict, Reason string
				Status               int
			}
			if !records.Scan() || json.Unmarshal(records.Bytes(), &record) != nil || record.Raw != "/"+path {
				t.Fatalf("the next record is not of %s", path)
			}
			var v explain.Verdict
			if err := explained.Decode(&v); err != nil {
				t.Fatalf("%+v %s: %v: %s", r, path, err, &stderr)
			}
			if v.Verdict != record.Verdict {
				t.Errorf("%+v %s: %s %s %d, but explain: %+v", r, path, record.Verdict, record.Reason, record.Status, v)
			}
		}
	}
}
