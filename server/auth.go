package server

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
	"github.com/bailiwick-fs/bailiwick/server/internal/cookie"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Auth authenticates requests: it finds the principal of each, and decides when to send
// 401. The zero Auth treats every caller as anonymous, unless the context of the request
// carries a principal.
//
// Auth does not authorize. The Authorizer of the jail does, or [UploadConfig.Authorize] for
// uploads. If Auth accepts credentials or links, the constructors require such an
// authorizer, since everybody would be let in otherwise. Set [access.Anyone] if that is
// intended.
//
// The authorizer also determines two details of responses. If no anonymous caller may
// perform an operation, an anonymous request for it gets 401, whatever the name. Objects
// that anonymous callers may not read are kept out of caches. If the authorizer is not an
// [access.Authorizer], the handler knows neither: all responses are kept out of caches, and
// only wrong credentials get 401.
type Auth struct {
	// Authenticator finds the principal of a request by its credentials. nil ignores
	// credentials.
	Authenticator auth.Authenticator

	// Unauthorized, if set, answers instead of the 401 with a fixed text: with your own
	// log-in page, or a redirect to it. It is called for wrong credentials, and for
	// anonymous requests for operations that no anonymous caller may perform, whether or
	// not the object exists; it must not look for the object itself. The request is the one
	// that the handler received. If Unauthorized sets no status, it is 401. No
	// WWW-Authenticate is sent, since browsers would prompt for a password.
	//
	// With Unauthorized, Authenticator may be nil: middleware around this handler then sets
	// the principal by [auth.WithPrincipal].
	Unauthorized http.Handler

	// SignIn, if set, answers in place of a 401 with a fixed text where a person looks at the
	// response: a GET by which a browser shows a page. Everything else gets the 401 as
	// without it, but no request of a browser gets a challenge for a password: the browser's
	// own prompt would hide the page. Browsers are known by Sec-Fetch headers, Origin, or the
	// cookie of a session. SignIn is called like Unauthorized, and its page is sent with 401.
	// See package signin. It excludes Unauthorized.
	SignIn http.Handler

	// Links verifies signed links; nil treats the query of a link like any other query.
	// Uses counts the uses of links; nil rejects links with a use limit.
	Links *links.Keys
	Uses  links.Counter

	// Clock is the clock that decides whether links have expired. It never goes back, so an
	// expired link stays expired. Handlers that accept the same links should share one. nil
	// makes a Clock for this handler alone, which lasts as long as the handler.
	Clock *links.Clock

	// HasURL, if set, reports whether a URL, given its lower-case host and its escaped path,
	// is a URL of this handler. Another host may have the same path: a link for that host
	// must not open the object here, and a Destination there must not be one here. nil
	// accepts the links of any host, and every Destination (with Config.Write) that has the
	// host of the request and a path below that of the handler.
	HasURL func(host, path string) bool

	// Redirect, if above 0, answers a GET of a signed link with a 307 to a URL of the store
	// itself, valid for that time in whole seconds, if the backend has Caps.Direct. The
	// client learns what the URL contains: the address of the store, the bucket, the key
	// and the access key ID. Audit records do not show whether the transfer succeeded. The
	// URL expires no later than the link. Links with a use limit are not redirected, since
	// the uses of the store's URL cannot be counted.
	//
	// The store does not send the sandbox headers. Therefore only types that are safe
	// without them are shown by browsers, regardless of Config.Inline; all others are
	// attachments.
	Redirect time.Duration
}

var privateNoStore = []string{"private, no-store"}

// withClock returns a with a Clock.
func (a Auth) withClock() Auth {
	if a.Clock == nil {
		a.Clock = &links.Clock{}
	}
	return a
}

// authenticate finds the principal of the request, which is for op. If the credentials are
// wrong, it answers the request and reports false. It does not look at the name.
func (x *exchange) authenticate(a *Auth, op vfs.Op, opens opener) bool {
	x.auth, x.op, x.opens = a, op, opens
	if a.Links != nil && links.IsLink(x.r.URL.RawQuery) {
		return x.verifyLink(a)
	}
	var p auth.Principal
	var ok bool
	var err error
	switch authenticator := a.Authenticator.(type) {
	case nil:
	case auth.Renewer:
		if p, ok, x.renewal, err = authenticator.AuthenticateRenew(x.r); x.renewal != "" {
			x.renewed = time.Now()
		}
	default:
		p, ok, err = authenticator.Authenticate(x.r)
	}
	switch {
	case err == nil && ok && (p.Anyone() || auth.Reserved(p.Name)):
		// No rule can apply to a principal without a name, or with a name that records
		// use for others.
		x.log("cannot check credentials", errNamesNobody)
		x.fail(errAuthUnavailable, nil)
		return false
	case err == nil && !ok:
		// A handler around this one may have authenticated the request.
		p = auth.FromContext(x.ctx)
		x.attempt.Principal = p.String()
		x.anonymous = p.Anyone() && (a.Authenticator != nil || a.Unauthorized != nil || a.SignIn != nil)
	case err == nil:
		x.setPrincipal(p)
	case errors.Is(err, auth.ErrThrottled):
		x.fail(errTooManyRequests(audit.ReasonThrottled, auth.RetryAfter(err)), nil)
	case errors.Is(err, auth.ErrCredentials):
		x.fail(errCredentials, nil)
	default:
		// The Authenticator failed; the credentials may be correct.
		x.log("cannot check credentials", err)
		x.fail(errAuthUnavailable, nil)
	}
	return err == nil
}

