package auth_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/bailiwick-fs/bailiwick/server/auth"
)

// chosenNames returns a chosen name and claims, like a source in which users choose theirs.
type chosenNames struct {
	method string
	p      *auth.Principal
}

func (v chosenNames) principal() auth.Principal {
	p := *v.p
	p.Method = v.method
	return p
}

func (v chosenNames) CheckToken(context.Context, string) (auth.Principal, error) {
	return v.principal(), nil
}

func (v chosenNames) CheckPassword(context.Context, string, string) (auth.Principal, error) {
	return v.principal(), nil
}

func (v chosenNames) CheckCertificate(state *tls.ConnectionState) (auth.Principal, bool, error) {
	return v.principal(), state.ServerName != "", nil
}

// For every combination of sources, and whatever names they return, no two sources
// produce the same full name. The control uses the names as they are.
func TestNamespacesNeverMeet(t *testing.T) {
	var chosen auth.Principal
	names := []string{"alice", "alice@id.example.org", "alice@cert", "alice@ID.example.org", "alice@cert@id.example.org", "alice@id.example.org@cert",
		"alice@", "@cert", "cert", "alice＠cert", "alice@ｃｅｒｔ", "alice@ce\u200drt", "alice@CERT", "alice@example.org", "anyone", "link:x", "a/b", `CORP\alice`, strings.Repeat("a", 250), strings.Repeat("a", 300)}
	type place struct {
		name    string
		headers []string
		cert    string
	}
	places := []place{{"local", []string{"Basic " + encode("x:y")}, ""}, {"signed", []string{"Bearer a.b.c"}, ""}, {"certificates", nil, "shown"}}
	for mask := 1; mask < 8; mask++ {
		cfg := auth.ChainConfig{Failures: auth.NewFailures(auth.FailureLimits{Burst: 1 << 20})}
		plain := 0
		if mask&1 != 0 {
			cfg.Passwords, plain = chosenNames{"basic", &chosen}, 1
		}
		if mask&2 != 0 {
			cfg.Signed = chosenNames{"oidc", &chosen}
			if plain++; plain > 1 {
				cfg.SignedSuffix = "id.example.org"
			}
		}
		if mask&4 != 0 {
			cfg.Certificates = chosenNames{"certificate", &chosen}
			if plain++; plain > 1 {
				cfg.CertificatesSuffix = "cert"
			}
		}
		c := auth.NewChain(cfg)
		full, met, bare, controls := map[string]string{}, 0, map[string]string{}, 0
		for i, at := range places {
			if mask&(1<<i) == 0 {
				continue
			}
			for _, name := range names {
				chosen = auth.Principal{Name: name}
				if other := bare[name]; other != "" && other != at.name {
					controls++
				}
				bare[name] = at.name
				p, ok, err := c.Authenticate(request(at.cert, at.headers...))
				if err != nil {
					if !errors.Is(err, auth.ErrCredentials) || ok {
						t.Errorf("%q of %s: %v, %v", name, at.name, ok, err)
					}
					continue
				}
				if len(p.Name) > auth.MaxNameBytes || auth.Reserved(p.Name) {
					t.Errorf("%q of %s is %q", name, at.name, p.Name)
				}
				if other := full[p.Name]; other != "" && other != at.name {
					t.Errorf("%q belongs to both %s and %s", p.Name, other, at.name)
					met++
				}
				full[p.Name] = at.name
				for _, suffix := range []string{cfg.SignedSuffix, cfg.CertificatesSuffix} {
					if of := map[string]string{"id.example.org": "signed", "cert": "certificates"}[suffix]; of != "" && of != at.name && auth.InNamespace(p.Name, suffix) {
						t.Errorf("%q of %s looks like a name of %s", p.Name, at.name, of)
					}
				}
			}
		}
		if met == 0 && controls == 0 && mask&(mask-1) != 0 {
			t.Errorf("%03b: the control: no names are equal", mask)
		}
	}
}

// Claims of different sources can be distinguished, and no source can forge another's.
func TestClaimsHaveNamespaces(t *testing.T) {
	chosen := auth.Principal{Name: "mallory", Claims: map[string][]string{
		"ou": {"admins"}, "ou@cert": {"admins"}, "OU@CERT": {"admins"}, "ou＠cert": {"admins"}, "mail@example.org": {"x"}, "ou@id.example.org": {"forged"}, "nobody": nil,
	}}
	c := auth.NewChain(auth.ChainConfig{
		Passwords: chosenNames{"basic", &chosen}, Signed: chosenNames{"oidc", &chosen}, SignedSuffix: "id.example.org",
		Certificates: chosenNames{"certificate", &chosen}, CertificatesSuffix: "cert",
	})
	kept := map[string][]string{"ou": {"admins"}, "mail@example.org": {"x"}, "nobody": nil}
	for suffix, headers := range map[string][]string{"": {"Basic " + encode("x:y")}, "@id.example.org": {"Bearer a.b.c"}, "@cert": nil} {
		cert := ""
		if headers == nil {
			cert = "shown"
		}
		want := map[string][]string{}
		for key, values := range kept {
			want[key], want[key+suffix] = values, values
		}
		p, _, err := c.Authenticate(request(cert, headers...))
		if diff := cmp.Diff(want, p.Claims); err != nil || diff != "" {
			t.Errorf("%q: %v\n%s", suffix, err, diff)
		}
	}
	if len(chosen.Claims) != 7 {
		t.Error("the checker's own claims were changed")
	}
	// With one source, claims are unchanged.
	p, _, err := auth.NewChain(auth.ChainConfig{Signed: chosenNames{"oidc", &chosen}}).Authenticate(request("", "Bearer a.b.c"))
	if diff := cmp.Diff(chosen.Claims, p.Claims); err != nil || diff != "" {
		t.Errorf("alone: %v\n%s", err, diff)
	}
}

