//go:build unix

package main

import (
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// everyName are rules that allow every name.
var everyName = []string{"--allow", "**", "--allow", "**/.*", "--allow", ".*/**", "--allow", "re:.*"}

// names returns the names of the files below dir.
func names(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// send sends a request without a body, or with one for PUT, and returns the status.
func (p *process) send(t *testing.T, method, target string, header ...string) int {
	t.Helper()
	resp, _ := p.do(t, "", target, func(r *http.Request) {
		r.Method = method
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], strings.ReplaceAll(header[i+1], "URL", p.url))
		}
		if method == http.MethodPut {
			r.Body, r.ContentLength = http.NoBody, 0
		}
	})
	return resp.StatusCode
}

// Two directories are served as one tree. What a client removes stays removed after a
// restart, although only the first directory changes.
func TestServeSeveralSources(t *testing.T) {
	top := tree(t, map[string]string{
		"a/both.txt": "of a", "a/only/a.txt": "a", "b/both.txt": "of b", "b/low.txt": "low", "b/dir/x.txt": "x", "b/only/b.txt": "b",
	})
	a, b := filepath.Join(top, "a"), filepath.Join(top, "b")
	args := append([]string{"serve", a, b, "--listen", "127.0.0.1:0", "--list", "--write"}, everyName...)
	p := start(t, args...)
	for name, want := range map[string]string{"both.txt": "of a", "low.txt": "low", "dir/x.txt": "x", "only/a.txt": "a", "only/b.txt": "b"} {
		if status, body := get(t, p.url+"/"+name); status != 200 || body != want {
			t.Errorf("GET %s: %d %q, want %q", name, status, body, want)
		}
	}
	for _, c := range []struct {
		method, target string
		status         int
		header         []string
	}{
		{"DELETE", "/low.txt", 204, nil},
		{"DELETE", "/dir/x.txt", 204, nil},
		{"DELETE", "/both.txt", 204, nil},
		{"PUT", "/only/b.txt", 412, []string{"If-None-Match", "*"}},
		{"PUT", "/only/b.txt", 204, nil},
		{"COPY", "/only/a.txt", 201, []string{"Destination", "URL/copy.txt"}},
		{"MOVE", "/only/a.txt", 201, []string{"Destination", "URL/moved.txt"}},
	} {
		if got := p.send(t, c.method, c.target, c.header...); got != c.status {
			t.Errorf("%s %s: %d, want %d", c.method, c.target, got, c.status)
		}
	}
	check := func() {
		t.Helper()
		for _, gone := range []string{"/low.txt", "/dir/x.txt", "/dir/", "/both.txt", "/only/a.txt"} {
			if status, _ := get(t, p.url+gone); status != 404 {
				t.Errorf("GET %s after its removal: %d", gone, status)
			}
		}
		_, listing := p.do(t, "", "/", func(r *http.Request) { r.Header.Set("Accept", "application/json") })
		for name, want := range map[string]bool{"copy.txt": true, "moved.txt": true, "only": true, "dir": false, "low.txt": false, "both.txt": false, ".bailiwick-overlay": false} {
			if got := strings.Contains(listing, `"name":"`+name+`"`); got != want {
				t.Errorf("the listing has %s: %t\n%s", name, got, listing)
			}
		}
	}
	check()
	p.stop()
	if got := names(t, b); !slices.Equal(got, []string{"both.txt", "dir/x.txt", "low.txt", "only/b.txt"}) {
		t.Errorf("the second source has changed: %q", got)
	}
	p = start(t, args...)
	check()
	p.stop()

	// The same for what reads the sources without a server.
	code, stdout, stderr := runCommand(t, append([]string{"scan", a, b}, everyName...)...)
	want := fmt.Sprintf("allowed\tcopy.txt\t**\tin %[1]s\nallowed\tmoved.txt\t**\tin %[1]s\nallowed\tonly/b.txt\t**\tin %[1]s\n", a)
	if code != cli.ExitDone || stdout != want || !strings.Contains(stderr, "exposed: 3 names; hidden: 0") {
		t.Errorf("scan: %d\n%s%s", code, stdout, stderr)
	}
}

