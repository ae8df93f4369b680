package session_test

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/htpasswd"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
	"github.com/bailiwick-fs/bailiwick/server/auth/session"
)

// The hashes of two passwords, at the lowest cost.
const (
	firstHash  = "$2a$04$ui.62yczoZ18A9xMGQw4l.QYzJUTb5FaPO5485sfqkKJxS5FiZDnm"
	secondHash = "$2a$04$vi.62yczoZ18A9xMGQw4l.QYzJUTb5FaPO5485sfqkKJxS5FiZDnm"
)

func users(t testing.TB, lines ...string) *htpasswd.Users {
	t.Helper()
	u, err := htpasswd.Parse("users", []byte(strings.Join(lines, "\n")), htpasswd.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// site is a server with sessions.
type site struct {
	*session.Sessions
	t testing.TB
}

var keyOne = line("one", 1)

func newSite(t testing.TB, cfg session.Config) *site {
	t.Helper()
	if cfg.Keys == nil {
		cfg.Keys = ring(t, keyOne)
	}
	if cfg.Passwords == nil {
		cfg.Passwords = users(t, "alice:"+firstHash, "bob:"+firstHash)
	}
	u, _ := cfg.Passwords.(auth.Passwords)
	return &site{session.New(auth.NewChain(auth.ChainConfig{Passwords: u}), cfg), t}
}

// begin returns the cookie of a new session.
func (s *site) begin(way session.Way, p auth.Principal) string {
	s.t.Helper()
	w := httptest.NewRecorder()
	if _, err := s.Begin(w, httptest.NewRequest("POST", "/", nil), way, p); err != nil {
		s.t.Fatal(err)
	}
	return w.Result().Cookies()[0].Value
}

func with(cookies ...string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	for _, c := range cookies {
		r.Header.Add("Cookie", "bailiwick="+c)
	}
	return r
}

// is fails unless the request is that of name, "" for anonymous, and no error.
func (s *site) is(what string, r *http.Request, name string) {
	s.t.Helper()
	if p, ok, err := s.Authenticate(r); p.Name != name || ok != (name != "") || err != nil {
		s.t.Errorf("%s: %+v, %t, %v, want %q", what, p, ok, err, name)
	}
}

var alice = auth.Principal{Name: "alice", Method: "basic"}

func TestSession(t *testing.T) {
	s := newSite(t, session.Config{})
	cookie := s.begin(session.Password, auth.Principal{Name: "alice", Groups: []string{"staff"}, Claims: map[string][]string{"dept": {"law", "tax"}}})
	got, ok, err := s.Authenticate(with(cookie))
	want := auth.Principal{Name: "alice", Groups: []string{"staff"}, Claims: map[string][]string{"dept": {"law", "tax"}}, Method: auth.MethodSession}
	if diff := cmp.Diff(want, got); diff != "" || !ok || err != nil {
		t.Errorf("%t, %v\n%s", ok, err, diff)
	}
	s.is("no cookie", with(), "")
}

// TestNoSession has cookies that are no session: each is as if there were none, and an error
// if the request changes something. They were one before, or are one elsewhere; the controls are
// beside them.
func TestNoSession(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	at := func(d time.Duration) func() time.Time { return func() time.Time { return now.Add(d) } }
	s := newSite(t, session.Config{Now: at(0)})
	cookie := s.begin(session.Password, alice)
	id, sealed, _ := strings.Cut(cookie, ".")
	keys := ring(t, keyOne)
	s.is("the control", with(cookie), "alice")
	for what, c := range map[string]string{
		"truncated":           cookie[:len(cookie)-4],
		"its key's id":        id,
		"the id of no key":    "two." + sealed,
		"another purpose":     keys.Seal("share", []byte(`{"w":"password","n":"alice"}`)),
		"sealed, but nothing": keys.Seal("session", nil),
		"sealed, but no JSON": keys.Seal("session", []byte("alice")),
		"without a print":     keys.Seal("session", []byte(`{"w":"password","n":"alice","b":1800000000,"s":1800000000}`)),
		"without a way":       keys.Seal("session", []byte(`{"n":"alice","b":1800000000,"s":1800000000}`)),
		"oversized":           cookie + strings.Repeat("A", 8<<10),
		"not ASCII":           "one.\u00e9",
		"empty":               "",
	} {
		s.is(what, with(c), "")
		// What one of the keys has sealed was a session of some server.
		// What is not ASCII is no cookie for net/http.
		if err := change(s.Sessions, c); errors.Is(err, auth.ErrCredentials) == (what == "not ASCII") || errors.Is(err, auth.ErrExpired) != strings.HasPrefix(what, "without a") {
			t.Errorf("%s, to change something: %v", what, err)
		}
	}
	s.is("two cookies", with(cookie, cookie), "")
	s.is("two cookies, one of somebody else", with(s.begin(session.Password, auth.Principal{Name: "bob"}), cookie), "")

	for what, c := range map[string]struct {
		cfg  session.Config
		good bool
	}{
		"another server of the same keys and users": {session.Config{}, true},
		"a new first key":                   {session.Config{Keys: ring(t, line("two", 2), keyOne)}, true},
		"the key is gone":                   {session.Config{Keys: ring(t, line("two", 2))}, false},
		"another server's keys":             {session.Config{Keys: ring(t, line("one", 9))}, false},
		"ids swapped":                       {session.Config{Keys: ring(t, line("two", 1), line("one", 2))}, false},
		"another user's line changed":       {session.Config{Passwords: users(t, "alice:"+firstHash, "bob:"+secondHash)}, true},
		"the password changed":              {session.Config{Passwords: users(t, "alice:"+secondHash)}, false},
		"the user is gone":                  {session.Config{Passwords: users(t, "bob:"+firstHash)}, false},
		"a minute before the idle time":     {session.Config{Now: at(119 * time.Minute)}, true},
		"after the idle time":               {session.Config{Now: at(2 * time.Hour)}, false},
		"after a shorter one":               {session.Config{Now: at(10 * time.Minute), Idle: 10 * time.Minute}, false},
		"after the age":                     {session.Config{Now: at(time.Hour), MaxAge: time.Hour}, false},
		"a clock that is half a minute off": {session.Config{Now: at(-30 * time.Second)}, true},
		"a clock that is an hour off":       {session.Config{Now: at(-time.Hour)}, false},
	} {
		if c.cfg.Now == nil {
			c.cfg.Now = at(0)
		}
		var checked error
		calls := 0
		c.cfg.OnCheck = func(err error) { checked, calls = err, calls+1 }
		name := ""
		if c.good {
			name = "alice"
		}
		site := newSite(t, c.cfg)
		site.is(what, with(cookie), name)
		if (checked == nil) != c.good || calls != 1 || errors.Is(checked, auth.ErrExpired) != isOver[what] {
			t.Errorf("%s: told %v, %d times", what, checked, calls)
		}
		if err := change(site.Sessions, cookie); errors.Is(err, auth.ErrCredentials) == c.good || errors.Is(err, auth.ErrExpired) != isOver[what] {
			t.Errorf("%s, to change something: %v", what, err)
		}
	}
}

// isOver has what ends a session whose cookie is still known.
var isOver = map[string]bool{
	"the password changed": true, "the user is gone": true, "after the idle time": true, "after a shorter one": true, "after the age": true,
	"a clock that is an hour off": true,
}

// change returns the error of a request that changes something.
func change(s *session.Sessions, cookie string) error {
	r := httptest.NewRequest("PUT", "/", nil)
	r.Header["Cookie"] = []string{"bailiwick=" + cookie}
	_, _, err := s.Authenticate(r)
	return err
}

// TestClockBack: what is over stays so, also for other Sessions with the same Clock, when the
// system clock is set back. The control has a Clock of its own.
func TestClockBack(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	at := func(d time.Duration) func() time.Time { return func() time.Time { return now.Add(d) } }
	var clock links.Clock
	cookie := newSite(t, session.Config{Now: at(0), Clock: &clock}).begin(session.Password, alice)
	newSite(t, session.Config{Now: at(3 * time.Hour), Clock: &clock}).is("three hours later", with(cookie), "")
	newSite(t, session.Config{Now: at(time.Hour), Clock: &clock}).is("set back", with(cookie), "")
	newSite(t, session.Config{Now: at(time.Hour)}).is("the control", with(cookie), "alice")
}

// TestRenewalByMethod: every request renews a session, also one that changes something.
func TestRenewalByMethod(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	s := newSite(t, session.Config{Now: func() time.Time { return now }})
	cookie := s.begin(session.Password, alice)
	for _, due := range []bool{false, true} {
		for _, method := range []string{"GET", "HEAD", "PUT", "POST", "DELETE", "MOVE"} {
			r := httptest.NewRequest(method, "/", nil)
			r.Header["Cookie"] = []string{"bailiwick=" + cookie}
			if p, _, renewal, err := s.AuthenticateRenew(r); p.Name != "alice" || (renewal != "") != due || err != nil {
				t.Errorf("%s: %+v, %q, %v", method, p, renewal, err)
			}
		}
		now = now.Add(time.Hour)
	}
}

// naive is a source whose sessions do not depend on the user's line.
type naive struct{ *htpasswd.Users }

func (naive) Fingerprint(auth.Principal, []byte) ([]byte, bool) { return []byte("x"), true }

// TestReplayControl: without the fingerprint, a session would outlive the password, and the
// user.
func TestReplayControl(t *testing.T) {
	cookie := newSite(t, session.Config{Passwords: naive{users(t, "alice:"+firstHash)}}).begin(session.Password, alice)
	newSite(t, session.Config{Passwords: naive{users(t, "bob:"+secondHash)}}).is("the control", with(cookie), "alice")
}

// TestPrecedence: what a request carries itself outranks its session.
func TestPrecedence(t *testing.T) {
	s := newSite(t, session.Config{})
	cookie := s.begin(session.Password, alice)
	r := with(cookie)
	r.SetBasicAuth("alice", "guess")
	if p, ok, err := s.Authenticate(r); ok || !errors.Is(err, auth.ErrCredentials) {
		t.Errorf("wrong Basic beside a good session: %+v, %v", p, err)
	}
	r.Header.Set("Authorization", "Unknown x")
	if p, ok, err := s.Authenticate(r); ok || !errors.Is(err, auth.ErrCredentials) {
		t.Errorf("an unknown scheme beside a good session: %+v, %v", p, err)
	}
	// A certificate, or whatever else the next Authenticator finds.
	next := &fixed{p: auth.Principal{Name: "robot", Method: "certificate"}, ok: true}
	over := session.New(next, session.Config{Keys: ring(t, keyOne), Passwords: users(t, "alice:"+firstHash, "bob:"+firstHash)})
	if p, ok, err := over.Authenticate(with(cookie)); p.Name != "robot" || !ok || err != nil {
		t.Errorf("beside a certificate: %+v, %v", p, err)
	}
	*next = fixed{err: auth.ErrCredentials}
	if p, ok, err := over.Authenticate(with(cookie)); ok || err == nil {
		t.Errorf("beside a wrong certificate: %+v, %v", p, err)
	}
	// An Authenticator that does not know the scheme of the header.
	*next = fixed{}
	if p, ok, err := over.Authenticate(r); ok || err != nil {
		t.Errorf("beside a header that nobody knows: %+v, %v", p, err)
	}
	if p, ok, err := over.Authenticate(with(cookie)); p.Name != "alice" || !ok || err != nil {
		t.Errorf("alone: %+v, %v", p, err)
	}
}

type fixed struct {
	p   auth.Principal
	ok  bool
	err error
}

func (f *fixed) Authenticate(*http.Request) (auth.Principal, bool, error) { return f.p, f.ok, f.err }
func (*fixed) Challenges() []string                                       { return nil }

// TestCookie: over TLS, browsers accept the cookie from this host alone, and a cookie that
// was set without TLS is none.
func TestCookie(t *testing.T) {
	s := newSite(t, session.Config{})
	plain := httptest.NewRequest("POST", "/", nil)
	secure := httptest.NewRequest("POST", "/", nil)
	secure.TLS = &tls.ConnectionState{}
	for _, c := range []struct {
		r            *http.Request
		name, suffix string
	}{
		{plain, "bailiwick=", "; Path=/; HttpOnly; SameSite=Lax"},
		{secure, "__Host-bailiwick=", "; Path=/; HttpOnly; SameSite=Lax; Secure"},
	} {
		w := httptest.NewRecorder()
		if _, err := s.Begin(w, c.r, session.Password, alice); err != nil {
			t.Fatal(err)
		}
		set := w.Header().Get("Set-Cookie")
		if !strings.HasPrefix(set, c.name) || !strings.HasSuffix(set, c.suffix) {
			t.Errorf("set: %s", set)
		}
		pair, _, _ := strings.Cut(set, ";")
		for _, other := range []*http.Request{plain, secure} {
			r := other.Clone(t.Context())
			r.Header.Set("Cookie", pair)
			want := ""
			if other == c.r {
				want = "alice"
			}
			s.is(c.name, r, want)
		}
		w = httptest.NewRecorder()
		s.End(w, c.r)
		if got := w.Header().Get("Set-Cookie"); got != c.name+c.suffix+"; Max-Age=0" {
			t.Errorf("removed: %s", got)
		}
	}
}

// TestFixation: signing in makes a new session, whatever cookie the browser has, and the old
// one is still only what it was.
func TestFixation(t *testing.T) {
	s := newSite(t, session.Config{})
	planted := s.begin(session.Password, auth.Principal{Name: "bob"})
	w := httptest.NewRecorder()
	if _, err := s.Begin(w, with(planted), session.Password, alice); err != nil {
		t.Fatal(err)
	}
	fresh := w.Result().Cookies()[0].Value
	if fresh == planted {
		t.Error("the session is the planted one")
	}
	s.is("planted", with(planted), "bob")
	s.is("fresh", with(fresh), "alice")
}

func TestTooLarge(t *testing.T) {
	s := newSite(t, session.Config{})
	many := auth.Principal{Name: "alice"}
	for i := range 400 {
		many.Groups = append(many.Groups, fmt.Sprint("department-", i))
	}
	w := httptest.NewRecorder()
	if _, err := s.Begin(w, with(), session.Password, many); !errors.Is(err, session.ErrTooLarge) || w.Header()["Set-Cookie"] != nil {
		t.Errorf("%v, %v", err, w.Header())
	}
	kept := newSite(t, session.Config{Keep: func(p auth.Principal) auth.Principal { p.Groups = p.Groups[:1]; return p }})
	if got, _, err := kept.Authenticate(with(kept.begin(session.Password, many))); len(got.Groups) != 1 || err != nil {
		t.Errorf("kept: %+v, %v", got, err)
	}
}

// TestOIDC: the name of a provider's user gets its suffix at each request, by what the server
// knows then.
func TestOIDC(t *testing.T) {
	suffix, good := "id.example.org", true
	cfg := session.Config{OIDC: sourceFunc(func(auth.Principal, []byte) ([]byte, bool) { return []byte("issuer and client"), good }),
		Qualify: func(p auth.Principal) (auth.Principal, error) {
			if suffix == "" {
				return auth.Principal{}, auth.ErrCredentials
			}
			p.Name += "@" + suffix
			return p, nil
		}}
	s := newSite(t, cfg)
	cookie := s.begin(session.OIDC, alice)
	s.is("at first", with(cookie), "alice@id.example.org")
	suffix = "other.example"
	s.is("with another suffix", with(cookie), "alice@other.example")
	suffix = ""
	s.is("with a name of another source", with(cookie), "")
	suffix, good = "id.example.org", false
	s.is("without the client", with(cookie), "")
	newSite(t, session.Config{}).is("without OIDC", with(cookie), "")
	// The session of a user of the file is none of the provider's, and the other way round.
	s.is("by password", with(s.begin(session.Password, alice)), "alice")
}

type sourceFunc func(auth.Principal, []byte) ([]byte, bool)

func (f sourceFunc) Fingerprint(p auth.Principal, key []byte) ([]byte, bool) { return f(p, key) }

// FuzzAuthenticate: no Cookie header is an error, and nobody gets in without a session. GOOD
// in a header stands for one: each process that fuzzes has a session of its own.
func FuzzAuthenticate(f *testing.F) {
	s := newSite(f, session.Config{})
	good := s.begin(session.Password, alice)
	f.Add("bailiwick=GOOD")
	f.Add("bailiwick=" + good[:40] + "; bailiwick=GOOD")
	f.Add(`bailiwick="one.AAAA"`)
	f.Add("; ;=;bailiwick")
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Cookie"] = []string{strings.ReplaceAll(header, "GOOD", good)}
		p, ok, err := s.Authenticate(r)
		if err != nil || ok && (p.Name != "alice" || !strings.Contains(header, "GOOD")) {
			t.Errorf("%q: %+v, %t, %v", header, p, ok, err)
		}
	})
}

// BenchmarkAuthenticate compares a session with a remembered password.
func BenchmarkAuthenticate(b *testing.B) {
	hash, err := htpasswd.Hash("correct horse")
	if err != nil {
		b.Fatal(err)
	}
	s := newSite(b, session.Config{Passwords: users(b, "alice:"+hash)})
	basic := httptest.NewRequest("GET", "/", nil)
	basic.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("alice:correct horse")))
	for _, c := range []struct {
		name string
		r    *http.Request
	}{{"password", basic}, {"session", with(s.begin(session.Password, alice))}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, ok, err := s.Authenticate(c.r); !ok || err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
