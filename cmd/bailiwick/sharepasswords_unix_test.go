//go:build unix

package main

import (
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/auth/htpasswd"
)

// TestSharePasswordsCountedApart: whoever has a link and guesses its password is stopped, also
// after a reload, but closes no logins from the same address.
func TestSharePasswordsCountedApart(t *testing.T) {
	hash, err := htpasswd.Hash("password")
	if err != nil {
		t.Fatal(err)
	}
	dir := tree(t, map[string]string{"users": "alice:" + hash + "\n", "site/a.txt": "a"})
	p := launch(t, command("serve", filepath.Join(dir, "site"), "--listen", "127.0.0.1:0", "--allow", "**", "--access-log", "off",
		"--htpasswd", filepath.Join(dir, "users"), "--failed-logins", "2/h", "--shares", "sqlite:"+filepath.Join(dir, "shares.db"),
		"--access", "authenticated can read,share"))
	check := func(what, path, user, password string, want int) {
		t.Helper()
		resp, _ := p.do(t, "", path, func(r *http.Request) { r.SetBasicAuth(user, password) })
		if resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", what, resp.StatusCode, want)
		}
	}
	link := p.shareOn(t, strings.TrimPrefix(p.url, "http://"), `{"path":"/a.txt","password":"the password of the share"}`)
	check("a wrong password", link, "x", "wrong", 401)
	check("a second one", link, "x", "wrong", 401)
	check("a third one", link, "x", "wrong", 429)
	check("the right one", link, "x", "the password of the share", 429)
	check("a login", "/a.txt", "alice", "password", 200)
	p.signal(syscall.SIGHUP)
	p.await(regexp.MustCompile(`^reloaded`))
	check("the right password, after a reload", link, "x", "the password of the share", 429)
	check("a login, after a reload", "/a.txt", "alice", "password", 200)
}
