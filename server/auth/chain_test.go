package auth_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/auth"
)

// A certificate is a certificate checker that uses the TLS server name as the principal.
type certificate struct{}

func (certificate) CheckCertificate(state *tls.ConnectionState) (auth.Principal, bool, error) {
	switch state.ServerName {
	case "":
		return auth.Principal{}, false, nil
	case "wrong":
		return auth.Principal{}, false, auth.ErrCredentials
	case "nobody":
		return auth.Principal{}, true, nil
	}
	return auth.Principal{Name: state.ServerName, Method: "certificate"}, true, nil
}

// judge knows alice's secret, and names that trigger other results.
var judge = auth.PasswordsFunc(func(_ context.Context, name, password string) (auth.Principal, error) {
	switch {
	case name == "away":
		return auth.Principal{}, auth.ErrUnavailable
	case name == "bug":
		return auth.Principal{}, errors.New("database password hunter2 refused")
	case name == "panic":
		panic("a checker's bug")
	case name == "nobody":
		return auth.Principal{}, nil
	case password == "reserved":
		return auth.Principal{Name: name, Method: "basic"}, nil
	case name == "alice" && password == "secret":
		return auth.Principal{Name: name, Method: "basic"}, nil
	}
	return auth.Principal{}, auth.ErrCredentials
})

// taking is a token checker that accepts every token as alice's, except "wrong" and
// "old".
func taking(method string) auth.TokensFunc {
	return func(_ context.Context, token string) (auth.Principal, error) {
		switch {
		case strings.HasPrefix(token, "old"):
			return auth.Principal{}, auth.ErrExpired
		case strings.HasPrefix(token, "wrong"):
			return auth.Principal{}, auth.ErrCredentials
		}
		return auth.Principal{Name: "alice", Method: method}, nil
	}
}

func request(certificate string, authorization ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = "192.0.2.1:1000"
	r.TLS = &tls.ConnectionState{ServerName: certificate}
	for _, a := range authorization {
		r.Header.Add("authorization", a)
	}
	return r
}

