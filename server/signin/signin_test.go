package signin_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/htpasswd"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
	"github.com/bailiwick-fs/bailiwick/server/auth/session"
	"github.com/bailiwick-fs/bailiwick/server/signin"
)

// records are the records of a handler.
type records struct {
	mu  sync.Mutex
	all []audit.Attempt
}

func (r *records) Record(a *audit.Attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, *a)
}

func (r *records) last() audit.Attempt {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all[len(r.all)-1]
}

// provider is a Provider at which everybody is alice, unless err says otherwise.
type provider struct {
	begin, finish error
	redirect      string
	asked         int
}

func (p *provider) Ends(state []byte, query url.Values) bool {
	return string(state) == "state" && query.Get("state") == "1"
}

func (p *provider) Begin(_ context.Context, redirect string) (string, []byte, error) {
	p.redirect = redirect
	return "https://id.example.org/auth?state=1", []byte("state"), p.begin
}

func (p *provider) Finish(_ context.Context, state []byte, query url.Values) (auth.Principal, error) {
	p.asked++
	switch {
	case p.finish != nil:
		return auth.Principal{}, p.finish
	case string(state) != "state" || query.Get("code") != "good":
		return auth.Principal{}, auth.ErrCredentials
	}
	return auth.Principal{Name: "alice", Method: "oidc"}, nil
}

func (*provider) Fingerprint(auth.Principal, []byte) ([]byte, bool) { return []byte("x"), true }

const password = "correct horse"

type site struct {
	*signin.Pages
	sessions *session.Sessions
	provider *provider
	log      *records
	t        testing.TB
}

func newSite(t testing.TB, change ...func(*session.Config)) *site {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	users, err := htpasswd.Parse("users", append([]byte("alice:"), hash...), htpasswd.Options{})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := session.ReadKeys("keys", strings.NewReader("one:"+base64.StdEncoding.EncodeToString(make([]byte, 32))))
	if err != nil {
		t.Fatal(err)
	}
	s := &site{provider: &provider{}, log: &records{}, t: t}
	failures := auth.NewFailures(auth.FailureLimits{Burst: 3})
	chain := auth.NewChain(auth.ChainConfig{Passwords: users, Failures: failures})
	cfg := session.Config{Keys: keys, Passwords: users, OIDC: s.provider, Qualify: func(p auth.Principal) (auth.Principal, error) {
		p.Name += "@id.example.org"
		return p, nil
	}}
	for _, f := range change {
		f(&cfg)
	}
	s.sessions = session.New(chain, cfg)
	s.Pages = signin.New(signin.Config{
		Sessions: s.sessions, Password: true, Provider: s.provider, Keys: keys, Failures: failures, Recorder: s.log, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	return s
}

// do sends a request. A body is a form.
func (s *site) do(method, target, body string, headers ...string) *http.Response {
	s.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

func (s *site) login(next string, headers ...string) *http.Response {
	s.t.Helper()
	return s.do("POST", signin.Login, url.Values{"user": {"alice"}, "password": {password}, "next": {next}}.Encode(), headers...)
}

// who returns the principal of a request with the cookies that a response sets.
func (s *site) who(resp *http.Response) string {
	s.t.Helper()
	r := httptest.NewRequest("GET", "/", nil)
	for _, c := range resp.Cookies() {
		if c.MaxAge >= 0 {
			r.AddCookie(c)
		}
	}
	p, _, err := s.sessions.Authenticate(r)
	if err != nil {
		s.t.Error(err)
	}
	return p.Name
}

func TestLogin(t *testing.T) {
	s := newSite(t)
	page := s.do("GET", signin.Login+"?next=/docs/a.txt", "")
	body, _ := io.ReadAll(page.Body)
	if page.StatusCode != 200 || !strings.Contains(string(body), `name="next" value="/docs/a.txt"`) || !strings.Contains(string(body), `href="/.bailiwick/login/oidc?next=%2Fdocs%2Fa.txt"`) {
		t.Errorf("the page: %d %s", page.StatusCode, body)
	}
	// Nobody can frame it, and it sends forms to this server only.
	policy := page.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy %q has no %s", policy, want)
		}
	}
	if got := page.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control: %s", got)
	}
	in := s.login("/docs/a.txt", "Sec-Fetch-Site", "same-origin", "Origin", "http://example.com")
	if in.StatusCode != 303 || in.Header.Get("Location") != "/docs/a.txt" || s.who(in) != "alice" || in.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("signed in: %d %v", in.StatusCode, in.Header)
	}
	if a := s.log.last(); a.Principal != "alice" || a.Reason != audit.ReasonSignedIn || a.Verdict != audit.Allowed || a.Raw != signin.Login {
		t.Errorf("recorded as %+v", a)
	}
	out := s.do("POST", signin.Logout, "next=/docs/", "Cookie", in.Header.Get("Set-Cookie"))
	if out.StatusCode != 303 || out.Header.Get("Location") != "/docs/" || len(out.Cookies()) != 1 || out.Cookies()[0].MaxAge >= 0 || out.Cookies()[0].Value != "" {
		t.Errorf("signed out: %d %v", out.StatusCode, out.Header)
	}
	if a := s.log.last(); a.Principal != "alice" || a.Reason != audit.ReasonSignedOut || a.Verdict != audit.Allowed {
		t.Errorf("recorded as %+v", a)
	}
	// Without next: the top of a host may be nothing.
	if out := s.do("POST", signin.Logout, ""); out.StatusCode != 303 || out.Header.Get("Location") != signin.Login {
		t.Errorf("signed out: %d %v", out.StatusCode, out.Header)
	}
}

