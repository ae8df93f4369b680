// Package signin has the pages by which people sign in with a browser and sign out: with a
// password, and at an OpenID Connect provider. The sessions are those of package session.
package signin

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/session"
	look "github.com/bailiwick-fs/bailiwick/server/internal/page"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// The paths of the pages, on every host of a server.
const (
	Login    = look.LoginPath               // GET: the page; POST: signs in with the fields user, password and next
	Logout   = look.LogoutPath              // POST: signs out; with the field next
	OIDC     = look.LoginPath + "/oidc"     // GET: sends the browser to the provider
	Callback = look.LoginPath + "/callback" // GET: where the provider sends it back to
)

// A Provider signs people in at another server. oidc.Client is one.
type Provider interface {
	// Begin returns the URL to send a browser to, and the state that only this browser may
	// give to Finish. redirect is the URL of Callback. Its error matches
	// auth.ErrUnavailable.
	Begin(ctx context.Context, redirect string) (location string, state []byte, err error)

	// Ends reports whether query, with which a browser came back, ends the sign-in of state.
	// It asks nobody.
	Ends(state []byte, query url.Values) bool

	// Finish returns who signed in, from such a query. Its error matches auth.ErrCredentials
	// or auth.ErrUnavailable.
	Finish(ctx context.Context, state []byte, query url.Values) (auth.Principal, error)
}

// A Config configures the pages.
type Config struct {
	// Sessions begins and ends sessions, and checks passwords. It is required.
	Sessions *session.Sessions

	// Password shows a form for a user name and a password.
	Password bool

	// Provider, if set, is offered on the page. Keys seals what its sign-ins leave with the
	// browser; it is required then.
	Provider Provider
	Keys     *session.Keys

	// Failures limits how often a client, known by the host of RemoteAddr, may come back from
	// the Provider in vain. It should be that of auth.ChainConfig. nil means
	// auth.NewFailures with its defaults.
	Failures *auth.Failures

	// Title and Color are those of server.Page.
	Title, Color string

	// Recorder and Logger are those of server.Config.
	Recorder audit.Recorder
	Logger   *slog.Logger
}

// Pages is a handler for the paths above. It is safe for concurrent use. Only New makes one:
// the zero Pages answers everything with the uniform 404.
//
// Requests that change something are refused with the uniform 404 if a page of another site
// made the browser send them: nobody can sign somebody else in, or out. A wrong password gets
// the page with status 401, and too many of them with 429. What next names is a path of this
// server and nothing else; all other values are "/". A request for OIDC that a link of another
// site caused gets the page of Login. A body that takes longer than ten seconds is 408.
type Pages struct {
	cfg      Config
	site     *look.Site
	endpoint http.Handler
	asking   chan struct{} // has an item for each request that the Provider finishes
}

// maxAsking bounds the requests that wait for the Provider at the same time: one that does not
// answer must not hold all requests in flight.
const maxAsking = 16

// New returns the pages. It panics if Sessions is nil, if there is no way to sign in, if
// Provider has no Keys or they hold no key, or if server.Page.Check would refuse the Title or
// the Color.
func New(cfg Config) *Pages {
	switch {
	case cfg.Sessions == nil:
		panic("signin.New: Config.Sessions is nil")
	case !cfg.Password && cfg.Provider == nil:
		panic("signin.New: Config has neither Password nor Provider, so nobody could sign in")
	case cfg.Provider != nil && cfg.Keys == nil:
		panic("signin.New: Config.Provider is set, but Config.Keys is not")
	case cfg.Provider != nil:
		cfg.Keys.Seal(purposeFlow, nil) // panics without a key
	}
	if cfg.Failures == nil {
		cfg.Failures = auth.NewFailures(auth.FailureLimits{})
	}
	site, err := look.New(look.Options{Title: cfg.Title, Color: cfg.Color})
	if err != nil {
		panic("signin.New: " + err.Error())
	}
	p := &Pages{cfg: cfg, site: site, asking: make(chan struct{}, maxAsking)}
	p.endpoint = server.Endpoint(p.serve, cfg.Recorder, cfg.Logger)
	return p
}

// Paths returns the paths that p answers.
func (p *Pages) Paths() []string {
	paths := []string{Login, Logout}
	if p.cfg.Provider != nil {
		paths = append(paths, OIDC, Callback)
	}
	return paths
}

// ServeHTTP answers each of Paths, and everything else with the uniform 404.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.endpoint == nil {
		server.Absent(audit.ReasonMethod, nil, nil).ServeHTTP(w, r)
		return
	}
	p.endpoint.ServeHTTP(w, r)
}

// Unauthorized returns the handler for server.Auth.SignIn: the page, which leads back to
// what was asked for.
func (p *Pages) Unauthorized() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.show(w, r, http.StatusUnauthorized, page{next: nextPath(r.RequestURI)}) != nil {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
}

// crossOrigin recognizes requests that a page of another site made a browser send.
var crossOrigin = http.NewCrossOriginProtection()