// NewChain panics if two sources could return the same name.
func TestNewChainRefuses(t *testing.T) {
	v := chosenNames{"", &auth.Principal{}}
	for _, tt := range []struct {
		cfg  auth.ChainConfig
		want string
	}{
		{auth.ChainConfig{}, ""},
		{auth.ChainConfig{Passwords: v, Tokens: v}, ""},
		{auth.ChainConfig{Signed: v}, ""},
		{auth.ChainConfig{Signed: v, SignedSuffix: "id"}, ""},
		{auth.ChainConfig{Certificates: v}, ""},
		{auth.ChainConfig{Signed: v, Certificates: v, CertificatesSuffix: "cert"}, ""},
		{auth.ChainConfig{Signed: v, SignedSuffix: "id", Certificates: v}, ""},
		{auth.ChainConfig{Passwords: v, Signed: v, SignedSuffix: "id", Certificates: v, CertificatesSuffix: "cert"}, ""},
		// The suffix of a disabled kind is ignored.
		{auth.ChainConfig{Passwords: v, SignedSuffix: "@", CertificatesSuffix: "@"}, ""},

		{auth.ChainConfig{Passwords: v, Signed: v}, "SignedSuffix"},
		{auth.ChainConfig{Tokens: v, Signed: v}, "SignedSuffix"},
		{auth.ChainConfig{Passwords: v, Certificates: v}, "CertificatesSuffix"},
		{auth.ChainConfig{Signed: v, Certificates: v}, "share one namespace"},
		{auth.ChainConfig{Passwords: v, Signed: v, SignedSuffix: "id", Certificates: v}, "CertificatesSuffix"},
		{auth.ChainConfig{Signed: v, SignedSuffix: "cert", Certificates: v, CertificatesSuffix: "CERT"}, "share one namespace"},
		{auth.ChainConfig{Passwords: v, Signed: v, SignedSuffix: "id@cert", Certificates: v, CertificatesSuffix: "cert"}, "SignedSuffix"},
		{auth.ChainConfig{Passwords: v, Certificates: v, CertificatesSuffix: "a b"}, "CertificatesSuffix"},
	} {
		got := func() (text string) {
			defer func() {
				if v := recover(); v != nil {
					text = fmt.Sprint(v)
				}
			}()
			auth.NewChain(tt.cfg)
			return ""
		}()
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%+v: panics with %q, want %q", tt.cfg, got, tt.want)
		}
	}
}

func TestCheckSuffix(t *testing.T) {
	for _, good := range []string{"cert", "id.example.org", "a", "A-1_b.c", strings.Repeat("a", 100)} {
		if err := auth.CheckSuffix(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "@", "a@b", "a b", ".a", "a.", "-", "a/b", "ä", "a:1", "a\x00", "｡", strings.Repeat("a", 101)} {
		if auth.CheckSuffix(bad) == nil {
			t.Errorf("%q passes", bad)
		}
	}
}

// FuzzNamespaces checks that a local user and a certificate user never have the same
// name.
func FuzzNamespaces(f *testing.F) {
	f.Add("alice", "alice")
	f.Add("alice@cert", "alice")
	f.Add("alice@cert@cert", "alice@cert")
	f.Add("alice＠ｃert", "alice")
	f.Fuzz(func(t *testing.T, a, b string) {
		local, shown := auth.Principal{Name: a}, auth.Principal{Name: b}
		c := auth.NewChain(auth.ChainConfig{Passwords: chosenNames{"basic", &local}, Certificates: chosenNames{"certificate", &shown}, CertificatesSuffix: "cert"})
		p, ok, err := c.Authenticate(request("", "Basic "+encode("x:y")))
		q, shownOK, shownErr := c.Authenticate(request("shown"))
		if (err == nil) != ok || (shownErr == nil) != shownOK {
			t.Errorf("%v %v, %v %v", ok, err, shownOK, shownErr)
		}
		if ok && shownOK && p.Name == q.Name {
			t.Errorf("%q and %q are both %q", a, b, p.Name)
		}
		if ok && auth.InNamespace(p.Name, "cert") {
			t.Errorf("the local %q is accepted", p.Name)
		}
		if shownOK && (q.Name != b+"@cert" || utf8.ValidString(b) != utf8.ValidString(q.Name)) {
			t.Errorf("%q with a certificate is %q", b, q.Name)
		}
	})
}