// TestLoginRefused: what is no log-in sets no cookie, and says why in words.
func TestLoginRefused(t *testing.T) {
	for what, c := range map[string]struct {
		body   string
		status int
		reason string
		text   string
	}{
		"a wrong password":            {"user=alice&password=guess", 401, "auth.credentials", "is wrong"},
		"an unknown user":             {"user=mallory&password=guess", 401, "auth.credentials", "is wrong"},
		"no user":                     {"password=guess", 401, "auth.credentials", "is wrong"},
		"a name that a header splits": {"user=alice:correct&password=horse", 401, "auth.credentials", "is wrong"},
		"a control character":         {"user=alice%0a&password=x", 401, "auth.credentials", "is wrong"},
		"two users":                   {"user=alice&user=bob&password=correct+horse", 400, "client.body", "could not be read"},
		"a broken escape":             {"user=%zz", 400, "client.body", "could not be read"},
		"an endless form":             {"user=alice&password=" + strings.Repeat("x", 20<<10), 400, "client.body", "could not be read"},
	} {
		s := newSite(t)
		resp := s.do("POST", signin.Login, c.body)
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != c.status || len(resp.Cookies()) != 0 || !strings.Contains(string(body), c.text) || resp.Header.Get("Www-Authenticate") != "" {
			t.Errorf("%s: %d %v %s", what, resp.StatusCode, resp.Header, body)
		}
		if a := s.log.last(); string(a.Reason) != c.reason || a.Verdict != audit.Refused || a.Principal != "anyone" {
			t.Errorf("%s: recorded as %+v", what, a)
		}
		if strings.Contains(string(body), "guess") || strings.Contains(string(body), "mallory") {
			t.Errorf("%s: the page repeats what was typed", what)
		}
	}
	// Not from the query, which is in histories and logs.
	s := newSite(t)
	if resp := s.do("POST", signin.Login+"?user=alice&password=correct+horse", ""); resp.StatusCode != 401 {
		t.Errorf("from the query: %d", resp.StatusCode)
	}
}