// Nobody reaches what hides removed objects: not in the tree, not in another mount of the
// first source or of a directory around it, whatever the rules are.
func TestWhiteoutsAreOutOfReach(t *testing.T) {
	const yaml = `
mounts:
  - {path: /tree, sources: [top/a, top/b], allow: ALL, write: true, list: true}
  - {path: /alone, source: top/a, allow: ALL, write: true, list: true}
  - {path: /around, source: top, allow: ALL, write: true, list: true, symlinks: inside}
  - {path: /below, sources: [c, top/a], allow: ALL, write: true, list: true}
`
	p, dir := configured(t, strings.ReplaceAll(yaml, "ALL", `["**", "**/.*", ".*/**", "re:.*"]`), map[string]string{
		"top/a/x.txt": "x", "top/b/low.txt": "low", "top/b/other.txt": "other", "c/c.txt": "c",
	})
	if got := p.send(t, "DELETE", "/tree/low.txt"); got != 204 {
		t.Fatalf("DELETE: %d", got)
	}
	first := filepath.Join(dir, "top/a")
	kept := names(t, first)
	var white string
	for _, name := range kept {
		if strings.HasPrefix(name, ".bailiwick-overlay/hides-") {
			white = name
		}
	}
	if white == "" {
		t.Fatalf("no whiteout: %q", kept)
	}
	if err := os.Symlink(".bailiwick-overlay", filepath.Join(first, "link")); err != nil {
		t.Fatal(err)
	}
	_, missing := p.do(t, "", "/tree/missing.txt")
	holder, base := filepath.Dir(white), filepath.Base(white)
	for _, mount := range []string{"/tree/", "/alone/", "/around/a/", "/below/"} {
		for _, name := range []string{
			".bailiwick-overlay", ".bailiwick-overlay/", holder, holder + "/", white, holder + "/new.txt",
			".Bailiwick-Overlay/" + strings.TrimPrefix(white, ".bailiwick-overlay/"), ".bailiwick-overlay%2F" + filepath.Base(holder) + "/" + base,
			"%2ebailiwick-overlay/" + strings.TrimPrefix(white, ".bailiwick-overlay/"), "link/" + filepath.Base(holder) + "/" + base, "link/", "link",
		} {
			if resp, body := p.do(t, "", mount+name); resp.StatusCode != 404 || body != missing {
				t.Errorf("GET %s%s: %d %q", mount, name, resp.StatusCode, body)
			}
			for _, method := range []string{"PUT", "DELETE", "COPY", "MOVE"} {
				if got := p.send(t, method, mount+name, "Destination", "URL"+mount+"stolen.txt"); got != 404 {
					t.Errorf("%s %s%s: %d", method, mount, name, got)
				}
			}
			if got := p.send(t, "COPY", mount+"x.txt", "Destination", "URL"+mount+name); got < 400 {
				t.Errorf("COPY to %s%s: %d", mount, name, got)
			}
		}
		_, listing := p.do(t, "", mount, func(r *http.Request) { r.Header.Set("Accept", "application/json") })
		if !strings.Contains(listing, `"x.txt"`) || strings.Contains(strings.ToLower(listing), "overlay") {
			t.Errorf("the listing of %s:\n%s", mount, listing)
		}
	}
	if got := p.send(t, "GET", "/tree/low.txt"); got != 404 {
		t.Errorf("the removed object is there again: %d", got)
	}
	if got := slices.DeleteFunc(names(t, first), func(name string) bool { return name == "link" }); !slices.Equal(got, kept) {
		t.Errorf("the first source has %q, and had %q", got, kept)
	}
	p.stop()
	for _, args := range [][]string{
		{"scan", first}, {"scan", filepath.Join(dir, "top")}, {"scan", first, filepath.Join(dir, "top/b")}, {"scan", filepath.Join(dir, "c"), first},
		{"ls", first}, {"ls", filepath.Join(dir, "top"), "a"}, {"cp", first, filepath.Join(dir, "copied")},
	} {
		_, stdout, _ := runCommand(t, append(args, everyName...)...)
		for line := range strings.Lines(stdout) {
			if strings.Contains(line, "overlay") && !strings.HasPrefix(line, "refused\t") {
				t.Errorf("%q prints %s", args, line)
			}
		}
	}
	if got := names(t, filepath.Join(dir, "copied")); !slices.Equal(got, []string{"x.txt"}) {
		t.Errorf("cp with rules copied %q", got)
	}
	// A copy without rules keeps removed what was removed.
	if code, _, stderr := runCommand(t, "cp", "--dotfiles", first, filepath.Join(dir, "backup")); code != cli.ExitDone && code != cli.ExitFailed {
		t.Errorf("cp: %d %s", code, stderr)
	}
	if got := names(t, filepath.Join(dir, "backup")); !slices.Contains(got, white) {
		t.Errorf("cp without rules copied %q", got)
	}
}

