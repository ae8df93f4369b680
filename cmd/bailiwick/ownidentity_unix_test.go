//go:build unix

package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// status sends a request, for PUT with a body, and returns the status.
func status(t *testing.T, method, url string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if method == http.MethodPut {
		req, err = http.NewRequestWithContext(t.Context(), method, url, strings.NewReader("written"))
	}
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// The catalog file is inside the source of another mount. Requests cannot reach it, and
// do not release its locks: acknowledged uploads survive another program that reads the
// catalog, and a kill.
func TestCatalogOutOfReach(t *testing.T) {
	sqlite3 := sqlite3Program(t)
	dir := tree(t, map[string]string{"www/page.txt": "page", "objects/.keep": ""})
	catalog := filepath.Join(dir, "www", "catalog")
	file := filepath.Join(dir, "bailiwick.yaml")
	write(t, file, fmt.Sprintf(`
listen: ["127.0.0.1:0"]
access_log: {file: off}
mounts:
  - {path: /, source: www, allow: ["**"], list: true}
  - {path: /files, source: objects, uploads: {catalog: "sqlite:%s"}}
`, catalog))
	p := start(t, "serve", "--config", file)
	if err := os.Link(catalog, filepath.Join(dir, "www", "linked.txt")); err != nil {
		t.Fatal(err)
	}
	// SQLite refuses a database with two names, so remove this one before the restart.
	if got := status(t, http.MethodGet, p.url+"/linked.txt"); got != http.StatusNotFound {
		t.Errorf("GET of a hard link to the catalog: %d", got)
	}
	if err := os.Remove(filepath.Join(dir, "www", "linked.txt")); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for i := range 3 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/files/", strings.NewReader("upload"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%d.txt", i))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusCreated {
			t.Fatalf("upload: %s", resp.Status)
		}
		ids = append(ids, resp.Header.Get("Location"))
		for _, name := range []string{"catalog", "catalog-wal", "catalog-shm", "catalog-instances/", "catalog-reserve"} {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				if got := status(t, method, p.url+"/"+name); got != http.StatusNotFound {
					t.Errorf("%s %s: %d", method, name, got)
				}
			}
		}
		if out, err := exec.Command(sqlite3, catalog, ".tables").CombinedOutput(); err != nil {
			t.Fatalf("sqlite3: %v, %s", err, out)
		}
	}
	if code, body := get(t, p.url+"/?limit=100"); code != http.StatusOK || strings.Contains(body, "catalog") || !strings.Contains(body, "page.txt") {
		t.Errorf("the listing: %d, %s", code, body)
	}
	p.signal(syscall.SIGKILL)
	p.exit()
	p = start(t, "serve", "--config", file)
	for _, id := range ids {
		if code, _ := get(t, p.url+id); code != http.StatusOK {
			t.Errorf("an acknowledged upload, after a kill: %d", code)
		}
	}
}

// The server's own files stay unreachable after a replacement or a rotation, and under
// their other names.
func TestOwnFilesByIdentity(t *testing.T) {
	dir := tree(t, map[string]string{"www/page": "page", "www/users": users, "www/link-keys": linkKeys})
	www := filepath.Join(dir, "www")
	if err := os.Link(filepath.Join(www, "users"), filepath.Join(www, "other")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(www, "bailiwick.yaml")
	write(t, file, `
listen: ["127.0.0.1:0"]
access_log: {file: access.log}
users: {htpasswd: users}
links: {keys: link-keys}
mounts:
  - {path: /, source: ., allow: ["**"], list: true}
`)
	p := start(t, "serve", "--config", file)
	unreachable := func(names ...string) {
		t.Helper()
		_, listing := get(t, p.url+"/")
		for _, name := range names {
			if _, err := os.Lstat(filepath.Join(www, name)); err != nil {
				t.Errorf("%s is not there: %v", name, err)
			}
			if code, _ := get(t, p.url+"/"+name); code != http.StatusNotFound || strings.Contains(listing, `"`+name+`"`) {
				t.Errorf("%s: %d, listed: %t", name, code, strings.Contains(listing, name))
			}
		}
	}
	unreachable("users", "other", "link-keys", "bailiwick.yaml", "access.log")
	write(t, filepath.Join(dir, "new"), users)
	for _, move := range [][2]string{{"www/access.log", "www/access.log.1"}, {"www/users", "www/users.old"}, {"new", "www/users"}} {
		if err := os.Rename(filepath.Join(dir, move[0]), filepath.Join(dir, move[1])); err != nil {
			t.Fatal(err)
		}
	}
	unreachable("users", "access.log.1")
	if runtime.GOOS == "linux" {
		unreachable("users.old", "other")
	}
	p.signal(syscall.SIGHUP)
	p.await(regexp.MustCompile(`^reloaded: `))
	unreachable("users", "access.log", "access.log.1")
	if code, _ := get(t, p.url+"/page"); code != http.StatusOK {
		t.Errorf("a page beside them: %d", code)
	}
	out, err := command("explain", "--config", file, "users", "access.log", "page").CombinedOutput()
	if err == nil || strings.Count(string(out), "own_file") != 2 || !strings.Contains(string(out), "allowed") {
		t.Errorf("explain: %v\n%s", err, out)
	}
}

// Rules that let clients write to the server's own files are refused by config check and
// at the start.
func TestOwnFilesWritable(t *testing.T) {
	dir := tree(t, map[string]string{"www/page": "page", "www/names": "page\nnames\n", "www/ca.pem": "x", "etc/names": "page\n"})
	file := filepath.Join(dir, "bailiwick.yaml")
	for _, tt := range []struct{ mount, want string }{
		{`{path: /, source: www, allow_file: [www/names], write: true}`, `names is one of the server's own files, but it is in`},
		{`{path: /, source: www, allow: ["*"], allow_file: [www/names], write: true, access: [{who: "user:alice", can: [write]}]}`, `names is one of the server's own files`},
		{`{path: /, source: ., allow: ["*.yaml"], write: true}`, `bailiwick.yaml is one of the server's own files`},
		{`{path: /, source: www, allow: ["**"], allow_file: [www/names], deny: [names], write: true}`, ""},
		{`{path: /, source: www, allow: ["**"], allow_file: [etc/names], write: true}`, ""},
		{`{path: /, source: www, allow: ["**"], allow_file: [www/names]}`, ""},
	} {
		write(t, file, "listen: [\"127.0.0.1:0\"]\naccess_log: {file: off}\nmounts:\n  - "+tt.mount+"\n")
		out, err := command("config", "check", file).CombinedOutput()
		if (err != nil) != (tt.want != "") || !strings.Contains(string(out), tt.want) {
			t.Errorf("config check of %s: %v\n%s", tt.mount, err, out)
		}
		if tt.want == "" {
			continue
		}
		out, err = command("serve", "--config", file).CombinedOutput()
		exit, _ := err.(*exec.ExitError)
		if exit == nil || exit.ExitCode() != cli.ExitUsage || !strings.Contains(string(out), tt.want) || !strings.Contains(string(out), "bailiwick.yaml:4: ") {
			t.Errorf("serve of %s: %v\n%s", tt.mount, err, out)
		}
	}
	out, err := command("serve", filepath.Join(dir, "www"), "--listen", "127.0.0.1:0", "--write", "--allow-file", filepath.Join(dir, "www/names")).CombinedOutput()
	if exit, _ := err.(*exec.ExitError); exit == nil || exit.ExitCode() != cli.ExitUsage || !strings.Contains(string(out), "names is one of the server's own files") {
		t.Errorf("serve with flags: %v\n%s", err, out)
	}
}