var errNamesNobody = errors.New("the Authenticator returned a principal without a name, or with a reserved name")

// verifyLink authenticates a request by its signed link alone. It ignores other
// credentials; otherwise an expired link would seem to work for users who are logged in.
func (x *exchange) verifyLink(a *Auth) bool {
	path, err := links.ParsePath(sentPath(x.r))
	if err == nil {
		x.link, err = a.Links.Verify(x.r.Method, path, x.r.URL.RawQuery, a.Clock.Now(x.ctx, time.Now()))
	}
	switch {
	case errors.Is(err, links.ErrExpired):
		x.fail(refusal("", audit.ReasonLinkExpired), nil)
		return false
	case err != nil || a.HasURL != nil && !a.HasURL(x.link.Host, path):
		x.fail(refusal("", audit.ReasonLink), nil)
		return false
	}
	x.setPrincipal(auth.Principal{Name: x.link.User, Method: "link"})
	if x.link.User == "" {
		// The record shows which link was used. The ID alone opens nothing.
		x.attempt.Principal = auth.LinkPrefix + x.link.ID
	}
	return true
}

// renewalTime is how long after the authentication of a request its response may renew the
// credentials. A response that begins later, such as that of a slow store, could undo what the
// browser did meanwhile: sign out, or sign in as somebody else.
const renewalTime = time.Second

// renew renews the caller's credentials in a response that no cache may store: a cache would
// send the cookie to others.
func (x *exchange) renew(status int) {
	if x.renewal == "" || x.status != 0 || status < http.StatusOK || time.Since(x.renewed) > renewalTime {
		return
	}
	h := x.Header()
	if value := h["Cache-Control"]; len(value) == 1 && (value[0] == noStore[0] || value[0] == privateNoStore[0]) {
		h["Set-Cookie"] = append(h["Set-Cookie"], x.renewal)
	}
}

// setPrincipal sets the principal of the request.
func (x *exchange) setPrincipal(p auth.Principal) {
	x.attempt.Principal = p.String()
	x.ctx = auth.WithPrincipal(x.ctx, p)
}

// grant lets a link without a user perform the one operation of g, regardless of access
// rules.
func (x *exchange) grant(g auth.Grant) {
	if x.link.ID != "" && x.link.User == "" {
		x.ctx = auth.WithGrant(x.ctx, g)
	}
}

// useLink counts a use of the link and returns an error if none is left. It counts once
// per request, although several objects may be opened before one is sent.
func (x *exchange) useLink() error {
	if x.link.Uses == 0 || x.r.Method != http.MethodGet || x.linkUsed {
		return nil
	}
	if x.auth.Uses == nil {
		return refusal("", audit.ReasonLinkUsed)
	}
	ok, err := x.auth.Uses.Use(x.ctx, x.link.ID, x.link.Uses, x.link.Expires)
	if err := useError(ok, err); err != nil {
		return err
	}
	x.linkUsed = true
	return nil
}

// linkGood returns an error if the uses of the link are used up. It is for HEAD, which
// does not count as a use.
func (x *exchange) linkGood() error {
	if x.link.Uses == 0 {
		return nil
	}
	if x.auth.Uses == nil {
		return refusal("", audit.ReasonLinkUsed)
	}
	return useError(x.auth.Uses.Good(x.ctx, x.link.ID, x.link.Uses))
}

// useError returns the error for the result of a Counter, nil if the link is still valid.
func useError(ok bool, err error) error {
	switch {
	case err != nil:
		return &vfs.Error{Op: "get", Err: errors.Join(vfs.ErrUnavailable, err)}
	case !ok:
		return refusal("", audit.ReasonLinkUsed)
	}
	return nil
}

