package server_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/backends/aferofs"
	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/backends/layer/cache"
	"github.com/bailiwick-fs/bailiwick/backends/layer/mount"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/certs"
	"github.com/bailiwick-fs/bailiwick/server/auth/htpasswd"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
	"github.com/bailiwick-fs/bailiwick/server/auth/oidc"
	"github.com/bailiwick-fs/bailiwick/server/auth/session"
	"github.com/bailiwick-fs/bailiwick/server/auth/tokens"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/internal/memcatalog"
	"github.com/bailiwick-fs/bailiwick/server/probe"
	"github.com/bailiwick-fs/bailiwick/server/signin"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// zeroValues has a test for each exported struct and function type: its zero value, or one
// that is only partly set, grants nothing. data stands for types that are only options or
// results.
var zeroValues = map[string]func(*testing.T){
	"server/access.List": func(t *testing.T) {
		for what, l := range map[string]*access.List{"zero": {}, "nil": nil} {
			p := allow("**")
			p.Authorize = l
			wantClosed(t, what, jailOver(t, gateTree(), p))
			if l.Open(vfs.OpRead) || l.OpenTo(vfs.OpRead, parsed(t, "a")) || server.UploadRules(l).Authorize(t.Context(), vfs.OpUpload, catalog.Record{}) == nil {
				t.Errorf("%s is open", what)
			}
		}
	},
	"server/access.Rule": func(t *testing.T) {
		for _, r := range []access.Rule{{}, {Who: "anyone"}, {Can: can(vfs.OpRead)}, {Who: "user:", Can: can(vfs.OpRead)}, {Who: "anyone", Can: can("")}, {Who: "claim:k", Can: can(vfs.OpRead)}} {
			if _, err := access.Compile([]access.Rule{r}, nil); !errors.Is(err, access.ErrRule) {
				t.Errorf("%+v: %v", r, err)
			}
		}
	},
	"server/access.Share": func(t *testing.T) {
		for what, s := range map[string]access.Share{"zero": {}, "no path": {Dir: true}, "no directory": {Path: parsed(t, "a"), Upload: true}} {
			a := access.Shared(access.Anyone())
			ctx := access.WithShare(t.Context(), s, auth.Principal{Name: "alice"})
			for _, op := range can(vfs.OpRead, vfs.OpList, vfs.OpWrite, vfs.OpDelete, vfs.OpUpload, access.OpShare) {
				if a.Authorize(ctx, op, parsed(t, "a")) == nil || a.Authorize(ctx, op, vfs.Root) == nil {
					t.Errorf("%s permits to %s", what, op)
				}
			}
		}
	},
	"server.ShareConfig": data, // TestShareConfigRefuses
	"server.ShareMount": func(t *testing.T) {
		defer func() {
			if recover() == nil {
				t.Error("a mount without a jail is accepted")
			}
		}()
		server.NewShares(server.ShareConfig{Store: noShares{}, Mounts: []server.ShareMount{{}},
			Find:   func(string, *url.URL) (int, *url.URL) { return 0, nil },
			Issuer: func(string) (auth.Principal, string, bool) { return auth.Principal{}, "", true }})
	},
	"server/auth/htpasswd.Hashes": func(t *testing.T) {
		for what, h := range map[string]*htpasswd.Hashes{"zero": {}, "nil": nil} {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			hash, err := h.Hash(ctx, "password")
			if err == nil || hash != "" || h.Check(ctx, hash, "") == nil || h.Check(ctx, "", "password") == nil {
				t.Errorf("%s: %q, %v", what, hash, err)
			}
		}
	},
	"server/access.Func": func(t *testing.T) {
		p := allow("**")
		p.Authorize = access.Func(nil)
		wantClosed(t, "nil", jailOver(t, gateTree(), p))
		if f := access.Func(nil); f.Open(vfs.OpRead) || f.OpenTo(vfs.OpRead, parsed(t, "a")) {
			t.Error("nil is open")
		}
	},
	"server/auth.Chain": func(t *testing.T) {
		for what, c := range map[string]*auth.Chain{"zero": {}, "nil": nil} {
			wantNobody(t, what, c, "Basic "+base64.StdEncoding.EncodeToString([]byte(":")), "Bearer a", "Bearer a.b.c")
		}
	},
	"server/auth.ChainConfig": func(t *testing.T) {
		wantNobody(t, "zero", auth.NewChain(auth.ChainConfig{}), "Bearer a", "Bearer a.b.c")
		if panicOf(func() { auth.NewChain(auth.ChainConfig{Failures: &auth.Failures{}}) }) == "" {
			t.Error("the zero Failures was accepted")
		}
	},
	"server/auth.Failures": func(t *testing.T) {
		if panicOf(func() { auth.NewChain(auth.ChainConfig{Failures: &auth.Failures{}}) }) == "" {
			t.Error("the zero value was accepted")
		}
	},
	"server/auth.FailureLimits": func(t *testing.T) {
		c := auth.NewChain(auth.ChainConfig{Tokens: people{}, Failures: auth.NewFailures(auth.FailureLimits{})})
		for i := range 20 {
			_, _, err := c.Authenticate(withHeader("Bearer x"))
			if throttled := errors.Is(err, auth.ErrThrottled); throttled != (i >= 10) {
				t.Fatalf("failure %d: %v", i+1, err)
			}
		}
	},
	"server/auth.Grant": func(t *testing.T) {
		name := parsed(t, "a")
		for _, g := range []auth.Grant{{}, {Op: vfs.OpRead}, {Op: vfs.OpUpload}, {Name: name}, {Op: vfs.OpRead, NewName: true}, {NewName: true}} {
			for _, op := range []vfs.Op{"", vfs.OpRead, vfs.OpList, vfs.OpWrite, vfs.OpDelete, vfs.OpUpload} {
				for _, n := range []vfs.Name{{}, vfs.Root, name, catalog.ObjectName(uuid.Nil)} {
					if auth.Granted(auth.WithGrant(t.Context(), g), op, n) {
						t.Errorf("%+v grants %q of %q", g, op, n)
					}
				}
			}
		}
	},
	"server/auth.Principal": func(t *testing.T) {
		l := rules(t, map[string][]string{"editors": {""}}, access.Rule{Who: "authenticated", Can: can(vfs.OpRead)}, access.Rule{Who: "group:editors", Can: can(vfs.OpRead)},
			access.Rule{Who: "group:staff", Can: can(vfs.OpRead)}, access.Rule{Who: "claim:k=v", Can: can(vfs.OpRead)}, access.Rule{Who: "owner", Can: can(vfs.OpRead)})
		nobody := ""
		for _, p := range []auth.Principal{{}, {Groups: []string{"staff"}}, {Claims: map[string][]string{"k": {"v"}}}, {Method: "basic"}} {
			if rule, ok := l.Decide(p, vfs.OpRead, parsed(t, "a"), &nobody); ok {
				t.Errorf("%+v: %s", p, rule)
			}
		}
		// An Authenticator that returns a principal without a name, or with a reserved one,
		// is treated as failed, not as having found no credentials.
		policy := allow("**")
		policy.Authorize = access.Anyone()
		for _, p := range []auth.Principal{{}, {Groups: []string{"staff"}}, {Name: "anyone"}, {Name: "link:x"}} {
			h := server.New(jailOver(t, gateTree(), policy), server.Config{Auth: server.Auth{Authenticator: vouches{p}}, Logger: quiet})
			if r := request(t, h, "GET", "/secret.txt"); r.Status != 503 || strings.Contains(r.Body, canary) {
				t.Errorf("an Authenticator returns %+v: %d", p, r.Status)
			}
		}
	},
	"server/auth/certs.Authority": func(t *testing.T) {
		var config tls.Config
		(&certs.Authority{}).Configure(&config)
		if config.ClientCAs == nil || config.ClientAuth != tls.VerifyClientCertIfGiven {
			t.Error("the certificate authorities of the system are trusted")
		}
		state := &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{{}}, {}}}
		for what, a := range map[string]*certs.Authority{"zero": {}, "nil": nil} {
			if p, ok, err := a.CheckCertificate(state); ok || !errors.Is(err, auth.ErrCredentials) {
				t.Errorf("%s: %+v, %v, %v", what, p, ok, err)
			}
		}
	},
	"server/auth/certs.Options": data,
	"server/auth/htpasswd.Users": func(t *testing.T) {
		for what, u := range map[string]*htpasswd.Users{"zero": {}, "nil": nil} {
			for _, name := range []string{"", "alice"} {
				if p, err := u.CheckPassword(t.Context(), name, ""); !errors.Is(err, auth.ErrCredentials) || !p.Anyone() {
					t.Errorf("%s: %q was accepted as %+v, %v", what, name, p, err)
				}
			}
		}
	},
	"server/auth/htpasswd.Options": func(t *testing.T) {
		u, err := htpasswd.Parse("users", nil, htpasswd.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if p, err := u.CheckPassword(t.Context(), "", ""); !errors.Is(err, auth.ErrCredentials) {
			t.Errorf("%+v, %v", p, err)
		}
	},
	// Without a Mark, a Clock uses the system time, and never goes back.
	"server/auth/links.Clock": func(t *testing.T) {
		var c links.Clock
		now := time.Now()
		if got := c.Now(t.Context(), now); !got.Equal(now) {
			t.Errorf("%v at %v", got, now)
		}
		if got := c.Now(t.Context(), now.Add(-time.Hour)); got.Before(now) {
			t.Errorf("the clock went back by %v", now.Sub(got))
		}
	},
	"server/auth/links.Keys": func(t *testing.T) {
		good := signed(t, ring(t, "one"), links.Link{Path: "/a"})
		_, query, _ := strings.Cut(good, "?")
		for what, k := range map[string]*links.Keys{"zero": {}, "nil": nil} {
			if l, err := k.Verify("GET", "/a", query, time.Now()); !errors.Is(err, links.ErrLink) {
				t.Errorf("%s: %+v, %v", what, l, err)
			}
			if q, err := k.Sign(links.Link{Method: "GET", Path: "/a", Expires: time.Now().Add(time.Hour)}); err == nil {
				t.Errorf("%s signs %s", what, q)
			}
		}
	},
	"server/auth/session.Keys": func(t *testing.T) {
		good, err := session.ReadKeys("keys", strings.NewReader("a:"+base64.StdEncoding.EncodeToString(make([]byte, 32))))
		if err != nil {
			t.Fatal(err)
		}
		for what, k := range map[string]*session.Keys{"zero": {}, "nil": nil} {
			if _, ok := k.Open("p", good.Seal("p", []byte("x"))); ok {
				t.Errorf("%s opens a value", what)
			}
			if panicOf(func() { k.Seal("p", nil) }) == "" {
				t.Errorf("%s seals a value", what)
			}
		}
	},
	"server/auth/session.Sessions": func(t *testing.T) {
		for what, s := range map[string]*session.Sessions{"zero": {}, "nil": nil} {
			wantNobody(t, "the "+what+" Sessions", s, "", "Basic YTpi")
			if p, err := s.CheckPassword(withHeader(""), "a", "b"); err == nil {
				t.Errorf("%s: signed in as %+v", what, p)
			}
			if p, err := s.Begin(httptest.NewRecorder(), withHeader(""), session.Password, auth.Principal{Name: "a"}); err == nil {
				t.Errorf("%s: a session of %+v", what, p)
			}
		}
	},
	"server/auth/session.Config": func(t *testing.T) {
		ring, err := session.ReadKeys("keys", strings.NewReader("a:"+base64.StdEncoding.EncodeToString(make([]byte, 32))))
		if err != nil {
			t.Fatal(err)
		}
		for _, cfg := range []session.Config{{}, {Keys: &session.Keys{}}, {Keys: ring, OIDC: &oidc.Client{}}, {Keys: ring, Idle: -1}} {
			if panicOf(func() { session.New(&auth.Chain{}, cfg) }) == "" {
				t.Errorf("%+v was accepted", cfg)
			}
		}
		// Without a source, nobody can have a session.
		s := session.New(&auth.Chain{}, session.Config{Keys: ring})
		for _, way := range []session.Way{"", session.Password, session.OIDC} {
			if p, err := s.Begin(httptest.NewRecorder(), withHeader(""), way, auth.Principal{Name: "a"}); err == nil {
				t.Errorf("a session of %+v by %q", p, way)
			}
		}
	},
	"server/signin.Pages": func(t *testing.T) {
		wantStatusAt(t, &signin.Pages{}, signin.Login, map[string]int{"GET": 404, "POST": 404})
	},
	"server/signin.Config": func(t *testing.T) {
		for _, cfg := range []signin.Config{{}, {Sessions: &session.Sessions{}}, {Sessions: &session.Sessions{}, Provider: &oidc.Client{}}} {
			if panicOf(func() { signin.New(cfg) }) == "" {
				t.Errorf("%+v was accepted", cfg)
			}
		}
	},
	"server/auth/oidc.Client": func(t *testing.T) {
		for what, c := range map[string]*oidc.Client{"zero": {}, "nil": nil} {
			if _, _, err := c.Begin(t.Context(), "https://files.example.org/"); err == nil {
				t.Errorf("%s begins a sign-in", what)
			}
			if p, err := c.Finish(t.Context(), []byte(`{"s":"x"}`), url.Values{"state": {"x"}, "code": {"x"}}); err == nil {
				t.Errorf("%s signs in %+v", what, p)
			}
			if _, ok := c.Fingerprint(auth.Principal{Name: "a"}, nil); ok {
				t.Errorf("%s has a fingerprint", what)
			}
		}
	},
	"server/auth/oidc.ClientConfig": func(t *testing.T) {
		if c, err := oidc.NewClient(nil, oidc.ClientConfig{ID: "a"}); err == nil {
			t.Errorf("a client without a provider: %+v", c)
		}
	},
	"server/auth/links.Link": func(t *testing.T) {
		k := ring(t, "one")
		for _, l := range []links.Link{{}, {Method: "GET"}, {Path: "/a"}, {Method: "GET", Path: "/a/"}} {
			if q, err := k.Sign(l); err == nil {
				t.Errorf("%+v is signed as %s", l, q)
			}
		}
		if q, err := k.Sign(links.Link{Method: "GET", Path: "/a"}); err == nil {
			if _, err := k.Verify("GET", "/a", q, time.Now()); !errors.Is(err, links.ErrExpired) {
				t.Errorf("a link without an expiry is valid: %v", err)
			}
		}
	},
	"server/auth/links.Memory": func(t *testing.T) {
		var m links.Memory
		for _, limit := range []int{0, -1} {
			if ok, err := m.Use(t.Context(), "a", limit, time.Now().Add(time.Hour)); ok || err != nil {
				t.Errorf("%d uses: Use: %v, %v", limit, ok, err)
			}
			if ok, err := m.Good(t.Context(), "b", limit); ok || err != nil {
				t.Errorf("%d uses: Good: %v, %v", limit, ok, err)
			}
		}
	},
	"server/auth/oidc.Config": func(t *testing.T) {
		for _, cfg := range []oidc.Config{{}, {Issuer: "https://id.example.org"}, {Audience: "us"}, {Issuer: "http://id.example.org", Audience: "us"}, {Issuer: "https://id.example.org", Audience: "us", Algorithms: []string{"none"}}, {Issuer: "https://id.example.org", Audience: "us", Algorithms: []string{""}}} {
			if p, err := oidc.New(cfg); err == nil || p != nil {
				t.Errorf("%+v: %v", cfg, err)
			}
		}
	},
	"server/auth/oidc.Provider": func(t *testing.T) {
		for what, p := range map[string]*oidc.Provider{"zero": {}, "nil": nil} {
			for _, token := range []string{"", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9."} {
				if who, err := p.CheckToken(t.Context(), token); !errors.Is(err, auth.ErrCredentials) {
					t.Errorf("%s: %q was accepted as %+v, %v", what, token, who, err)
				}
			}
		}
	},
	"server/auth/tokens.List": func(t *testing.T) {
		for what, l := range map[string]*tokens.List{"zero": {}, "nil": nil} {
			for _, token := range []string{"", "a"} {
				if p, err := l.CheckToken(t.Context(), token); !errors.Is(err, auth.ErrCredentials) {
					t.Errorf("%s: %q was accepted as %+v, %v", what, token, p, err)
				}
			}
		}
	},
	"server/auth/tokens.Options": data,

	"server.Config": func(t *testing.T) {
		wantStatus(t, server.New(jailOver(t, mem.New(), allow("**")), server.Config{}), map[string]int{"PUT": 405, "DELETE": 405, "POST": 405, "GET": 404})
		wantStatus(t, server.New(&vfs.Jail{}, server.Config{}), map[string]int{"GET": 404, "HEAD": 404})
	},
	"server.Page": func(t *testing.T) {
		j := jailOver(t, gateTree(), allow("**"))
		for what, p := range map[string]server.Page{"zero": {}, "only a mode": {Mode: server.PageFull}} {
			// A page alone lists nothing.
			wantStatusAt(t, server.New(j, server.Config{Page: p}), "/", map[string]int{"GET": 404, "POST": 405})
			h := server.NewUploads(jailOver(t, mem.New(), catalog.Policy()), &memcatalog.Catalog{}, server.UploadConfig{Page: p, Authorize: server.UploadFunc(nil), Logger: quiet})
			if r := request(t, h, "GET", "/"); r.Status != 404 {
				t.Errorf("%s: %d", what, r.Status)
			}
		}
	},
	"server.Auth": func(t *testing.T) {
		p := allow("**")
		p.Authorize = rules(t, nil, access.Rule{Who: "authenticated", Can: can(vfs.OpRead, vfs.OpList)})
		h := server.New(jailOver(t, gateTree(), p), server.Config{List: true})
		for _, headers := range [][]string{nil, as("alice"), {"Authorization", "Basic YWxpY2U6cHc="}} {
			if r := request(t, h, "GET", "/secret.txt", headers...); r.Status != 404 {
				t.Errorf("%v: %d", headers, r.Status)
			}
		}
		for _, g := range []server.Auth{{Authenticator: (*auth.Chain)(nil)}, {Links: &links.Keys{}}, {Uses: &links.Memory{}}, {Redirect: time.Minute}} {
			if panicOf(func() { server.New(jailOver(t, gateTree(), allow("**")), server.Config{Auth: g}) }) == "" {
				t.Errorf("%+v over a jail without rules is served", g)
			}
		}
	},
	"server.UploadConfig": func(t *testing.T) {
		cat := &memcatalog.Catalog{}
		h := server.NewUploads(jailOver(t, mem.New(), catalog.Policy()), cat, server.UploadConfig{Logger: quiet})
		rec := postTo(t, asPrincipal(h), "alice")
		wantStatusAt(t, h, "/"+rec, map[string]int{"DELETE": 404, "GET": 200})
		for _, authorize := range []server.UploadAuthorizer{server.UploadFunc(nil), server.UploadRules(nil), server.UploadRules(&access.List{})} {
			h := server.NewUploads(jailOver(t, mem.New(), catalog.Policy()), cat, server.UploadConfig{Authorize: authorize, Logger: quiet})
			wantStatusAt(t, h, "/"+rec, map[string]int{"DELETE": 404, "GET": 404})
			wantStatusAt(t, h, "/", map[string]int{"POST": 404})
		}
	},
	"server.UploadFunc": func(t *testing.T) {
		f := server.UploadFunc(nil)
		if f.Authorize(t.Context(), vfs.OpUpload, catalog.Record{}) == nil || f.OpenTo(vfs.OpRead, catalog.Record{}) {
			t.Error("the nil UploadFunc allows uploads")
		}
	},
	"server.SendOptions": func(t *testing.T) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		if err := server.SendFile(w, r, &vfs.Jail{}, "a", server.SendOptions{}); err == nil || w.Code != 404 {
			t.Errorf("from the zero Jail: %d, %v", w.Code, err)
		}
		w = httptest.NewRecorder()
		_ = server.SendFile(w, r, jail(t, map[string]string{"a.html": "<script>"}, allow("**")), "a.html", server.SendOptions{Content: 99})
		if !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") || w.Header().Get("Content-Security-Policy") == "" {
			t.Errorf("unknown Content: %v", w.Header())
		}
	},
	"server.Limits": func(t *testing.T) {
		h := server.Limit(http.NotFoundHandler(), server.Limits{})
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-Forwarded-For", "192.0.2.99")
		rec := &recorder{}
		p := allow("**")
		server.Limit(server.New(jailOver(t, mem.New(), p), server.Config{Recorder: rec}), server.Limits{}).ServeHTTP(httptest.NewRecorder(), r)
		if a := rec.wait(t, 1)[0]; strings.Contains(a.Remote, "192.0.2.99") {
			t.Error("X-Forwarded-For is trusted without TrustedProxies")
		}
		wantStatus(t, h, map[string]int{"GET": 404})
	},
	"server.Intake": func(t *testing.T) {
		if panicOf(func() {
			server.New(jailOver(t, mem.New(), allow("**")), server.Config{Write: true, Intake: server.Intake{Slots: &server.Slots{}}})
		}) == "" {
			t.Error("the zero Slots was accepted")
		}
	},
	"server.Rates": func(t *testing.T) {
		if panicOf(func() { server.Limit(http.NotFoundHandler(), server.Limits{PerClient: &server.Rates{}}) }) == "" {
			t.Error("the zero value was accepted")
		}
	},
	"server.ShareCache": func(t *testing.T) {
		s := newSharing(t)
		s.change = func(c *server.ShareConfig) { c.Cache = &server.ShareCache{} }
		s.apply()
		m := s.share("alice", fields{"path": "/files/docs/pub"})
		for range 2 {
			if r := s.get(m.URL + "a.txt"); r.Status != 200 {
				t.Errorf("with the zero cache: %d", r.Status)
			}
		}
	},
	"server.Slots": func(t *testing.T) {
		if panicOf(func() { server.Limit(http.NotFoundHandler(), server.Limits{InFlight: &server.Slots{}}) }) == "" {
			t.Error("the zero value was accepted")
		}
	},
	"server/audit.Log": func(t *testing.T) {
		var l audit.Log
		l.Record(&audit.Attempt{})
		if err := l.Close(); err != nil || l.Dropped() != 1 {
			t.Errorf("%v, %d dropped", err, l.Dropped())
		}
		if panicOf(func() { audit.NewLog(nil, audit.LogOptions{}) }) == "" {
			t.Error("NewLog accepted a nil writer")
		}
	},
	"backends/s3.Client": func(t *testing.T) {
		for what, c := range map[string]*s3.Client{"zero": {}, "nil": nil} {
			if _, err := s3.New(c, s3.Options{Bucket: "bucket"}); err == nil {
				t.Errorf("the %s client was accepted", what)
			}
		}
	},
	"backends/layer/mount.Point": func(t *testing.T) {
		for _, p := range []mount.Point{{}, {At: "a"}, {Backend: gateTree()}} {
			if _, err := mount.New(gateTree(), p); err == nil {
				t.Errorf("%+v was accepted", p)
			}
		}
	},
	"backends/layer/limit.Options": data, "backends/layer/overlay.Options": data, "backends/layer/retry.Options": data, "backends/layer/timeout.Options": data,

	"server/probe.Tree": func(t *testing.T) {
		tree := &probe.Tree{}
		if _, err := probe.Run(t.Context(), "http://127.0.0.1:1", tree, probe.Options{}); err == nil {
			t.Error("zero can be attacked with")
		}
		if err := tree.Remove(); err != nil {
			t.Errorf("zero removes something: %v", err)
		}
	},
	"server/probe.Rules": data, "server/probe.Options": data, "server/probe.Report": data, "server/probe.Result": data, "server/probe.Finding": data,
	"server/audit.LogOptions": data,
	"server/audit.Attempt":    data,
	"server.Upload":           data,
	"server.Below": func(t *testing.T) {
		page := func(b server.Below) string {
			h := server.New(jailOver(t, gateTree(), allow("**")), server.Config{List: true, Page: server.Page{Mode: server.PageFull, Below: []server.Below{b}}})
			return get(t, "GET", start(t, h)+"/", "Accept", ofBrowsers).Body
		}
		open := server.Below{Name: parsed(t, "elsewhere"), Open: func(context.Context) bool { return true }}
		if !strings.Contains(page(open), `href="./elsewhere/"`) {
			t.Error("the page does not lead to what is open")
		}
		open.Open = nil
		if strings.Contains(page(open), "elsewhere") || page(server.Below{}) == "" {
			t.Error("the page leads to what nobody may open")
		}
	},
	"server.Archives": func(t *testing.T) {
		for what, a := range map[string]server.Archives{"negative": {Entries: -1}, "zero slots": {Slots: &server.Slots{}}} {
			if panicOf(func() { server.New(jailOver(t, gateTree(), allow("**")), server.Config{Archive: a}) }) == "" {
				t.Errorf("%s: accepted", what)
			}
		}
		if r := get(t, "GET", start(t, server.New(jailOver(t, gateTree(), vfs.Policy{}), server.Config{List: true}))+"/?zip"); strings.Contains(r.Body, "a") {
			t.Errorf("the zero Policy: %q", r.Body)
		}
	},
	"server.Types": func(t *testing.T) { // no type for Config.Inline, every type for Intake.Types
		h := server.New(jail(t, map[string]string{"a.html": "<script>"}, allow("**")), server.Config{Content: server.ContentUntrusted})
		if r := request(t, h, "GET", "/a.html"); !strings.HasPrefix(r.Header.Get("Content-Disposition"), "attachment") {
			t.Errorf("an HTML page is inline: %v", r.Header)
		}
	},

	"server/catalog.Share": data, // catalogtest has what no store takes
	"server/catalog.Record": func(t *testing.T) {
		if err := (server.OwnersDelete()).Authorize(t.Context(), vfs.OpDelete, catalog.Record{Owner: "alice"}); err == nil {
			t.Error("an anonymous caller may delete an upload of alice")
		}
	},
	"server/catalog/reconcile.Problem": data, "server/catalog/reconcile.Options": data, "server/catalog/reconcile.Summary": data, "server/catalog/reconcile.Swept": data, "server/catalog/reconcile.Adopted": data,
	// These are made by Open, which the suite in catalogtest checks.
	"server/catalog/sqlite.Store": data, "server/catalog/sqlite.Options": data, "server/catalog/postgres.Store": data, "server/catalog/postgres.Options": data,

	"backends/disk.Backend":    func(t *testing.T) { wantNothing(t, func() vfs.Backend { return &disk.Backend{} }) },
	"backends/mem.Backend":     func(t *testing.T) { wantNothing(t, func() vfs.Backend { return &mem.Backend{} }) },
	"backends/s3.Backend":      func(t *testing.T) { wantNothing(t, func() vfs.Backend { return &s3.Backend{} }) },
	"backends/aferofs.Backend": func(t *testing.T) { wantNothing(t, func() vfs.Backend { return &aferofs.Backend{} }) },
	"backends/disk.Options": func(t *testing.T) {
		b, err := disk.New(t.TempDir(), disk.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		if b.Caps().Writable {
			t.Error("the backend is writable")
		}
	},
	"backends/s3.Options": func(t *testing.T) {
		if b, err := s3.New(nil, s3.Options{}); err == nil || b != nil {
			t.Errorf("no bucket: %v", err)
		}
	},
	"backends/s3.ClientOptions": data,
	"backends/aferofs.Options":  data,
	"backends.Options": func(t *testing.T) {
		src, err := backends.Open(t.Context(), t.TempDir(), backends.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		if src.Caps().Writable {
			t.Error("the backend is writable")
		}
		if _, err := backends.Open(t.Context(), "", backends.Options{}); err == nil {
			t.Error("an empty source was opened")
		}
	},
	"backends.Source":       func(t *testing.T) { wantNothing(t, func() vfs.Backend { return &backends.Source{} }) },
	"backends.S3Source":     data,
	"backends/observe.Call": data,

	"backends/layer/cache.Cache": func(t *testing.T) { wantNothing(t, func() vfs.Backend { return &cache.Cache{} }) },
	"backends/layer/cache.Options": func(t *testing.T) {
		if c, err := cache.New(nil, t.TempDir(), cache.Options{}); err == nil || c != nil {
			t.Errorf("no backend: %v", err)
		}
	},
	"backends/layer/cache.Stats": data,
}

func data(*testing.T) {}

type noShares struct{ catalog.Shares }

func TestZeroValues(t *testing.T) {
	for name, test := range zeroValues {
		t.Run(name, test)
	}
	// The types of package vfs that decide.
	wantClosed(t, "the zero Policy", jailOver(t, gateTree(), vfs.Policy{}))
	wantClosed(t, "the zero Jail", &vfs.Jail{})
	nobody := allow("**")
	nobody.Authorize = vfs.AuthorizeFunc(nil)
	wantClosed(t, "a nil AuthorizeFunc", jailOver(t, gateTree(), nobody))
}

// Every new exported type must be in zeroValues.
func TestZeroValuesAreComplete(t *testing.T) {
	found := map[string]bool{}
	for _, root := range []string{"../server", "../backends"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && slices.Contains([]string{"internal", "testdata", "catalogtest", "servertest"}, d.Name()):
				return filepath.SkipDir
			case d.IsDir() && isModule(path):
				return filepath.SkipDir // it tests its own
			case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			for _, name := range exportedTypes(t, path) {
				found[strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../")+"."+name] = true
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name := range found {
		if zeroValues[name] == nil {
			t.Errorf("%s is not in zeroValues: add a test that its zero value, and one that is only partly set, grant nothing; or data, if the type has only options or results", name)
		}
	}
	for name := range zeroValues {
		if !found[name] {
			t.Errorf("zeroValues has %s, which does not exist", name)
		}
	}
}

func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// exportedTypes returns the exported structs and function types of a file.
func exportedTypes(t *testing.T, path string) (names []string) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range gen.Specs {
			if spec, ok := spec.(*ast.TypeSpec); ok && spec.Name.IsExported() {
				switch spec.Type.(type) {
				case *ast.StructType, *ast.FuncType:
					names = append(names, spec.Name.Name)
				}
			}
		}
	}
	return names
}

// vouches is an Authenticator that returns p for every request.
type vouches struct{ p auth.Principal }

func (v vouches) Authenticate(*http.Request) (auth.Principal, bool, error) { return v.p, true, nil }
func (vouches) Challenges() []string                                       { return nil }

func parsed(t *testing.T, s string) vfs.Name {
	t.Helper()
	n, err := vfs.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func withHeader(authorization string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", authorization)
	return r
}

// wantNobody fails if an Authenticator accepts any of the headers.
func wantNobody(t *testing.T, what string, a auth.Authenticator, headers ...string) {
	t.Helper()
	for _, h := range headers {
		if p, ok, err := a.Authenticate(withHeader(h)); ok || err == nil {
			t.Errorf("%s: %q was accepted as %+v, %v", what, h, p, err)
		}
	}
}

// wantClosed fails if a jail allows anything.
func wantClosed(t *testing.T, what string, j *vfs.Jail) {
	t.Helper()
	for _, op := range []vfs.Op{vfs.OpRead, vfs.OpList, vfs.OpWrite, vfs.OpDelete, vfs.OpUpload} {
		for _, n := range []vfs.Name{{}, vfs.Root, parsed(t, "secret.txt"), parsed(t, "home/alice/a.txt")} {
			if v := j.Explain(t.Context(), op, n); v.Allowed {
				t.Errorf("%s: %s of %q is allowed", what, op, n)
			}
		}
	}
	h := server.New(j, server.Config{List: true})
	wantStatusAt(t, h, "/secret.txt", map[string]int{"GET": 404, "HEAD": 404})
	wantStatusAt(t, h, "/", map[string]int{"GET": 404, "HEAD": 404})
}

// wantNothing fails if a zero backend opens or stores an object. It may panic.
func wantNothing(t *testing.T, zero func() vfs.Backend) {
	t.Helper()
	var err error
	if panicOf(func() { _, err = zero().Open(t.Context(), parsed(t, "a"), vfs.Request{}) }) == "" && err == nil {
		t.Error("the zero backend opened an object")
	}
	if panicOf(func() {
		_, err = zero().Put(t.Context(), parsed(t, "a"), strings.NewReader("x"), vfs.PutOptions{})
	}) == "" && err == nil {
		t.Error("the zero backend stored an object")
	}
}

func wantStatus(t *testing.T, h http.Handler, want map[string]int) {
	t.Helper()
	wantStatusAt(t, h, "/a", want)
}

func wantStatusAt(t *testing.T, h http.Handler, target string, want map[string]int) {
	t.Helper()
	for method, status := range want {
		if r := request(t, h, method, target); r.Status != status {
			t.Errorf("%s %s: %d, want %d", method, target, r.Status, status)
		}
	}
}

// postTo uploads a file as who and returns its ID.
func postTo(t *testing.T, h http.Handler, who string) string {
	t.Helper()
	r := httptest.NewRequestWithContext(context.WithoutCancel(t.Context()), "POST", "/", strings.NewReader("x"))
	r.Header.Set("As", who)
	r.Header.Set("Content-Disposition", `attachment; filename="a.txt"`)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	body, _ := io.ReadAll(w.Body)
	if w.Code != 201 {
		t.Fatalf("POST: %d %s", w.Code, body)
	}
	return strings.TrimPrefix(w.Header().Get("Location"), "/")
}
