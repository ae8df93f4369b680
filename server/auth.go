package server

import (
	"errors"
	"net/http"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
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

// renewalTime is how long after the authentication of a request its response may renew the
// credentials. A response that begins later, such as that of a slow store, could undo what the
// browser did meanwhile: sign out, or sign in as somebody else.
const renewalTime = time.Second

// renew renews the caller's credentials in a response that no cache stores, since it would send
// the cookie to others: one that says so, or one to a change that says nothing.
func (x *exchange) renew(status int) {
	if x.renewal == "" || x.status != 0 || status < http.StatusOK || time.Since(x.renewed) > renewalTime {
		return
	}
	h := x.Header()
	switch value := h["Cache-Control"]; {
	case len(value) == 1 && (value[0] == noStore[0] || value[0] == privateNoStore[0]):
	case len(value) == 0 && x.r.Method != http.MethodGet && x.r.Method != http.MethodHead:
	default:
		return
	}
	h["Set-Cookie"] = append(h["Set-Cookie"], x.renewal)
}

// setPrincipal sets the principal of the request.
func (x *exchange) setPrincipal(p auth.Principal) {
	x.attempt.Principal = p.String()
	x.ctx = auth.WithPrincipal(x.ctx, p)
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