// TestThrottled: wrong passwords on the page count as those in headers do.
func TestThrottled(t *testing.T) {
	s := newSite(t)
	for range 3 {
		if resp := s.do("POST", signin.Login, "user=alice&password=guess"); resp.StatusCode != 401 {
			t.Fatalf("%d", resp.StatusCode)
		}
	}
	resp := s.login("/")
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") == "" || !strings.Contains(string(body), "too many failed attempts") || len(resp.Cookies()) != 0 {
		t.Errorf("%d %v %s", resp.StatusCode, resp.Header, body)
	}
	if a := s.log.last(); a.Reason != audit.ReasonThrottled {
		t.Errorf("recorded as %+v", a)
	}
}

// TestCrossSite: a page of another site can neither sign somebody in as somebody else nor sign
// somebody out. The control is the same request without the header of the browser.
func TestCrossSite(t *testing.T) {
	s := newSite(t)
	for _, foreign := range [][2]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"}, {"Origin", "http://example.com:1"},
	} {
		for _, resp := range []*http.Response{s.login("/", foreign[0], foreign[1]), s.do("POST", signin.Logout, "", foreign[0], foreign[1])} {
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != 404 || string(body) != "not found\n" || len(resp.Cookies()) != 0 || s.log.last().Reason != audit.ReasonCrossOrigin {
				t.Errorf("%s: %d %v, recorded as %s", foreign, resp.StatusCode, resp.Header, s.log.last().Reason)
			}
		}
	}
	if resp := s.login("/"); resp.StatusCode != 303 {
		t.Errorf("the control: %d", resp.StatusCode)
	}
}

func TestMethods(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"HEAD", signin.Login, 200, ""}, {"PUT", signin.Login, 405, "GET, HEAD, POST"}, {"GET", signin.Logout, 405, "POST"}, {"HEAD", signin.OIDC, 405, "GET"},
		{"POST", signin.Callback, 405, "GET"}, {"GET", "/.bailiwick/other", 404, ""}, {"GET", "/.bailiwick/login/", 404, ""}, {"GET", "/.bailiwick/%6cogin", 404, ""}, {"POST", "/", 404, ""},
	} {
		resp := s.do(c.method, c.path, "")
		if resp.StatusCode != c.status || resp.Header.Get("Allow") != c.allow || len(resp.Cookies()) != 0 {
			t.Errorf("%s %s: %d %v", c.method, c.path, resp.StatusCode, resp.Header)
		}
	}
}

