//go:build unix

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

var noUsers = regexp.MustCompile(`^warning: --access: there is no source of users, so only the rules for anyone grant anything; `)

// Access rules on the command line work like those in a file. A reload keeps them and
// reads the user files again.
func TestAccessFlags(t *testing.T) {
	dir := tree(t, map[string]string{
		"users": users, "site/public/a": "a", "site/alice/a": "alice", "site/bob/a": "bob", "site/two words/a": "two",
	})
	p := launch(t, command("serve", filepath.Join(dir, "site"), "--listen", "127.0.0.1:0", "--allow", "**", "--list", "--write",
		"--access-log", "off", "--htpasswd", filepath.Join(dir, "users"), "--mount-path", "/home", "--failed-logins", "2/h",
		"--access", "anyone can read public/**", "--access", "authenticated can read,list,write {user}/**",
		"--access", "group:editors can read two words/*", "--group", "editors=carol,bob"))
	check := func(when, user, method, path string, want int) {
		t.Helper()
		resp, _ := p.do(t, "", path, func(r *http.Request) {
			if r.Method = method; user != "" {
				as(user)(r)
			}
		})
		if resp.StatusCode != want {
			t.Errorf("%s: %s %s by %q: %d, want %d", when, method, path, user, resp.StatusCode, want)
		}
	}
	all := func(when string) {
		t.Helper()
		check(when, "", "GET", "/home/public/a", 200)
		check(when, "", "GET", "/public/a", 404)
		check(when, "", "GET", "/home/alice/a", 404) // no 401: a rule for anyone grants reading
		check(when, "", "PUT", "/home/alice/b", 401)
		check(when, "alice", "GET", "/home/alice/a", 200)
		check(when, "alice", "GET", "/home/alice/", 200)
		check(when, "alice", "GET", "/home/bob/a", 404)
		check(when, "alice", "PUT", "/home/bob/b", 404)
		check(when, "alice", "DELETE", "/home/alice/a", 404)
		check(when, "alice", "GET", "/home/two%20words/a", 404)
		check(when, "bob", "GET", "/home/two%20words/a", 200)
		check(when, "bob", "GET", "/home/two%20words/", 404)
	}
	all("at first")
	write(t, filepath.Join(dir, "users"), users+strings.Replace(strings.SplitAfter(users, "\n")[0], "alice", "carol", 1))
	check("before it is known", "carol", "GET", "/home/two%20words/a", 401)
	p.signal(syscall.SIGHUP)
	p.await(regexp.MustCompile(`^reloaded`))
	all("after a reload")
	check("after a reload", "carol", "GET", "/home/two%20words/a", 200)
	check("a second failure", "mallory", "GET", "/home/public/a", 401)
	check("a third failure", "mallory", "GET", "/home/public/a", 429)
	for _, line := range p.said() {
		if noUsers.MatchString(line) {
			t.Errorf("a false warning: %s", line)
		}
	}
}

// Without a source of users, access rules for users grant nothing, and the start warns.
// Rules for anyone need no users.
func TestAccessWithoutUsers(t *testing.T) {
	dir := tree(t, map[string]string{"a": "a"})
	p := serveTree(t, dir, "--allow", "**", "--access-log", "off", "--access", "authenticated can read", "--access", "user:alice can list")
	p.await(noUsers)
	if status, body := get(t, p.url+"/a"); status != 404 || body != "not found\n" {
		t.Errorf("without users: %d %q", status, body)
	}
	p.stop()
	p = serveTree(t, dir, "--allow", "**", "--access-log", "off", "--access", "anyone can read")
	if status, _ := get(t, p.url+"/a"); status != 200 {
		t.Errorf("anyone: %d", status)
	}
	p.stop()
	for _, line := range p.said() {
		if noUsers.MatchString(line) {
			t.Errorf("a false warning with rules for anyone: %s", line)
		}
	}
}

// The start warns if users are configured but no mount has access rules: these may have
// been forgotten.
func TestUsersWithoutAccess(t *testing.T) {
	for access, want := range map[string]bool{"": true, "access: [{who: anyone, can: [read]}]": false} {
		p, _ := configured(t, "access_log: {file: off}\nusers: {htpasswd: users}\nmounts:\n  - source: .\n    allow: [a]\n    "+access+"\n", map[string]string{"users": users, "a": "a"})
		p.stop()
		if got := strings.Contains(strings.Join(p.said(), "\n"), "users: no mount has access rules, so nobody has to log in"); got != want {
			t.Errorf("with %q: warning %v, want %v", access, got, want)
		}
	}
}

// A reload reports the granted rights and warnings, as a start does.
func TestReloadReportsRights(t *testing.T) {
	const open = "users: {htpasswd: users}\nmounts:\n  - source: .\n    allow: [a]\n    write: true\n"
	p, dir := configured(t, open+"    access: [{who: authenticated, can: [read]}]\n", map[string]string{"users": users, "a": "a"})
	writeConfig(t, dir, open)
	p.signal(syscall.SIGHUP)
	p.await(regexp.MustCompile(`^warning: .*users: no mount has access rules, so nobody has to log in`))
	p.await(regexp.MustCompile(`^clients can write: PUT, DELETE, COPY and MOVE, by anybody`))
}

