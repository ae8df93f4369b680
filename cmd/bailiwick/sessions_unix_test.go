//go:build unix

package main

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/testdata/oidcprovider"
)

// browse is the header of a browser that shows a page.
func browse(r *http.Request) {
	r.Header.Set("Accept", "text/html,*/*;q=0.8")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
}

// form makes a request post a form.
func form(fields url.Values) func(*http.Request) {
	return func(r *http.Request) {
		r.Method = http.MethodPost
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		body := strings.NewReader(fields.Encode())
		r.Body, r.ContentLength = http.NoBody, int64(body.Len())
		r.Body = readCloser{body}
	}
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

func cookie(pair string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Cookie", pair) }
}

// signIn signs in on a host and returns the cookie.
func (p *process) signIn(t *testing.T, host, user string) string {
	t.Helper()
	resp, body := p.do(t, host, "/.bailiwick/login", form(url.Values{"user": {user}, "password": {"pw"}, "next": {"/docs/"}}))
	set := resp.Header.Get("Set-Cookie")
	if resp.StatusCode != 303 || resp.Header.Get("Location") != "/docs/" || !strings.HasPrefix(set, "bailiwick=") {
		t.Fatalf("signing in as %s: %d %v %s", user, resp.StatusCode, resp.Header, body)
	}
	pair, _, _ := strings.Cut(set, ";")
	return pair
}

// TestSessions signs in on the page of a real server. The session holds on all hosts and
// after a reload, and ends when the password is set again, the user is removed, or the key.
func TestSessions(t *testing.T) {
	p, dir := configured(t, `
hosts: [other.example]
users: {htpasswd: users, sessions: {keys: session-keys}}
access_log: {file: access.jsonl}
mounts:
  - {path: /docs, source: site, allow: ["**"], list: true, access: [{who: authenticated, can: [read, list]}]}
  - {path: /hosted, host: one.example, source: site, allow: ["**"], access: [{who: authenticated, can: [read]}]}
`, map[string]string{"users": users, "session-keys": linkKeys, "site/a.txt": "a"})
	alice, bob := p.signIn(t, "other.example", "alice"), p.signIn(t, "one.example", "bob")
	wants := func(what, pair string, status int) {
		t.Helper()
		for _, at := range [][2]string{{"other.example", "/docs/a.txt"}, {"one.example", "/hosted/a.txt"}} {
			if resp, _ := p.do(t, at[0], at[1], cookie(pair)); resp.StatusCode != status {
				t.Errorf("%s at %s: %d, want %d", what, at, resp.StatusCode, status)
			}
		}
	}
	reload := func(n int) {
		t.Helper()
		p.signal(syscall.SIGHUP)
		p.awaitCount(regexp.MustCompile(`^reloaded`), n)
	}
	wants("alice", alice, 200)
	wants("nobody", "bailiwick=x", 401)

	// The page is the same on every path of a mount, and paths of no mount do not have it.
	var want string
	for i, path := range []string{"/docs/a.txt", "/docs/x.txt", "/docs/none/", "/docs/"} {
		resp, body := p.do(t, "other.example", path, browse)
		body = regexp.MustCompile(`nonce="[^"]*"`).ReplaceAllString(strings.ReplaceAll(body, path, "PATH"), "")
		for _, key := range []string{"Date", "Content-Security-Policy", "Content-Length"} {
			resp.Header.Del(key)
		}
		if got := fmt.Sprint(resp.StatusCode, resp.Header, body); i == 0 {
			want = got
		} else if got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
		if resp.StatusCode != 401 || resp.Header.Get("Www-Authenticate") != "" || !strings.Contains(body, `action="/.bailiwick/login"`) {
			t.Errorf("%s: %d %v", path, resp.StatusCode, resp.Header)
		}
	}
	for _, path := range []string{"/", "/other", "/.bailiwick/", "/.bailiwick/x", "/hosted/a.txt"} {
		if resp, body := p.do(t, "other.example", path, browse); resp.StatusCode != 404 || body != "not found\n" {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
	// An unknown host has no page at all.
	if resp, _ := p.do(t, "evil.example", "/.bailiwick/login", browse); resp.StatusCode != 404 {
		t.Errorf("an unknown host: %d", resp.StatusCode)
	}

	reload(1)
	wants("alice after a reload", alice, 200)
	if code, said := withInput(t, "pw\n", "users", "passwd", filepath.Join(dir, "users"), "alice"); code != cli.ExitDone {
		t.Fatal(said)
	}
	wants("alice before the reload", alice, 200)
	reload(2)
	wants("alice with the same password set again", alice, 401)
	wants("bob", bob, 200)
	if code, said := withInput(t, "", "users", "remove", filepath.Join(dir, "users"), "bob"); code != cli.ExitDone {
		t.Fatal(said)
	}
	reload(3)
	wants("bob, who is removed", bob, 401)
	alice = p.signIn(t, "other.example", "alice")
	if code, said := withInput(t, "", "keys", "new", filepath.Join(dir, "session-keys")); code != cli.ExitDone {
		t.Fatal(said)
	}
	reload(4)
	wants("alice with the second key", alice, 200)
	first, _, _ := strings.Cut(fileText(t, filepath.Join(dir, "session-keys")), "\n")
	write(t, filepath.Join(dir, "session-keys"), first+"\n")
	reload(5)
	wants("alice without her key", alice, 401)

	p.stop()
	log := fileText(t, filepath.Join(dir, "access.jsonl"))
	if n := strings.Count(log, `"reason":"auth.signed_in"`); n != 3 || strings.Contains(log, strings.TrimPrefix(alice, "bailiwick=")) {
		t.Errorf("%d sign-ins are recorded, or a cookie is", n)
	}
}

// TestSignInAtProvider signs in at a real provider, by a public client and by one with a
// secret.
func TestSignInAtProvider(t *testing.T) {
	issuer := oidcprovider.Start(t)
	for what, client := range map[string]string{
		"public":       "client_id: " + issuer.ClientID,
		"confidential": "client_id: " + issuer.ConfidentialID + ", client_secret_file: secret",
	} {
		t.Run(what, func(t *testing.T) {
			p, dir := configured(t, fmt.Sprintf(`
users:
  htpasswd: users
  oidc: {issuer: "%s", audience: an-api, groups_claim: groups, suffix: id, %s}
  sessions: {keys: session-keys}
access_log: {file: access.jsonl}
mounts:
  - source: site
    allow: ["**"]
    access: [{who: "group:staff", can: [read], names: [staff.txt]}, {who: "user:alice@id", can: [read], names: [alice.txt]}, {who: "user:alice", can: [read], names: [local.txt]}, {who: "claim:email@id=alice@example.org", can: [read], names: [mail.txt]}]
`, issuer.Issuer, client), map[string]string{
				"users": users, "session-keys": linkKeys, "secret": issuer.Secret + "\n",
				"site/staff.txt": "for staff", "site/alice.txt": "for alice", "site/local.txt": "for the other alice", "site/mail.txt": "for an address",
			})
			jar, err := cookiejar.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			browser := &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}
			resp, body := issuer.Visit(t, browser, p.url+"/.bailiwick/login/oidc?next=/staff.txt", "alice")
			if resp.Request.URL.String() != p.url+"/staff.txt" || resp.StatusCode != 200 || body != "for staff" {
				t.Fatalf("signing in ended at %s: %d %s\n%s", resp.Request.URL, resp.StatusCode, body, strings.Join(p.said(), "\n"))
			}
			at, err := url.Parse(p.url)
			if err != nil {
				t.Fatal(err)
			}
			session := ""
			for _, c := range jar.Cookies(at) {
				if c.Name == "bailiwick" {
					session = c.Name + "=" + c.Value
				}
				if c.Name == "bailiwick-login" {
					t.Error("the cookie of the flow is left")
				}
			}
			for path, status := range map[string]int{"/staff.txt": 200, "/alice.txt": 200, "/mail.txt": 200, "/local.txt": 404} {
				if resp, _ := p.do(t, "", path, cookie(session)); resp.StatusCode != status {
					t.Errorf("%s: %d, want %d", path, resp.StatusCode, status)
				}
			}
			// An ID token of this client is for another audience than bearer tokens are.
			if resp, _ := p.do(t, "", "/staff.txt", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+issuer.Login(t, "alice")) }); resp.StatusCode != 401 {
				t.Errorf("an ID token as a bearer token: %d", resp.StatusCode)
			}
			// A callback that this browser did not begin.
			if resp, _ := p.do(t, "", "/.bailiwick/login/callback?code=x&state=y", browse); resp.StatusCode != 401 || len(resp.Cookies()) != 0 {
				t.Errorf("a callback of nobody: %d %v", resp.StatusCode, resp.Header)
			}
			// Another client is another session.
			writeConfig(t, dir, strings.Replace(fileText(t, filepath.Join(dir, "bailiwick.yaml")), "listen: [127.0.0.1:0]\n", "", 1)+"# reloaded\n")
			p.signal(syscall.SIGHUP)
			p.awaitCount(regexp.MustCompile(`^reloaded`), 1)
			if resp, _ := p.do(t, "", "/staff.txt", cookie(session)); resp.StatusCode != 200 {
				t.Errorf("after a reload: %d", resp.StatusCode)
			}
			text := strings.Replace(fileText(t, filepath.Join(dir, "bailiwick.yaml")), "listen: [127.0.0.1:0]\n", "", 1)
			writeConfig(t, dir, regexp.MustCompile(`client_id: [a-z-]+`).ReplaceAllString(text, "client_id: another"))
			p.signal(syscall.SIGHUP)
			p.awaitCount(regexp.MustCompile(`^reloaded`), 2)
			if resp, _ := p.do(t, "", "/staff.txt", cookie(session)); resp.StatusCode != 401 {
				t.Errorf("with another client: %d", resp.StatusCode)
			}
			p.stop()
			if log := fileText(t, filepath.Join(dir, "access.jsonl")); strings.Count(log, `"principal":"alice@id","verdict":"allowed","reason":"auth.signed_in"`) != 1 || strings.Contains(log, "code=") {
				t.Errorf("the log: %s", log)
			}
		})
	}
}

// TestForwardedProto: a trusted proxy that does not say whether its client uses TLS is a warning,
// once, and the one that does gets cookies for TLS only.
func TestForwardedProto(t *testing.T) {
	p, _ := configured(t, `
users: {htpasswd: users, sessions: {keys: session-keys}}
trusted_proxies: [127.0.0.1/32]
access_log: {file: access.jsonl}
mounts:
  - {path: /docs, source: site, allow: ["**"], access: [{who: authenticated, can: [read]}]}
`, map[string]string{"users": users, "session-keys": linkKeys, "site/a.txt": "a"})
	for range 2 {
		p.signIn(t, "localhost", "alice")
	}
	warning := regexp.MustCompile(`sends no X-Forwarded-Proto`)
	p.awaitCount(warning, 1)
	resp, _ := p.do(t, "localhost", "/.bailiwick/login", form(url.Values{"user": {"alice"}, "password": {"pw"}}), func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") })
	if set := resp.Header.Get("Set-Cookie"); !strings.HasPrefix(set, "__Host-bailiwick=") || !strings.HasSuffix(set, "; Secure") {
		t.Errorf("over TLS: %s", set)
	}
	p.awaitCount(warning, 1)
}