func (p *Pages) serve(w http.ResponseWriter, r *http.Request) error {
	path := r.URL.Path
	if r.URL.RawPath != "" {
		path = r.URL.RawPath
	}
	var get, post func(http.ResponseWriter, *http.Request) error
	switch path {
	case Login:
		get, post = p.showLogin, p.login
	case Logout:
		post = p.logout
	case OIDC:
		get = p.begin
	case Callback:
		get = p.finish
	}
	if (path == OIDC || path == Callback) && p.cfg.Provider == nil {
		get = nil
	}
	switch {
	case get == nil && post == nil:
		return refusal("")
	case r.Method == http.MethodPost && post != nil:
		if crossOrigin.Check(r) != nil {
			return refusal(audit.ReasonCrossOrigin)
		}
		return post(w, r)
	case get != nil && (r.Method == http.MethodGet || r.Method == http.MethodHead && path == Login):
		return get(w, r)
	}
	return p.wrongMethod(w, r, allowed[path])
}

// refusal returns the error for the uniform 404.
func refusal(why vfs.Reason) error {
	return &vfs.Error{Op: "sign in", Reason: why, Err: fs.ErrNotExist}
}

// allowed are the methods of each path.
var allowed = map[string]string{Login: "GET, HEAD, POST", Logout: "POST", OIDC: "GET", Callback: "GET"}

func (p *Pages) wrongMethod(w http.ResponseWriter, r *http.Request, allow string) error {
	a := audit.FromContext(r.Context())
	a.Verdict, a.Reason = audit.Refused, audit.ReasonMethod
	w.Header().Set("Allow", allow)
	return p.show(w, r, http.StatusMethodNotAllowed, page{next: "/", alert: wrongMethod})
}

// maxForm bounds the body of a form: a name, a password and a path.
const maxForm = 16 << 10

// errForm means that the body of a request is no form, or too long.
var errForm = errors.New("signin: not a form")

// form returns the fields of a form in the body. The query is not part of it: it is in
// histories and logs. The error is errForm, or that of reading the body, which the endpoint
// answers.
func form(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	sent, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, errForm
	}
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(sent))
	if r.ParseForm() != nil {
		return nil, errForm
	}
	for _, values := range r.PostForm {
		if len(values) > 1 {
			return nil, errForm // nothing tells which one counts
		}
	}
	return r.PostForm, nil
}

func (p *Pages) showLogin(w http.ResponseWriter, r *http.Request) error {
	return p.show(w, r, http.StatusOK, page{next: nextPath(r.URL.Query().Get("next"))})
}

// login signs in with a user name and a password.
func (p *Pages) login(w http.ResponseWriter, r *http.Request) error {
	fields, err := form(w, r)
	if err != nil || !p.cfg.Password {
		return p.malformed(w, r, err)
	}
	next := nextPath(fields.Get("next"))
	who, err := p.cfg.Sessions.CheckPassword(r, fields.Get("user"), fields.Get("password"))
	if err == nil {
		who, err = p.cfg.Sessions.Begin(w, r, session.Password, who)
	}
	if err != nil {
		return p.failed(w, r, err, page{next: next, alert: wrongPassword})
	}
	p.signedIn(w, r, who, next)
	return nil
}

func (p *Pages) logout(w http.ResponseWriter, r *http.Request) error {
	fields, err := form(w, r)
	if err != nil {
		return p.malformed(w, r, err)
	}
	a := audit.FromContext(r.Context())
	if who, ok, err := p.cfg.Sessions.Authenticate(r); ok && err == nil {
		a.Principal = who.String()
	}
	a.Reason = audit.ReasonSignedOut
	p.cfg.Sessions.End(w, r)
	// The top of the host may be nothing, and then looks as if something had failed.
	next := Login
	if fields.Has("next") {
		next = nextPath(fields.Get("next"))
	}
	redirect(w, next)
	return nil
}

func (p *Pages) signedIn(w http.ResponseWriter, r *http.Request, who auth.Principal, next string) {
	a := audit.FromContext(r.Context())
	a.Principal, a.Reason = who.String(), audit.ReasonSignedIn
	redirect(w, next)
}

// redirect answers a form: 303 makes the browser GET the target.
func redirect(w http.ResponseWriter, target string) {
	h := w.Header()
	h.Set("Location", target)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", "0")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusSeeOther)
}

// failed answers with the page, in words, why nobody is signed in. What pg says is for wrong
// credentials.
func (p *Pages) failed(w http.ResponseWriter, r *http.Request, err error, pg page) error {
	a := audit.FromContext(r.Context())
	a.Verdict = audit.Refused
	status := http.StatusUnauthorized
	switch {
	case errors.Is(err, auth.ErrThrottled):
		a.Reason, status = audit.ReasonThrottled, http.StatusTooManyRequests
		pg.alert, pg.retry = tooMany, auth.RetryAfter(err)
	case errors.Is(err, session.ErrTooLarge):
		a.Reason, status = audit.ReasonCredentials, http.StatusForbidden
		pg.alert = tooLarge
	case errors.Is(err, auth.ErrCredentials):
		a.Reason = audit.ReasonCredentials
	default:
		a.Verdict, a.Reason, status = audit.Failed, audit.ReasonAuth, http.StatusServiceUnavailable
		pg.alert, pg.retry = unavailable, retryLater
	}
	return p.show(w, r, status, pg)
}

// malformed answers a form that cannot be read, because of err.
func (p *Pages) malformed(w http.ResponseWriter, r *http.Request, err error) error {
	if err != nil && err != errForm {
		return err
	}
	a := audit.FromContext(r.Context())
	a.Verdict, a.Reason = audit.Refused, audit.ReasonClientBody
	return p.show(w, r, http.StatusBadRequest, page{next: "/", alert: badForm})
}