func TestChain(t *testing.T) {
	all := auth.ChainConfig{Passwords: judge, Tokens: taking("token"), Signed: taking("oidc"), Certificates: certificate{}, SignedSuffix: "id.example.org", CertificatesSuffix: "cert"}
	shown := auth.ChainConfig{Certificates: certificate{}}
	none := auth.ChainConfig{}
	static := auth.ChainConfig{Tokens: taking("token")}
	signed := auth.ChainConfig{Signed: taking("oidc")}
	good := "Basic " + encode("alice:secret")
	tests := []struct {
		name string
		cfg  auth.ChainConfig
		r    *http.Request
		want string // METHOD NAME, or anyone
		err  error
	}{
		{"nothing", all, request(""), "anyone", nil},
		{"password", all, request("", good), "basic alice", nil},
		{"wrong password", all, request("", "Basic "+encode("alice:guess")), "", auth.ErrCredentials},
		{"unknown user", all, request("", "Basic "+encode("bob:secret")), "", auth.ErrCredentials},
		{"not now", all, request("", "Basic "+encode("away:x")), "", auth.ErrUnavailable},
		{"checker's own error", all, request("", "Basic "+encode("bug:x")), "", auth.ErrUnavailable},
		{"checker returns no name", all, request("", "Basic "+encode("nobody:x")), "", auth.ErrCredentials},
		{"token", all, request("", "Bearer abc"), "token alice", nil},
		{"token of two parts", all, request("", "Bearer a.b"), "token alice", nil},
		{"token of four parts", all, request("", "Bearer a.b.c.d"), "token alice", nil},
		{"signed token", all, request("", "Bearer a.b.c"), "oidc alice@id.example.org", nil},
		{"signed token alone", signed, request("", "Bearer a.b.c"), "oidc alice", nil},
		{"unsigned token", all, request("", "Bearer a.b."), "oidc alice@id.example.org", nil},
		{"signed token where none is supported", static, request("", "Bearer a.b.c"), "token alice", nil},
		{"plain token where only signed ones are supported", signed, request("", "Bearer abc"), "", auth.ErrCredentials},
		{"expired token", all, request("", "Bearer old"), "", auth.ErrExpired},
		{"expired is wrong", all, request("", "Bearer old"), "", auth.ErrCredentials},
		{"unknown scheme", all, request("", "Digest abc"), "", auth.ErrCredentials},
		{"unreadable", all, request("", "Basic !"), "", auth.ErrCredentials},
		{"two headers", all, request("", good, good), "", auth.ErrCredentials},
		{"password where none is supported", static, request("", good), "", auth.ErrCredentials},
		{"token where none is supported", none, request("", "Bearer abc"), "", auth.ErrCredentials},
		{"certificate", all, request("carol"), "certificate carol@cert", nil},
		{"certificate alone", shown, request("carol"), "certificate carol", nil},
		{"wrong certificate", all, request("wrong"), "", auth.ErrCredentials},
		{"wrong certificate, right password", all, request("wrong", good), "", auth.ErrCredentials},
		{"certificate without a name", all, request("nobody"), "", auth.ErrCredentials},
		{"certificate without a name, right password", all, request("nobody", good), "", auth.ErrCredentials},
		// Logs would confuse these with somebody else.
		{"certificate names anyone", shown, request("anyone"), "", auth.ErrCredentials},
		{"certificate names a link", shown, request("link:ABC"), "", auth.ErrCredentials},
		{"certificate names a link in its namespace", all, request("link:ABC"), "", auth.ErrCredentials},
		{"certificate names something similar", shown, request("anyone10"), "certificate anyone10", nil},
		{"password of anyone", all, request("", "Basic "+encode("anyone:reserved")), "", auth.ErrCredentials},
		{"certificate and password of anyone", all, request("anyone", "Basic "+encode("anyone:reserved")), "", auth.ErrCredentials},
		{"certificate where none is supported", none, request("carol"), "anyone", nil},
		{"certificate and password agree", all, request("alice", good), "basic alice", nil},
		{"certificate and signed token agree", all, request("alice", "Bearer a.b.c"), "oidc alice@id.example.org", nil},
		{"certificate and password disagree", all, request("carol", good), "", auth.ErrCredentials},
		{"certificate and wrong password", all, request("alice", "Basic "+encode("alice:guess")), "", auth.ErrCredentials},
		{"certificate and unreadable header", all, request("alice", "Basic !"), "", auth.ErrCredentials},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, ok, err := auth.NewChain(test.cfg).Authenticate(test.r)
			got := strings.TrimSpace(p.Method + " " + p.String())
			switch {
			case test.err != nil:
				if !errors.Is(err, test.err) || ok || !p.Anyone() {
					t.Errorf("%s, %v, %v; want %v", got, ok, err, test.err)
				}
				if err != nil && strings.Contains(err.Error(), "hunter2") {
					t.Errorf("%v reveals a checker's error", err)
				}
			case err != nil || got != test.want || ok != (test.want != "anyone"):
				t.Errorf("%s, %v, %v; want %s", got, ok, err, test.want)
			}
		})
	}
}