// TestProvider goes through the flow of a provider.
func TestProvider(t *testing.T) {
	s := newSite(t)
	begun := s.do("GET", signin.OIDC+"?next=/docs/", "")
	if begun.StatusCode != 303 || begun.Header.Get("Location") != "https://id.example.org/auth?state=1" || len(begun.Cookies()) != 1 || s.provider.redirect != "http://example.com/.bailiwick/login/callback" {
		t.Fatalf("begun: %d %v, to come back to %s", begun.StatusCode, begun.Header, s.provider.redirect)
	}
	flow := begun.Cookies()[0]
	if flow.Name != "bailiwick-login" || !flow.HttpOnly || flow.SameSite != http.SameSiteLaxMode || flow.MaxAge != 600 {
		t.Errorf("the flow's cookie: %v", flow)
	}
	if s.who(begun) != "" {
		t.Error("beginning signs in")
	}
	back := func(query, cookie string) *http.Response {
		return s.do("GET", signin.Callback+"?"+query, "", "Cookie", cookie, "Sec-Fetch-Site", "cross-site")
	}
	pair := flow.Name + "=" + flow.Value
	in := back("code=good&state=1", pair)
	if in.StatusCode != 303 || in.Header.Get("Location") != "/docs/" || s.who(in) != "alice@id.example.org" {
		t.Errorf("signed in: %d %v as %q", in.StatusCode, in.Header, s.who(in))
	}
	if a := s.log.last(); a.Principal != "alice@id.example.org" || a.Reason != audit.ReasonSignedIn || a.Raw != signin.Callback {
		t.Errorf("recorded as %+v", a)
	}
	session := in.Cookies()[slices.IndexFunc(in.Cookies(), func(c *http.Cookie) bool { return c.Name == "bailiwick" })].Value
	for what, c := range map[string]struct {
		query, cookie string
		finish        error
		status        int
		reason, text  string
	}{
		"a flow of no browser":          {"code=good", "", nil, 401, "auth.credentials", "begun in another browser"},
		"a truncated flow":              {"code=good", pair[:len(pair)-3], nil, 401, "auth.credentials", "begun in another browser"},
		"a session in place of a flow":  {"code=good", flow.Name + "=" + session, nil, 401, "auth.credentials", "begun in another browser"},
		"two flows":                     {"code=good", pair + "; " + pair, nil, 401, "auth.credentials", "begun in another browser"},
		"a wrong code":                  {"code=bad", pair, nil, 401, "auth.credentials", "did not sign you in"},
		"a provider that says nothing":  {"code=good", pair, auth.ErrUnavailable, 503, "auth.unavailable", "Try again later"},
		"a provider that has no manner": {"code=good", pair, errors.New("<script>"), 503, "auth.unavailable", "Try again later"},
	} {
		s.provider.finish = c.finish
		resp := back(c.query+"&state=1", c.cookie)
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != c.status || s.who(resp) != "" || !strings.Contains(string(body), c.text) || string(s.log.last().Reason) != c.reason || strings.Contains(string(body), "<script>") {
			t.Errorf("%s: %d %v %s", what, resp.StatusCode, resp.Header, body)
		}
		// A flow that was found has ended in any case.
		if got := fmt.Sprint(resp.Header["Set-Cookie"]); strings.Contains(got, "bailiwick-login=; ") != (c.text != "begun in another browser") {
			t.Errorf("%s: cookies %s", what, got)
		}
	}
	// A link of any site leads back without its state, and leaves the sign-in that was begun.
	s.provider.finish, s.provider.asked = nil, 0
	for _, query := range []string{"code=good", "code=good&state=2", ""} {
		resp := back(query, pair)
		if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 401 || len(resp.Cookies()) != 0 || s.provider.asked != 0 || !strings.Contains(string(body), "begun in another browser") {
			t.Errorf("%q: %d %v %s", query, resp.StatusCode, resp.Header, body)
		}
	}
	if resp := back("code=good&state=1", pair); resp.StatusCode != 303 {
		t.Errorf("after that: %d", resp.StatusCode)
	}
	s.provider.begin = auth.ErrUnavailable
	if resp := s.do("GET", signin.OIDC, ""); resp.StatusCode != 503 || len(resp.Cookies()) != 0 {
		t.Errorf("an unreachable provider: %d %v", resp.StatusCode, resp.Header)
	}
	// A flow is no session.
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", "bailiwick="+flow.Value)
	if p, ok, err := s.sessions.Authenticate(r); ok || err != nil {
		t.Errorf("a flow as a session: %+v, %v", p, err)
	}
}

// TestProviderTime: a sign-in that was begun ends after ten minutes, by the clock of the
// sessions. It stays over when the system clock is set back. The control has another clock.
func TestProviderTime(t *testing.T) {
	var clock links.Clock
	now := time.Unix(1_800_000_000, 0)
	of := func(clock *links.Clock) *site {
		return newSite(t, func(c *session.Config) { c.Clock, c.Now = clock, func() time.Time { return now } })
	}
	s := of(&clock)
	flow := s.do("GET", signin.OIDC, "").Cookies()[0]
	back := func(s *site) int {
		return s.do("GET", signin.Callback+"?state=1&code=good", "", "Cookie", flow.Name+"="+flow.Value).StatusCode
	}
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{0, 303}, {10*time.Minute - time.Second, 303}, {10 * time.Minute, 401}, {time.Hour, 401}, {time.Minute, 401}} {
		now = time.Unix(1_800_000_000, 0).Add(c.after)
		if got := back(s); got != c.want {
			t.Errorf("after %v: %d, want %d", c.after, got, c.want)
		}
	}
	if got := back(of(new(links.Clock))); got != 303 {
		t.Errorf("the control: %d", got)
	}
}