// What the start says and refuses about a source holds for each one of a list.
func TestRulesForEachSource(t *testing.T) {
	files := map[string]string{
		"users": users, "etc/link-keys": "1:" + base64.StdEncoding.EncodeToString(make([]byte, 32)) + "\n",
		"site/a.html": "of the site", "defaults/a.html": "default", "defaults/b.html": "default", "defaults/secret/s.html": "secret",
	}
	const top = "admin: 127.0.0.1:0\nusers: {htpasswd: users}\nlinks: {keys: etc/link-keys}\naccess_log: {file: off}\nmounts:\n"
	p, dir := configured(t, top+`
  - {path: /pub, sources: [site, etc, defaults], allow: ["**"], write: true}
  - {path: /private, sources: [defaults/secret], allow: ["**"], access: [{who: "user:alice", can: [read]}]}
  - {path: /defaults, source: defaults, allow: ["site/**", "defaults/b.html"]}
`, files)
	said := strings.Join(p.said(), "\n")
	for _, want := range []string{
		"/private: the access rules of this mount can be bypassed through /pub/secret, which serves the same files to anyone; ",
		"/etc/link-keys is one of the server's own files, but it is in " + filepath.Join(dir, "etc") + ", and the rules allow its name; ",
		": mounts[2].allow[1]: defaults/b.html matches nothing; did you mean b.html?",
		"/pub: content: untrusted", "exposed to anyone: 3 names; to users who log in: up to 4",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("the start lacks %q:\n%s", want, said)
		}
	}
	if strings.Contains(said, "landlock: on") {
		for what, in := range map[string]string{"read and write": "site", "read": "defaults"} {
			if line := regexp.MustCompile("(?m)^landlock: " + what + ": .*$").FindString(said); !slices.Contains(strings.FieldsFunc(line, func(r rune) bool { return r == ',' || r == ' ' }), filepath.Join(dir, in)) {
				t.Errorf("%s is not in %s", in, line)
			}
		}
	}
	for target, want := range map[string]int{"/pub/link-keys": 404, "/pub/b.html": 200, "/pub/secret/s.html": 200, "/private/s.html": 401} {
		if got := p.send(t, "GET", target); got != want {
			t.Errorf("GET %s: %d, want %d", target, got, want)
		}
	}
	if status, body := get(t, p.admin+"/readyz"); status != 200 {
		t.Errorf("readyz: %d %s", status, body)
	}

	// A reload applies another order, and refuses what the start would.
	reload := func(mounts, want string) {
		t.Helper()
		writeConfig(t, dir, top+mounts)
		p.signal(syscall.SIGHUP)
		p.await(regexp.MustCompile(want))
	}
	reload(`  - {path: /pub, sources: [etc, site], allow: ["**"], write: true}`, `^reload refused, .*/etc is outside the directories that Landlock allowed|^reload refused, .*/etc/link-keys is one of`)
	code, _, stderr := runCommand(t, "config", "check", filepath.Join(dir, "bailiwick.yaml"))
	if code != cli.ExitUsage || !strings.Contains(stderr, ":7: mounts[0].sources[0]: "+dir+"/etc/link-keys is one of the server's own files, but it is in ") {
		t.Errorf("config check of a writable source with own files: %d %s", code, stderr)
	}
	reload(`  - {path: /pub, sources: [site, nosuch], allow: ["**"]}`, `^reload refused, .*nosuch`)
	if _, body := p.do(t, "", "/pub/a.html"); body != "of the site" {
		t.Errorf("after refused reloads: %q", body)
	}
	reload(`  - {path: /pub, sources: [defaults, site], allow: ["**"]}`, "^reloaded: ")
	if _, body := p.do(t, "", "/pub/a.html"); body != "default" {
		t.Errorf("after a reload with another order: %q", body)
	}
	// No source is optional.
	if err := os.RemoveAll(filepath.Join(dir, "site")); err != nil {
		t.Fatal(err)
	}
	if status, _ := get(t, p.admin+"/readyz"); status != 503 {
		t.Errorf("readyz without a source: %d", status)
	}
	p.stop()
}

// A client does not get a page of one source as its own page compressed in another.
func TestPrecompressedOfSeveralSources(t *testing.T) {
	top := tree(t, map[string]string{"a/app.js": "of a", "b/app.js": "of b", "b/app.js.gz": "of b, compressed", "b/lib.js": "lib", "b/lib.js.gz": "lib, compressed"})
	p := start(t, "serve", filepath.Join(top, "a"), filepath.Join(top, "b"), "--allow", "**", "--precompressed", "--listen", "127.0.0.1:0")
	for target, want := range map[string]string{"/app.js": "of a", "/lib.js": "lib, compressed"} {
		if _, body := p.do(t, "", target, func(r *http.Request) { r.Header.Set("Accept-Encoding", "gzip") }); body != want {
			t.Errorf("%s: %q, want %q", target, body, want)
		}
	}
}
