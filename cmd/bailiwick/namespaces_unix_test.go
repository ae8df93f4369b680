//go:build unix

package main

import (
	"crypto/tls"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/testdata/oidcserver"
)

// A user who can choose a name at the provider or in a certificate cannot impersonate a
// local user: not in rules, groups, {user}, the ownership of uploads, or the log.
func TestNamesakes(t *testing.T) {
	issuer := oidcserver.Start(t)
	ca := issue(t, nil, "authority")
	dir := tree(t, map[string]string{
		"users": users, "keys": "k:" + strings.Repeat("A", 43) + "=\n",
		"d/alice/a": "local", "d/alice@127.0.0.1/a": "oidc", "d/alice@cert/a": "cert", "d/named": "x", "d/named-oidc": "x", "d/grouped": "x", "d/claimed": "x", "d/unit": "x",
	})
	ca.save(t, dir, "ca")
	issue(t, ca, "server").save(t, dir, "server")
	issue(t, ca, "alice").save(t, dir, "alice")
	writeConfig(t, dir, `
tls: {cert: server.pem, key: server.key}
users:
  htpasswd: users
  oidc: {issuer: "`+issuer.Issuer+`", audience: bailiwick, user_claim: preferred_username, groups_claim: groups}
  client_certificates: {ca: ca.pem}
groups: {editors: [alice]}
links: {keys: keys}
mounts:
  - source: d
    allow: ["**"]
    access:
      - {who: authenticated, can: [read], names: ["{user}/**"]}
      - {who: "user:alice", can: [read], names: [named]}
      - {who: "user:alice@127.0.0.1", can: [read], names: [named-oidc]}
      - {who: "group:editors", can: [read], names: [grouped]}
      - {who: "claim:groups=editors", can: [read], names: [claimed]}
      - {who: "claim:ou@cert=admins", can: [read], names: [unit]}
  - path: /files
    source: "mem:"
    uploads: {catalog: "sqlite:c.db"}
    access:
      - {who: authenticated, can: [upload]}
      - {who: owner, can: [read, delete]}
`)
	p := launch(t, command("serve", "--config", filepath.Join(dir, "bailiwick.yaml")))
	p.await(regexp.MustCompile(`^user names have a suffix: NAME@127\.0\.0\.1 \(OpenID Connect\), NAME@cert \(client certificate\);`))
	p.await(regexp.MustCompile(`^groups defined in the configuration ignore the groups in tokens: editors$`))

	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "alice.pem"), filepath.Join(dir, "alice.key"))
	if err != nil {
		t.Fatal(err)
	}
	plain := ca.trusting(nil)
	shown := ca.trusting(func(c *tls.Config) { c.Certificates = []tls.Certificate{pair} })
	token := func(name string) string {
		claims := issuer.Claims("1234", time.Now())
		claims["preferred_username"], claims["groups"], claims["ou"], claims["ou@cert"] = name, []string{"editors"}, "admins", "admins"
		return "Bearer " + issuer.Token(t, claims)
	}
	as := map[string]func(method, path, body string) (int, http.Header){}
	for who, by := range map[string]struct {
		client        *http.Client
		authorization string
	}{
		"local":       {plain, "Basic YWxpY2U6cHc="},
		"oidc":        {plain, token("alice")},
		"certificate": {shown, ""},
		// These would be other users' names if they had no suffix.
		"oidc as cert":  {plain, token("alice@cert")},
		"oidc as oidc":  {plain, token("alice@127.0.0.1")},
		"oidc as upper": {plain, token("ALICE")},
	} {
		as[who] = func(method, path, body string) (int, http.Header) {
			t.Helper()
			r, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if by.authorization != "" {
				r.Header.Set("Authorization", by.authorization)
			}
			if method == "POST" {
				r.Header.Set("Content-Disposition", `attachment; filename="x.txt"`)
			}
			resp, err := by.client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			_, _ = io.Copy(io.Discard, resp.Body)
			return resp.StatusCode, resp.Header
		}
	}
	readableBy := map[string]string{ // the users, by path
		"/alice/a":            "local",
		"/alice@127.0.0.1/a":  "oidc",
		"/alice@cert/a":       "certificate",
		"/named":              "local",
		"/named-oidc":         "oidc",
		"/grouped":            "local",
		"/claimed":            "oidc oidc as cert oidc as oidc oidc as upper",
		"/unit":               "",
		"/alice@cert@cert/a":  "",
		"/alice%40127.0.0.1/": "",
	}
	for path, readers := range readableBy {
		for who, request := range as {
			want := 404
			if who == "local" && readers == "local" || who != "local" && (readers == who || strings.Contains(readers, "oidc as") && strings.HasPrefix(who, "oidc")) {
				want = 200
			}
			if status, _ := request("GET", path, ""); status != want {
				t.Errorf("%s by %s: %d, want %d", path, who, status, want)
			}
		}
	}
	// Only the uploader can read an upload.
	for who, post := range as {
		status, header := post("POST", "/files/", "of "+who)
		if status != 201 {
			t.Fatalf("POST by %s: %d", who, status)
		}
		for other, request := range as {
			want := 404
			if other == who {
				want = 200
			}
			if status, _ := request("GET", header.Get("Location"), ""); status != want {
				t.Errorf("GET of %s's upload by %s: %d, want %d", who, other, status, want)
			}
		}
	}
	for _, name := range []string{"alice", "alice@127.0.0.1", "alice@cert", "alice@cert@127.0.0.1", "alice@127.0.0.1@127.0.0.1", "ALICE@127.0.0.1"} {
		p.await(regexp.MustCompile(`"raw":"/files/".*"principal":"` + regexp.QuoteMeta(name) + `"`))
	}
	// A signed link acts as exactly the user that it was made for.
	for user, want := range map[string]int{"alice": 404, "alice@127.0.0.1": 200, "alice@cert": 404} {
		out, err := command("sign", "--keys", filepath.Join(dir, "keys"), "--user", user, "--expires", "1h", p.url+"/named-oidc").Output()
		if err != nil {
			t.Fatal(err)
		}
		resp, err := plain.Get(strings.TrimSpace(string(out)))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("a link as %s: %d, want %d", user, resp.StatusCode, want)
		}
	}
	// A running server keeps rules for a user that a reload removes. A start with rules
	// for an unknown user fails.
	write(t, filepath.Join(dir, "users"), strings.SplitAfter(users, "\n")[1])
	p.signal(syscall.SIGHUP)
	p.await(regexp.MustCompile(`^reloaded`))
	p.await(regexp.MustCompile(`^warning: .*: no source of users has the user alice$`))
	if status, _ := as["local"]("GET", "/named", ""); status != 401 {
		t.Errorf("a removed user: %d", status)
	}
	p.stop()
	cmd := command("serve", "--config", filepath.Join(dir, "bailiwick.yaml"))
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != cli.ExitUsage || !strings.Contains(string(out), "there is no user alice: no user file has this name, and other names have a suffix, as in alice@127.0.0.1 (OpenID Connect) or alice@cert (certificate); write the full name, or add the user to a file") {
		t.Errorf("a start with rules for an unknown user: exit %d\n%s", code, out)
	}
}