// TestBeginFromElsewhere: no other site can start a sign-in at the provider, which may ask
// nothing. It leads to the page.
func TestBeginFromElsewhere(t *testing.T) {
	s := newSite(t)
	for site, status := range map[string]int{"cross-site": 200, "same-site": 200, "other": 200, "same-origin": 303, "none": 303} {
		resp := s.do("GET", signin.OIDC+"?next=/docs/", "", "Sec-Fetch-Site", site)
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != status || (len(resp.Cookies()) != 0) != (status == 303) || status == 200 && !strings.Contains(string(body), `href="/.bailiwick/login/oidc?next=%2Fdocs%2F"`) {
			t.Errorf("%s: %d %v %s", site, resp.StatusCode, resp.Header, body)
		}
	}
	if resp := s.do("GET", signin.OIDC, ""); resp.StatusCode != 303 {
		t.Errorf("an old browser: %d", resp.StatusCode)
	}
}

// TestProviderThrottled: who comes back in vain counts as a wrong password does, and the provider
// is not asked any more.
func TestProviderThrottled(t *testing.T) {
	s := newSite(t)
	flow := s.do("GET", signin.OIDC, "").Cookies()[0]
	back := func(code string) *http.Response {
		return s.do("GET", signin.Callback+"?state=1&code="+code, "", "Cookie", flow.Name+"="+flow.Value)
	}
	for range 3 {
		if resp := back("bad"); resp.StatusCode != 401 {
			t.Fatalf("%d", resp.StatusCode)
		}
	}
	if resp := back("good"); resp.StatusCode != 429 || resp.Header.Get("Retry-After") == "" || s.provider.asked != 3 {
		t.Errorf("%d %v, asked %d times", resp.StatusCode, resp.Header, s.provider.asked)
	}
	if resp := s.login("/"); resp.StatusCode != 429 {
		t.Errorf("a password: %d", resp.StatusCode)
	}
}

// TestProviderBusy: a provider that does not answer holds few requests. The others fail at once.
func TestProviderBusy(t *testing.T) {
	s := newSite(t)
	flow := s.do("GET", signin.OIDC, "").Cookies()[0]
	begun, answer := make(chan bool), make(chan bool)
	waiting := &slowProvider{begun, answer}
	keys, err := session.ReadKeys("keys", strings.NewReader("one:"+base64.StdEncoding.EncodeToString(make([]byte, 32))))
	if err != nil {
		t.Fatal(err)
	}
	pages := signin.New(signin.Config{Sessions: s.sessions, Provider: waiting, Keys: keys})
	back := func() int {
		r := httptest.NewRequest("GET", signin.Callback+"?state=1&code=good", nil)
		r.Header.Set("Cookie", flow.Name+"="+flow.Value)
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, r)
		return w.Code
	}
	done := make(chan int)
	for range 16 {
		go func() { done <- back() }()
		<-begun
	}
	if got := back(); got != 503 {
		t.Errorf("the seventeenth: %d", got)
	}
	close(answer)
	for range 16 {
		if got := <-done; got != 303 {
			t.Errorf("one that waited: %d", got)
		}
	}
	go func() { <-begun }()
	if got := back(); got != 303 {
		t.Errorf("after that: %d", got)
	}
}

// A slowProvider answers when it is told to.
type slowProvider struct{ begun, answer chan bool }

func (*slowProvider) Begin(context.Context, string) (string, []byte, error) { return "", nil, nil }
func (*slowProvider) Ends([]byte, url.Values) bool                          { return true }
func (p *slowProvider) Finish(context.Context, []byte, url.Values) (auth.Principal, error) {
	p.begun <- true
	<-p.answer
	return auth.Principal{Name: "alice", Method: "oidc"}, nil
}

