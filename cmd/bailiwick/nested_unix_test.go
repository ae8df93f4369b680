//go:build unix

package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const nested = `
access_log: {file: "off"}
users: {htpasswd: users}
mounts:
  - {path: /, source: srv, allow: ["**"], list: true, symlinks: inside}
  - {path: /home, source: srv/home, allow: ["**"], access: [{who: authenticated, can: [read], names: ["{user}/**"]}]}
  - {path: /deep/home, source: srv/deep/home, allow: ["**"], access: [{who: "user:alice", can: [read]}]}
`

// The access rules of a mount below another cannot be bypassed through the outer mount,
// neither with another spelling of its path nor through a link.
func TestNestedMountIsNotBypassed(t *testing.T) {
	dir := tree(t, map[string]string{
		"users": users, "srv/home/alice/a": "secret", "srv/deep/home/a": "secret", "srv/deep/b": "open", "srv/other/a": "open",
	})
	for link, target := range map[string]string{
		"link": "home/alice/a", "links": "home", "deep/link": "home/a", "to-open": "other/a",
	} {
		if err := os.Symlink(target, filepath.Join(dir, "srv", link)); err != nil {
			t.Fatal(err)
		}
	}
	// A bind mount simulates a case-insensitive disk: the directory has a second spelling.
	folds := bind(t, filepath.Join(dir, "srv", "home"), filepath.Join(dir, "srv", "HOME")) &&
		bind(t, filepath.Join(dir, "srv", "deep", "home"), filepath.Join(dir, "srv", "deep", "Home")) &&
		bind(t, filepath.Join(dir, "srv", "other"), filepath.Join(dir, "srv", "OTHER"))
	writeConfig(t, dir, nested)
	p := launch(t, command("serve", "--config", filepath.Join(dir, "bailiwick.yaml")))

	for _, path := range []string{"/link", "/links/alice/a", "/deep/link", "/HOME/alice/a", "/deep/Home/a", "/HOME/", "/HOME", "/%48OME/alice/a"} {
		for _, method := range []string{"GET", "HEAD"} {
			resp, body := p.do(t, "", path, func(r *http.Request) { r.Method = method })
			if resp.StatusCode != 404 || strings.Contains(body, "secret") {
				t.Errorf("%s %s: %d %q", method, path, resp.StatusCode, body)
			}
		}
	}
	want := map[string]string{"/other/a": "open", "/to-open": "open", "/deep/b": "open"} // the controls
	if folds {
		want["/OTHER/a"] = "open"
	}
	for path, body := range want {
		if resp, got := p.do(t, "", path); resp.StatusCode != 200 || got != body {
			t.Errorf("GET %s: %d %q", path, resp.StatusCode, got)
		}
	}
	if resp, body := p.do(t, "", "/home/alice/a", as("alice")); resp.StatusCode != 200 || body != "secret" {
		t.Errorf("the mount itself: %d %q", resp.StatusCode, body)
	}
	if resp, _ := p.do(t, "", "/home/alice/a"); resp.StatusCode != 401 {
		t.Errorf("the mount itself, without credentials: %d", resp.StatusCode)
	}
	// Nor through an archive, which is stored as it is.
	for _, path := range []string{"/?zip", "/deep/?zip", "/?zip&name=other&name=to-open", "/?zip&name=deep"} {
		if resp, body := p.do(t, "", path); resp.StatusCode != 200 || strings.Contains(body, "secret") || !strings.Contains(body, "open") {
			t.Errorf("GET %s: %d, %d bytes", path, resp.StatusCode, len(body))
		}
	}
	for _, path := range []string{"/?zip&name=home", "/?zip&name=links", "/?zip&name=link", "/deep/?zip&name=home", "/home/alice/?zip"} {
		if resp, body := p.do(t, "", path); resp.StatusCode != 404 && path != "/home/alice/?zip" || strings.Contains(body, "secret") {
			t.Errorf("GET %s: %d %q", path, resp.StatusCode, body)
		}
	}
	// A listing shows only names that this mount serves.
	if _, body := p.do(t, "", "/", asJSON); strings.Contains(strings.ToLower(body), `"home"`) || !strings.Contains(body, `"other"`) {
		t.Errorf("listed: %s", body)
	}
	for _, line := range p.said() {
		if strings.Contains(line, "access rules of this mount can be bypassed") {
			t.Errorf("a false warning: %s", line)
		}
	}
}

func asJSON(r *http.Request) { r.Header.Set("Accept", "application/json") }