func TestChallenges(t *testing.T) {
	for _, test := range []struct {
		cfg  auth.ChainConfig
		want []string
	}{
		{auth.ChainConfig{}, nil},
		{auth.ChainConfig{Certificates: certificate{}}, nil},
		{auth.ChainConfig{Passwords: judge}, []string{`Basic realm="bailiwick", charset="UTF-8"`}},
		{auth.ChainConfig{Signed: taking("oidc"), Realm: "a \"b\\\r\n"}, []string{`Bearer realm="a \"b\\"`}},
		{auth.ChainConfig{Passwords: judge, Tokens: taking("token")}, []string{`Basic realm="bailiwick", charset="UTF-8"`, `Bearer realm="bailiwick"`}},
	} {
		if got := auth.NewChain(test.cfg).Challenges(); !slices.Equal(got, test.want) {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

// TestSpraying tries one password for many users: the limit stops the attack after a few
// guesses, before the right one is checked.
func TestSpraying(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	guesses := func(limited bool) (looked int, in bool) {
		count := auth.PasswordsFunc(func(ctx context.Context, name, password string) (auth.Principal, error) {
			looked++
			return judge(ctx, name, password)
		})
		limits := auth.FailureLimits{Burst: 10, Every: 10 * time.Second, Now: func() time.Time { return now }}
		if !limited {
			limits.Burst = 1 << 20 // the control
		}
		c := auth.NewChain(auth.ChainConfig{Passwords: count, Failures: auth.NewFailures(limits)})
		for i := range 1000 {
			name := "user" + strings.Repeat("x", i%100)
			if i == 999 {
				name = "alice"
			}
			_, ok, err := c.Authenticate(request("", "Basic "+encode(name+":secret")))
			in = in || ok
			if errors.Is(err, auth.ErrThrottled) && auth.RetryAfter(err) != 10*time.Second {
				t.Fatalf("retry after %v", auth.RetryAfter(err))
			}
		}
		return looked, in
	}
	if looked, in := guesses(false); looked != 1000 || !in {
		t.Errorf("without a limit %d guesses were checked, success: %v; the attack does not work", looked, in)
	}
	if looked, in := guesses(true); looked != 10 || in {
		t.Errorf("%d guesses were checked, success: %v", looked, in)
	}
}

// TestWhoIsThrottled checks that only a client that fails is limited, and only for
// guesses.
func TestWhoIsThrottled(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	failures := auth.NewFailures(auth.FailureLimits{Burst: 3, Every: time.Minute, Now: func() time.Time { return now }})
	cfg := auth.ChainConfig{Passwords: judge, Tokens: taking("token"), Signed: taking("oidc"), SignedSuffix: "id", Certificates: certificate{}, CertificatesSuffix: "cert", Failures: failures}
	c := auth.NewChain(cfg)
	authenticate := func(addr, authorization string) error {
		r := request("", authorization)
		r.RemoteAddr = addr
		_, _, err := c.Authenticate(r)
		return err
	}
	good := "Basic " + encode("alice:secret")
	for range 50 { // none of these is a failed guess
		for _, a := range []string{good, "Bearer old", "Bearer old.b.c", "Digest x", "Basic !", "Basic " + encode("away:x")} {
			if err := authenticate("192.0.2.1:1", a); errors.Is(err, auth.ErrThrottled) {
				t.Fatalf("%s: %v", a, err)
			}
		}
	}
	if failures.Len() != 0 {
		t.Errorf("%d clients are remembered although they have not failed", failures.Len())
	}

	for _, a := range []string{"Basic " + encode("alice:x"), "Bearer wrong", "Bearer wrong.b.c"} {
		if err := authenticate("192.0.2.1:1", a); !errors.Is(err, auth.ErrCredentials) {
			t.Fatalf("%s: %v", a, err)
		}
	}
	for _, a := range []string{good, "Bearer abc", "Bearer a.b.c"} {
		if err := authenticate("192.0.2.1:2", a); !errors.Is(err, auth.ErrThrottled) {
			t.Errorf("%s after three failures: %v", a, err)
		}
		if err := authenticate("192.0.2.2:1", a); err != nil {
			t.Errorf("%s from another address: %v", a, err)
		}
	}
	if p, ok, err := c.Authenticate(request("carol")); err != nil || !ok || p.Name != "carol@cert" {
		t.Errorf("a certificate alone: %v, %v", p, err)
	}
	if _, ok, err := c.Authenticate(request("")); err != nil || ok {
		t.Errorf("no credentials: %v", err)
	}

	// A reload keeps the counts.
	c = auth.NewChain(cfg)
	if err := authenticate("192.0.2.1:1", good); !errors.Is(err, auth.ErrThrottled) {
		t.Errorf("after a reload: %v", err)
	}
	now = now.Add(time.Minute)
	if err := authenticate("192.0.2.1:1", good); err != nil {
		t.Errorf("a minute later: %v", err)
	}
	if err := authenticate("192.0.2.1:1", "Bearer wrong"); !errors.Is(err, auth.ErrCredentials) {
		t.Errorf("%v", err)
	}
	if err := authenticate("192.0.2.1:1", good); !errors.Is(err, auth.ErrThrottled) {
		t.Errorf("one more failure: %v", err)
	}
}

// TestPanic checks that an attempt whose checker panics counts as failed, and does not
// block others.
func TestPanic(t *testing.T) {
	failures := auth.NewFailures(auth.FailureLimits{Burst: 2, Every: time.Hour})
	c := auth.NewChain(auth.ChainConfig{Passwords: judge, Failures: failures})
	for range 2 {
		func() {
			defer func() { _ = recover() }()
			_, _, _ = c.Authenticate(request("", "Basic "+encode("panic:x")))
			t.Error("no panic")
		}()
	}
	if _, _, err := c.Authenticate(request("", "Basic "+encode("alice:secret"))); !errors.Is(err, auth.ErrThrottled) {
		t.Errorf("%v", err)
	}
}
