//go:build unix

package main

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