// shouldChallenge reports whether a refused request is answered with 401, since
// credentials may help. That depends on the handler and the operation, never on the name.
func (x *exchange) shouldChallenge() bool {
	if !x.anonymous || x.opens == nil || x.opens.Open(x.op) && (x.r.Method != methodMove || x.opens.Open(vfs.OpDelete)) {
		return false
	}
	return x.auth.Unauthorized != nil || x.auth.SignIn != nil || len(x.auth.Authenticator.Challenges()) > 0
}

// unauthorizedHandler returns the handler that answers a 401, nil for a fixed text.
func (x *exchange) unauthorizedHandler() http.Handler {
	if x.auth.SignIn != nil && isNavigation(x.r) {
		return x.auth.SignIn
	}
	return x.auth.Unauthorized
}

// challenges returns the challenges of a 401.
func (x *exchange) challenges() []string {
	if x.auth.Authenticator == nil {
		return nil
	}
	all := x.auth.Authenticator.Challenges()
	if x.auth.SignIn == nil || !byBrowser(x.r) {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(c string) bool {
		scheme, _, _ := strings.Cut(c, " ")
		return strings.EqualFold(scheme, "Basic")
	})
}

// byBrowser reports whether a browser sent r that would show a prompt for a challenge, also if
// it is the fetch of a script. Sec-Fetch headers are sent only where the connection is safe.
func byBrowser(r *http.Request) bool {
	for _, key := range [...]string{"Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest"} {
		if len(r.Header[key]) > 0 {
			return true
		}
	}
	_, given := cookie.Find(r, cookie.Session)
	return given
}

// isNavigation reports whether a browser sent r to show the response as a page. All that can
// differ is in the header: the response to a name must not depend on the name. Browsers say
// what a request is for by Sec-Fetch-Mode, where the connection is safe; a fetch of a script
// may accept text/html, too.
func isNavigation(r *http.Request) bool {
	if r.Method != http.MethodGet || !prefersHTML(r.Header["Accept"]) {
		return false
	}
	mode := r.Header["Sec-Fetch-Mode"]
	return len(mode) == 0 || len(mode) == 1 && mode[0] == "navigate"
}

// unauthorized sends the response of Auth.Unauthorized or Auth.SignIn.
func (x *exchange) unauthorized(h http.Handler) {
	x.Header()["Cache-Control"] = noStore
	h.ServeHTTP(unauthorizedWriter{x}, x.r.WithContext(x.ctx))
	if x.status == 0 {
		x.WriteHeader(http.StatusUnauthorized)
	}
}

// An unauthorizedWriter sends 401 if a handler writes a body without setting a status. It
// has no other methods, such as ReadFrom, which would bypass that.
type unauthorizedWriter struct{ x *exchange }

func (w unauthorizedWriter) Header() http.Header { return w.x.Header() }

// WriteHeader sends an early response, such as 103, which is not the status, or the status,
// once.
func (w unauthorizedWriter) WriteHeader(status int) {
	switch {
	case w.x.status != 0:
	case status < http.StatusOK && status != http.StatusSwitchingProtocols:
		w.x.w.WriteHeader(status)
	default:
		w.x.WriteHeader(status)
	}
}

func (w unauthorizedWriter) Write(p []byte) (int, error) {
	if w.x.status == 0 {
		w.x.WriteHeader(http.StatusUnauthorized)
	}
	return w.x.Write(p)
}

// cacheControlFor returns the Cache-Control of a response about name: usual, unless it must
// stay out of caches because not everybody may read name, or because a link opened it.
func (x *exchange) cacheControlFor(name vfs.Name, usual []string) []string {
	if x.link.ID != "" || !x.openTo(name) {
		return privateNoStore
	}
	return usual
}

// openTo reports whether anyone may read name, given that the caller may.
func (x *exchange) openTo(name vfs.Name) bool {
	switch a := x.jail.Authorizer().(type) {
	case nil:
		return true
	case access.Authorizer:
		return a.OpenTo(vfs.OpRead, name)
	}
	// This authorizer may decide by anything in the context.
	return false
}

// cacheControlForListing is cacheControlFor for responses that differ between callers.
func (x *exchange) cacheControlForListing(usual []string) []string {
	// A page says who is signed in.
	if a := x.jail.Authorizer(); a != nil && a != access.Anyone() || x.auth.SignIn != nil || !auth.FromContext(x.ctx).Anyone() {
		return privateNoStore
	}
	return usual
}

// An opener reports which operations are open to anyone, as [access.Authorizer] does.
type opener interface{ Open(op vfs.Op) bool }

// openerOf returns a as an opener, nil if it does not implement one.
func openerOf(a vfs.Authorizer) opener {
	if a, ok := a.(access.Authorizer); ok {
		return a
	}
	return nil
}