// TestNewRefuses: a configuration with which nobody could finish to sign in is an error when it
// is made.
func TestNewRefuses(t *testing.T) {
	s := newSite(t)
	for what, cfg := range map[string]signin.Config{
		"nothing":   {},
		"no way":    {Sessions: s.sessions},
		"no keys":   {Sessions: s.sessions, Provider: s.provider},
		"zero keys": {Sessions: s.sessions, Provider: s.provider, Keys: &session.Keys{}},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", what)
				}
			}()
			signin.New(cfg)
		}()
	}
}

// FuzzCallback comes back from a provider with any cookies and any query. FLOW in a cookie is
// that of a sign-in that was begun, SESSION that of a session, and SEALED the content, sealed as
// the former. Nobody is signed in without one of the first and last, and what the provider sends
// for it, and every answer leads to this server.
func FuzzCallback(f *testing.F) {
	s := newSite(f)
	flow := s.do("GET", signin.OIDC+"?next=/docs/", "").Cookies()[0].Value
	begun := s.login("/").Cookies()[0].Value
	keys, err := session.ReadKeys("keys", strings.NewReader("one:"+base64.StdEncoding.EncodeToString(make([]byte, 32))))
	if err != nil {
		f.Fatal(err)
	}
	const good = `{"s":"c3RhdGU=","n":"/","u":99999999999}`
	for _, cookie := range []string{
		"bailiwick-login=FLOW", "bailiwick-login=FLOW; bailiwick-login=FLOW", "bailiwick-login=" + flow[:len(flow)-2], "bailiwick-login=FLOWA", "bailiwick-login=SESSION", "bailiwick=FLOW", "__Host-bailiwick-login=FLOW", `bailiwick-login="FLOW"`, "bailiwick-login=; x", "bailiwick-login=SEALED",
		"bailiwick-login=" + keys.Seal("session", []byte(good)),
	} {
		for _, query := range []string{"state=1&code=good", "state=1&state=2&code=good", "code=good", "state=1&code=bad&code=good", "%zz", "state=%31&code=good;"} {
			f.Add(cookie, good, query)
		}
	}
	for _, content := range []string{`{"s":"c3RhdGU=","n":"//evil.example","u":99999999999}`, `{"s":"c3RhdGU=","n":"/","u":0}`, `{"s":"","u":99999999999}`, `{"u":1e99}`, `null`, ``, `[]`, good + good} {
		f.Add("bailiwick-login=SEALED", content, "state=1&code=good")
	}
	var count uint32
	f.Fuzz(func(t *testing.T, cookie, content, query string) {
		r := httptest.NewRequest("GET", signin.Callback, nil)
		r.URL.RawQuery = query
		r.Header["Cookie"] = []string{strings.NewReplacer("FLOW", flow, "SESSION", begun, "SEALED", keys.Seal("sign in at a provider", []byte(content))).Replace(cookie)}
		count++ // another client each time, so that none has to wait
		r.RemoteAddr = fmt.Sprintf("[2001:db8:%x:%x::1]:1", count>>16, count&0xffff)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		s.log.all = nil
		resp := w.Result()
		here := *s
		here.t = t
		switch resp.StatusCode {
		case 401:
			if resp.Header.Get("Location") != "" || here.who(resp) != "" {
				t.Errorf("%q %q: %v", cookie, query, resp.Header)
			}
		case 303:
			values := r.URL.Query()
			if !strings.Contains(cookie, "FLOW") && !strings.Contains(cookie, "SEALED") || values.Get("state") != "1" || values.Get("code") != "good" || here.who(resp) != "alice@id.example.org" {
				t.Errorf("%q %q %q signs in %q", cookie, content, query, here.who(resp))
			}
			wantHere(t, content, resp.Header.Get("Location"))
		default:
			t.Errorf("%q %q: %d", cookie, query, resp.StatusCode)
		}
	})
}
