// Package oidcprovider runs a real OpenID provider for tests: oidc-provider, a certified
// implementation on Node.js. Only tests may import it. For forged tokens, which a real
// provider does not sign, see package oidcserver.
package oidcprovider

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/testdata/nodetool"
)

// A Provider is a running provider. It accepts every user. All users are in the groups
// editors and staff, and NAME has the address NAME@example.org.
type Provider struct {
	Issuer   string // http://127.0.0.1:PORT
	ClientID string // of a public client, the audience of its tokens

	// ConfidentialID and Secret are those of a client with a secret.
	ConfidentialID, Secret string

	stdin io.Writer
	lines *bufio.Scanner
}

// redirect is the redirect URI after login. Nothing listens there: the client stops
// before requesting it.
const redirect = "http://127.0.0.1:9/callback"

// callback is where a Bailiwick on this machine, on any port, has its own.
const callback = "http://127.0.0.1/.bailiwick/login/callback"

// Start starts a provider that signs with RS256, and stops it when t ends. If it is not
// installed, Start skips t and reports how to install it, or fails t; see
// [nodetool.RequireVariable].
func Start(t testing.TB) *Provider {
	t.Helper()
	dir := nodetool.Find(t, "oidcprovider", "package.json", "package-lock.json", "provider.mjs")
	p := &Provider{ClientID: "bailiwick", ConfidentialID: "bailiwick-secret", Secret: "a secret: 100% (of it)"}
	cmd := exec.Command("node", "provider.mjs", p.ClientID, p.Secret, redirect, callback)
	cmd.Dir = dir
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var talk strings.Builder
	cmd.Stderr = &talk
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// The provider ends when its standard input closes, so it does not outlive a test that
	// crashes.
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("output of the provider:\n%s", &talk)
		}
	})
	p.stdin, p.lines = stdin, bufio.NewScanner(stdout)
	p.Issuer = p.line(t, "issuer ")
	return p
}

// Rotate makes the provider replace its key by a new one.
func (p *Provider) Rotate(t testing.TB, algorithm string) {
	t.Helper()
	if _, err := fmt.Fprintln(p.stdin, algorithm); err != nil {
		t.Fatal(err)
	}
	p.line(t, "rotated")
}

// line waits for a line that begins with prefix, and returns the rest of it.
func (p *Provider) line(t testing.TB, prefix string) string {
	t.Helper()
	for p.lines.Scan() {
		if rest, ok := strings.CutPrefix(p.lines.Text(), prefix); ok {
			return rest
		}
	}
	t.Fatalf("the provider ended before it printed %q: %v", prefix, p.lines.Err())
	return ""
}

// Login logs a user in like a browser, with the authorization code flow and PKCE, and
// returns the ID token.
func (p *Provider) Login(t testing.TB, user string) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{
		Jar:       jar,
		Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			if strings.HasPrefix(r.URL.String(), redirect) {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
	// The example of RFC 7636, appendix B.
	const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	answer, _ := p.Visit(t, client, p.Issuer+"/auth?"+url.Values{
		"client_id": {p.ClientID}, "response_type": {"code"}, "scope": {"openid"}, "redirect_uri": {redirect},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}.Encode(), user)
	back, err := answer.Location()
	if err != nil {
		t.Fatalf("logging in ended at %s, %s", answer.Request.URL.Path, answer.Status)
	}
	answer, body := p.do(t, client, p.Issuer+"/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "redirect_uri": {redirect},
		"client_id": {p.ClientID}, "code_verifier": {verifier},
	})
	var tokens struct {
		ID string `json:"id_token"`
	}
	if err := json.Unmarshal([]byte(body), &tokens); err != nil || tokens.ID == "" {
		t.Fatalf("no token: %s, %v", answer.Status, err)
	}
	return tokens.ID
}

// Visit opens a URL that leads to the provider, logs a user in there, and returns where that
// ends, with its body. The client follows redirects and has a jar.
func (p *Provider) Visit(t testing.TB, client *http.Client, target, user string) (*http.Response, string) {
	t.Helper()
	answer, body := p.do(t, client, target, nil)
	for range 2 { // a page to log in, and one to consent
		prompt := "consent"
		if strings.Contains(body, `value="login"`) {
			prompt = "login"
		}
		form := url.Values{"prompt": {prompt}, "login": {user}, "password": {"any"}}
		answer, body = p.do(t, client, answer.Request.URL.String(), form)
	}
	return answer, body
}

// do gets a page, or posts form to it, and returns the response and its body.
func (p *Provider) do(t testing.TB, client *http.Client, target string, form url.Values) (*http.Response, string) {
	t.Helper()
	var answer *http.Response
	var err error
	if form == nil {
		answer, err = client.Get(target)
	} else {
		answer, err = client.PostForm(target, form)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}
