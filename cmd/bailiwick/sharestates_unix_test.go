//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/auth/htpasswd"
)

// TestShareStates lists shares with their states, and asks a server for each: what is ok opens,
// and nothing else does.
func TestShareStates(t *testing.T) {
	dir := tree(t, map[string]string{"a/x.txt": "x", "a/y.txt": "y", "a/drop/z.txt": "z"})
	hash, err := htpasswd.Hash("password")
	if err != nil {
		t.Fatal(err)
	}
	users := filepath.Join(dir, "users")
	if err := os.WriteFile(users, []byte("alice:"+hash+"\nbob:"+hash+"\ncarol:"+hash+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "bailiwick.yaml")
	configure := func(carol, more string) {
		t.Helper()
		writeConfig(t, dir, fmt.Sprintf(`
access_log: {file: "off"}
users: {htpasswd: users}
shares: {catalog: "sqlite:shares.db"}
mounts:
  - path: /files
    source: a
    allow: ["**"]
    list: true
    access: [{who: "user:alice", can: [read, list, write, share]}, {who: "user:bob", can: [read, list, share]}, {who: "user:carol", can: [%s]}]
    %s
`, carol, more))
	}
	configure("read, list, share", "write: true")
	p := launch(t, command("serve", "--config", file))
	links := map[string]string{}
	share := func(what, who, body string) {
		t.Helper()
		status, _, text := p.asked(t, "", "POST", "/.bailiwick/shares", who, body, "Content-Type", "application/json")
		var made struct{ ID, URL string }
		if err := json.Unmarshal([]byte(text), &made); err != nil || status != 201 {
			t.Fatalf("%s: %d %q", what, status, text)
		}
		links[made.ID] = what + " " + made.URL
	}
	share("open", "alice", `{"path":"/files/x.txt"}`)
	share("a use left", "alice", `{"path":"/files/x.txt","uses":9}`)
	share("used", "alice", `{"path":"/files/x.txt","uses":1}`)
	share("expiring", "alice", `{"path":"/files/x.txt","expires":"1ms"}`)
	share("of bob", "bob", `{"path":"/files/y.txt"}`)
	share("of carol", "carol", `{"path":"/files/"}`)
	share("denied later", "alice", `{"path":"/files/y.txt"}`)
	share("a file request", "alice", `{"path":"/files/drop","upload":true}`)
	for _, at := range links {
		if what, link, _ := strings.Cut(at, " /"); what == "used" {
			if status, _, _ := p.asked(t, "", "GET", "/"+link, "", ""); status != 200 {
				t.Errorf("the only use: %d", status)
			}
		}
	}
	list := func(args ...string) (states map[string]int, all map[string]string) {
		t.Helper()
		out, err := command(append([]string{"share", "list", "--json"}, args...)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		states, all = map[string]int{}, map[string]string{}
		for line := range strings.Lines(string(out)) {
			var s struct{ ID, State string }
			if err := json.Unmarshal([]byte(line), &s); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			states[s.State]++
			all[s.ID] = s.State
		}
		return states, all
	}
	agree := func(what string, want map[string]int) {
		t.Helper()
		states, all := list("--config", file)
		if fmt.Sprint(states) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", what, states, want)
		}
		for id, state := range all {
			name, link, _ := strings.Cut(links[id], " /")
			status, _, _ := p.asked(t, "", "GET", "/"+link, "", "")
			if (state == "ok") != (status == http.StatusOK) {
				t.Errorf("%s: the share %q is %s, and the server says %d", what, name, state, status)
			}
		}
	}
	agree("at first", map[string]int{"ok": 6, "used": 1, "expired": 1})
	if states, _ := list("--shares", "sqlite:"+filepath.Join(dir, "shares.db")); fmt.Sprint(states) != fmt.Sprint(map[string]int{"-": 6, "used": 1, "expired": 1}) {
		t.Errorf("without the configuration: %v", states)
	}

	if out, err := command("users", "remove", users, "bob").CombinedOutput(); err != nil || !strings.Contains(string(out), "bailiwick share revoke --user bob") {
		t.Errorf("users remove: %v %s", err, out)
	}
	configure("read, list", `deny: ["y.txt"]`) // and no write
	p.signal(syscall.SIGHUP)
	p.awaitCount(reloadedLine, 1)
	agree("after a reload", map[string]int{"ok": 2, "used": 1, "expired": 1, "issuer": 4})

	// A new user of the name revives what was shared, unless it was revoked.
	revoke := func(who string, want int) {
		t.Helper()
		out, err := command("share", "revoke", "--user", who, "--config", file).CombinedOutput()
		if err != nil || strings.Count(string(out), "revoked ") != want {
			t.Errorf("revoking what %s shared: %v %s", who, err, out)
		}
	}
	revoke("bob", 1)
	add := command("users", "add", users, "bob")
	add.Stdin = strings.NewReader("another password\n")
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	configure("read, list, share", "write: true")
	p.signal(syscall.SIGHUP)
	p.awaitCount(reloadedLine, 2)
	agree("with everything back, but the share of bob", map[string]int{"ok": 5, "used": 1, "expired": 1})
	revoke("nobody", 0)
	revoke("alice", 6)
	agree("without alice's", map[string]int{"ok": 1})
}
