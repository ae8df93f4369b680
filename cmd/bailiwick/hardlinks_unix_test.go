//go:build unix

package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A hard link can bring a file from outside into a source. If clients can write to the
// source through any mount, hard links are refused by default: not served, listed or
// written to.
func TestHardLinks(t *testing.T) {
	for _, tt := range []struct {
		name, mounts string
		served       map[string]bool // by mount path
	}{
		{"reading", `[{path: /a, source: www, allow: ["**"], list: true}]`, map[string]bool{"/a": true}},
		{"reading, refused", `[{path: /a, source: www, allow: ["**"], list: true, hard_links: refuse}]`, map[string]bool{"/a": false}},
		{"writing", `[{path: /a, source: www, allow: ["**"], list: true, write: true}]`, map[string]bool{"/a": false}},
		{"writing, served", `[{path: /a, source: www, allow: ["**"], list: true, write: true, hard_links: serve}]`, map[string]bool{"/a": true}},
		{"another writes", `[{path: /a, source: www, allow: ["**"], list: true}, {path: /b, source: www/../www, allow: ["**"], list: true, write: true}]`,
			map[string]bool{"/a": false, "/b": false}},
		{"another writes above", `[{path: /a, source: www, allow: ["**"], list: true}, {path: /b, source: ., allow: ["nothing"], write: true}]`, map[string]bool{"/a": false}},
		{"each mount sets it", `[{path: /a, source: www, allow: ["**"], list: true, hard_links: serve}, {path: /b, source: www, allow: ["**"], list: true, write: true}]`,
			map[string]bool{"/a": true, "/b": false}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := tree(t, map[string]string{"outside": "canary", "www/own.txt": "own"})
			if err := os.Link(filepath.Join(dir, "outside"), filepath.Join(dir, "www/linked.txt")); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "etc.yaml")
			write(t, file, "listen: [\"127.0.0.1:0\"]\naccess_log: {file: off}\nmounts: "+tt.mounts+"\n")
			p := start(t, "serve", "--config", file)
			for path, served := range tt.served {
				code, body := get(t, p.url+path+"/linked.txt")
				if (code == http.StatusOK && body == "canary") != served {
					t.Errorf("%s: %d %q, want it served: %t", path, code, body, served)
				}
				if _, list := get(t, p.url+path+"/"); strings.Contains(list, "linked.txt") != served || !strings.Contains(list, "own.txt") {
					t.Errorf("%s: the listing has it: %t", path, !served)
				}
				if code, body := get(t, p.url+path+"/own.txt"); code != http.StatusOK || body != "own" {
					t.Errorf("%s: a file with one link: %d %q", path, code, body)
				}
				out, _ := command("explain", "--config", file, strings.TrimPrefix(path, "/")+"/linked.txt").Output()
				if got := strings.Contains(string(out), "hard_link"); got == served {
					t.Errorf("%s: explain: %s", path, out)
				}
				if !served && status(t, http.MethodPut, p.url+path+"/linked.txt") < 400 {
					t.Errorf("%s: it was written to", path)
				}
			}
			if data, err := os.ReadFile(filepath.Join(dir, "outside")); err != nil || string(data) != "canary" {
				t.Errorf("the file outside: %q, %v", data, err)
			}
		})
	}
	// The same with flags and variables, and for scan and explain.
	dir := tree(t, map[string]string{"outside": "canary", "www/own.txt": "own"})
	www := filepath.Join(dir, "www")
	if err := os.Link(filepath.Join(dir, "outside"), filepath.Join(www, "linked.txt")); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args   []string
		env    string
		served bool
	}{
		{nil, "", true},
		{[]string{"--write"}, "", false},
		{[]string{"--write", "--hard-links", "serve"}, "", true},
		{[]string{"--write"}, "serve", true},
		{nil, "refuse", false},
	} {
		t.Setenv("BAILIWICK_HARD_LINKS", "")
		cmd := command(append([]string{"serve", www, "--allow", "**", "--listen", "127.0.0.1:0", "--access-log", "off"}, tt.args...)...)
		if tt.env != "" {
			cmd.Env = append(cmd.Env, "BAILIWICK_HARD_LINKS="+tt.env)
		}
		p := startCommand(t, cmd)
		if code, _ := get(t, p.url+"/linked.txt"); (code == http.StatusOK) != tt.served {
			t.Errorf("%v, variable %q: %d", tt.args, tt.env, code)
		}
	}
	for flag, want := range map[string]string{"serve": "allowed\tlinked.txt", "refuse": "refused\tlinked.txt\thard_link"} {
		out, _ := command("scan", www, "--allow", "**", "--hard-links", flag).Output()
		if !strings.Contains(string(out), want) || !strings.Contains(string(out), "allowed\town.txt") {
			t.Errorf("scan with %s: %s", flag, out)
		}
		out, _ = command("explain", www, "--allow", "**", "--hard-links", flag, "linked.txt").Output()
		if !strings.Contains(string(out), want) {
			t.Errorf("explain with %s: %s", flag, out)
		}
	}
}