// bind mounts a directory at a second path. It returns false if this user lacks the
// privilege.
func bind(t *testing.T, from, at string) bool {
	t.Helper()
	if err := os.Mkdir(at, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := bindMount(from, at); err != nil {
		if err := os.Remove(at); err != nil {
			t.Fatal(err)
		}
		return false
	}
	t.Cleanup(func() {
		if err := unmount(at); err != nil {
			t.Error(err)
		}
	})
	return true
}

// The start warns about a mount that serves the files of another one without its access
// rules.
func TestBypassWarning(t *testing.T) {
	p, dir := configured(t, `
access_log: {file: "off"}
users: {htpasswd: users}
mounts:
  - {path: /, source: srv, allow: ["**"]}
  - {path: /private, source: srv/secret, allow: ["**"], access: [{who: "user:alice", can: [read]}]}
`, map[string]string{"users": users, "srv/secret/a": "a"})
	warning := regexp.MustCompile(`^/private: the access rules of this mount can be bypassed through /secret, which serves the same files to anyone; `)
	p.await(warning)
	if _, body := p.do(t, "", "/secret/a"); body != "a" {
		t.Errorf("a false warning: the response is %q", body)
	}
	for what, outer := range map[string]string{
		"denied": `allow: ["**"], deny: [secret]`, "not allowed": `allow: ["www/**"]`, "its own rules": `allow: ["**"], access: [{who: "user:bob", can: [read]}]`,
	} {
		writeConfig(t, dir, `
access_log: {file: "off"}
users: {htpasswd: users}
mounts:
  - {path: /, source: srv, `+outer+`}
  - {path: /private, source: srv/secret, allow: ["**"], access: [{who: "user:alice", can: [read]}]}
`)
		p := launch(t, command("serve", "--config", filepath.Join(dir, "bailiwick.yaml")))
		for _, line := range p.said() {
			if warning.MatchString(line) {
				t.Errorf("%s: %s", what, line)
			}
		}
		if resp, _ := p.do(t, "", "/secret/a"); resp.StatusCode == 200 {
			t.Errorf("%s: it is served", what)
		}
	}
}

// What a mount of one host serves or hides cannot be reached for that host through a mount of all
// hosts: not by the name in a form, nor in an archive, a search or a listing.
func TestNestedMountOfOneHost(t *testing.T) {
	dir := tree(t, map[string]string{"srv/a.txt": "a", "srv/docs/covered.txt": "covered", "other/b.txt": "b"})
	writeConfig(t, dir, `
access_log: {file: "off"}
mounts:
  - {path: /, source: srv, allow: ["**"], list: true, write: true}
  - {path: /docs, host: h.example, source: other, allow: ["**"]}
`)
	p := launch(t, command("serve", "--config", filepath.Join(dir, "bailiwick.yaml")))
	const host = "h.example"
	form := func(fields string) func(r *http.Request) {
		return func(r *http.Request) {
			r.Method, r.Body, r.ContentLength = "POST", io.NopCloser(strings.NewReader(fields)), int64(len(fields))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
	}
	for _, path := range []string{"/?zip", "/?q=covered&deep=1", "/?q=docs", "/"} {
		resp, body := p.do(t, host, path, asJSON)
		if resp.StatusCode != 200 || strings.Contains(body, "covered.txt") || strings.Contains(body, `"docs"`) {
			t.Errorf("%s for the host: %d %q", path, resp.StatusCode, body)
		}
		if resp, body := p.do(t, "", path, asJSON); resp.StatusCode != 200 || !strings.Contains(body, "docs") {
			t.Errorf("%s for others: %d %q", path, resp.StatusCode, body)
		}
	}
	for _, fields := range []string{"action=move&name=a.txt&to=docs/a.txt", "action=copy&name=a.txt&to=/docs/", "action=move&name=a.txt&to=DOCS/a.txt"} {
		if resp, body := p.do(t, host, "/", form(fields)); resp.StatusCode != 404 {
			t.Errorf("%s for the host: %d %q", fields, resp.StatusCode, body)
		}
	}
	if resp, body := p.do(t, host, "/docs/", form("action=delete&name=covered.txt")); resp.StatusCode == 303 || resp.StatusCode == 204 {
		t.Errorf("a form to the other mount: %d %q", resp.StatusCode, body)
	}
	for path, want := range map[string]int{"/a.txt": 200, "/docs/b.txt": 200, "/docs/covered.txt": 404} {
		if resp, _ := p.do(t, host, path); resp.StatusCode != want {
			t.Errorf("GET %s for the host: %d, want %d", path, resp.StatusCode, want)
		}
	}
	if resp, body := p.do(t, "", "/", form("action=move&name=a.txt&to=docs/a.txt")); resp.StatusCode != 201 {
		t.Errorf("the form for others: %d %q", resp.StatusCode, body)
	}
}