// Uploads have owners on the command line, too.
func TestAccessUploads(t *testing.T) {
	dir := tree(t, map[string]string{"users": users, "up/.keep": ""})
	cmd := command("serve", filepath.Join(dir, "up"), "--listen", "127.0.0.1:0", "--uploads", "--access-log", "off")
	cmd.Env = append(cmd.Env, "BAILIWICK_CATALOG=sqlite:"+filepath.Join(dir, "c.db"), "BAILIWICK_HTPASSWD="+filepath.Join(dir, "users"),
		"BAILIWICK_ACCESS=authenticated can upload\nowner can read,delete")
	p := launch(t, cmd)
	post := func(user string) *http.Response {
		resp, _ := p.do(t, "", "/", func(r *http.Request) {
			r.Method = http.MethodPost
			r.Body = http.NoBody
			r.Header.Set("Content-Disposition", `attachment; filename="a.txt"`)
			r.Header.Set("Content-Type", "text/plain")
			if user != "" {
				as(user)(r)
			}
		})
		return resp
	}
	if resp := post(""); resp.StatusCode != 401 {
		t.Errorf("without credentials: %s", resp.Status)
	}
	resp := post("alice")
	at := resp.Header.Get("Location")
	if resp.StatusCode != 201 || at == "" {
		t.Fatalf("alice: %s at %q", resp.Status, at)
	}
	for user, want := range map[string]int{"alice": 200, "bob": 404} {
		if resp, _ := p.do(t, "", at, as(user)); resp.StatusCode != want {
			t.Errorf("%s: %s, want %d", user, resp.Status, want)
		}
	}
}

// Users whose names are not valid path elements can log in. Rules with their names match,
// {user} matches nothing for them, and the start says so once.
func TestUsersThatAreNoElements(t *testing.T) {
	hash := strings.TrimPrefix(strings.SplitAfter(users, "\n")[0], "alice")
	odd := []string{`CORP\user`, "a/b", ".."}
	var lines strings.Builder
	lines.WriteString(users)
	for _, name := range odd {
		lines.WriteString(name + hash)
	}
	const token = "5d41402abc4b2a76b9719d911017c592"
	sum := sha256.Sum256([]byte(token))
	p, _ := configured(t, `
users: {htpasswd: users, tokens: tokens}
groups: {staff: ['a/b', alice]}
mounts:
  - source: site
    allow: ["**"]
    access:
      - {who: authenticated, can: [read], names: ["home/{user}/**", "{user}"]}
      - {who: 'user:CORP\user', can: [read], names: [corp.txt]}
      - {who: group:staff, can: [read], names: [staff.txt]}
      - {who: 'user:svc\backup', can: [read], names: [backup.txt]}
`, map[string]string{
		"users": lines.String(), "tokens": "svc\\backup:" + hex.EncodeToString(sum[:]) + "\n",
		"site/home/alice/a.txt": "a", "site/home/CORP/user/a.txt": "a", "site/home/a/b/a.txt": "a", "site/a/b": "x", "site/corp.txt": "corp", "site/staff.txt": "staff", "site/backup.txt": "b",
	})
	line := p.await(regexp.MustCompile(`^.*are not valid path elements.*$`))
	if want := `4 user names are not valid path elements, such as .., so {user} in access rules matches nothing for these users`; !strings.Contains(line, want) {
		t.Errorf("the warning is %q, want %q", line, want)
	}
	if n := strings.Count(strings.Join(p.said(), "\n"), "are not valid path elements"); n != 1 {
		t.Errorf("%d warnings, want 1", n)
	}
	for _, tt := range []struct {
		user, path string
		want       int
	}{
		{`CORP\user`, "/corp.txt", 200},
		{"alice", "/corp.txt", 404},
		{"a/b", "/staff.txt", 200},
		{"..", "/staff.txt", 404},
		{"alice", "/home/alice/a.txt", 200},
		{"a/b", "/home/a/b/a.txt", 404},
		{"a/b", "/a/b", 404},
		{`CORP\user`, "/home/CORP/user/a.txt", 404},
		{"..", "/home/alice/a.txt", 404},
		{"mallory", "/corp.txt", 401},
	} {
		if resp, _ := p.do(t, "", tt.path, as(tt.user)); resp.StatusCode != tt.want {
			t.Errorf("%s by %q: %d, want %d", tt.path, tt.user, resp.StatusCode, tt.want)
		}
	}
	bearer := func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	if resp, _ := p.do(t, "", "/backup.txt", bearer); resp.StatusCode != 200 {
		t.Errorf("with its token: %d", resp.StatusCode)
	}
}
