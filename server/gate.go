package server

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A Gate says how requests prove who sent them. The zero Gate treats every caller as
// anonymous, unless the context of the request carries a principal.
//
// It decides nothing about names. Who may do what is decided by the Authorizer of the
// jail, for uploads by [UploadConfig.Authorize], and by nothing else. A Gate that knows
// credentials or links is refused where there is no Authorizer, since everybody would be
// let in; [access.Anyone] says that this is meant.
//
// The Authorizer also says what clients are told. A request without credentials for an
// operation that it opens to nobody without them is a 401, whatever its name. What not
// everybody may read is kept out of caches. Of an Authorizer that is no
// [access.Authorizer] neither is known: then all answers are kept out of caches, and only
// wrong credentials are a 401.
type Gate struct {
	// Auth finds out who sent a request. nil knows no credentials.
	Auth auth.Authenticator

	// Links checks signed links; nil takes a link's query for any other. Uses counts
	// links with a use limit; without it, none of them is good.
	Links *links.Keys
	Uses  links.Counter

	// Clock is the time by which links are judged, for all handlers that share them. It
	// does not go back, so a link that has ended stays so. nil is one of the handler's own,
	// which forgets with it.
	Clock *links.Clock

	// Leads, if set, reports whether the URL of a link leads here, by its host, in lower
	// case, and its escaped path: another host may have the same path, and who may read
	// that may not read this. nil takes links of any host.
	Leads func(host, path string) bool

	// Redirect, where above 0, answers a GET of a signed link with a 307 to a URL of the
	// store's own that is good for so long, in whole seconds, over a backend whose
	// Caps.Direct is set. The client gets to know what stands in it: the store's address,
	// the bucket, the key, the id of the access key. No record says how the transfer went.
	// The URL is good for no longer than the link is; a link whose uses are counted gets
	// the bytes from here, since those of the URL are not.
	//
	// What the client is shown in its place and not made to save is then what a browser
	// takes for harmless without the headers of this server, whatever Config.Inline adds.
	Redirect time.Duration
}

const (
	textUnauthorized = "unauthorized\n"
	textThrottled    = "too many requests, try again later\n"
)

var privateNoStore = []string{"private, no-store"}

// withClock returns g with a Clock.
func (g Gate) withClock() Gate {
	if g.Clock == nil {
		g.Clock = &links.Clock{}
	}
	return g
}

// enter finds out who asks for op, and reports whether the request goes on. It looks
// at no name.
func (x *exchange) enter(g *Gate, op vfs.Op, opens opener) bool {
	x.gate, x.op, x.opens = g, op, opens
	if g.Links != nil && links.IsLink(x.r.URL.RawQuery) {
		return x.enterByLink(g)
	}
	var p auth.Principal
	var ok bool
	var err error
	if g.Auth != nil {
		p, ok, err = g.Auth.Authenticate(x.r)
	}
	switch {
	case err == nil && ok && (p.Anyone() || auth.Reserved(p.Name)):
		// Who has no name, or one that records show for somebody else, is nobody that rules
		// could be about.
		x.attempt.Verdict, x.attempt.Reason = audit.Failed, audit.ReasonAuth
		x.log("credentials cannot be judged", errNamesNobody)
		x.Header()["Retry-After"] = retryAfter
		x.fixed(http.StatusServiceUnavailable, textUnavailable)
		return false
	case err == nil && !ok:
		// A host that this handler is mounted in may have asked already.
		p = auth.FromContext(x.ctx)
		x.attempt.Principal = p.String()
		x.anonymous = g.Auth != nil && p.Anyone()
	case err == nil:
		x.become(p)
	case errors.Is(err, auth.ErrThrottled):
		x.tooMany(audit.ReasonThrottled, auth.RetryAfter(err))
	case errors.Is(err, auth.ErrCredentials):
		x.unauthorized(audit.ReasonCredentials)
	default:
		// An error that an Authenticator must not return says nothing of who asks.
		x.attempt.Verdict, x.attempt.Reason = audit.Failed, audit.ReasonAuth
		x.log("credentials cannot be judged", err)
		x.Header()["Retry-After"] = retryAfter
		x.fixed(http.StatusServiceUnavailable, textUnavailable)
	}
	return err == nil
}

var errNamesNobody = errors.New("the Authenticator vouches for nobody, or for a reserved name")

// enterByLink takes a request for a signed link and nothing else: were a bad one
// judged by other credentials, nobody could see that it has ended.
func (x *exchange) enterByLink(g *Gate) bool {
	path, err := links.ParsePath(sentPath(x.r))
	if err == nil {
		x.link, err = g.Links.Verify(x.r.Method, path, x.r.URL.RawQuery, g.Clock.Now(x.ctx, time.Now()))
	}
	switch {
	case errors.Is(err, links.ErrExpired):
		x.refuse(refused("", audit.ReasonLinkExpired))
		return false
	case err != nil || g.Leads != nil && !g.Leads(x.link.Host, path):
		x.refuse(refused("", audit.ReasonLink))
		return false
	}
	x.become(auth.Principal{Name: x.link.User, Method: "link"})
	if x.link.User == "" {
		// The record says which link it was. Its id opens nothing.
		x.attempt.Principal = auth.LinkPrefix + x.link.ID
	}
	return true
}

// become makes p the one who asks.
func (x *exchange) become(p auth.Principal) {
	x.attempt.Principal = p.String()
	x.ctx = auth.WithPrincipal(x.ctx, p)
}

// grant lets a link without a user do its one thing, g, whatever the access rules say.
func (x *exchange) grant(g auth.Grant) {
	if x.link.ID != "" && x.link.User == "" {
		x.ctx = auth.WithGrant(x.ctx, g)
	}
}

// useLink counts an answer to a link and reports whether it may be given. It counts
// one, though several objects may be opened before one is sent.
func (x *exchange) useLink() error {
	if x.link.Uses == 0 || x.r.Method != http.MethodGet || x.linkUsed {
		return nil
	}
	if x.gate.Uses == nil {
		return refused("", audit.ReasonLinkUsed)
	}
	ok, err := x.gate.Uses.Use(x.ctx, x.link.ID, x.link.Uses, x.link.Expires)
	if err := spent(ok, err); err != nil {
		return err
	}
	x.linkUsed = true
	return nil
}

// linkGood reports whether a HEAD may be answered. It is no use of a link, but one that
// is used up tells nothing any more.
func (x *exchange) linkGood() error {
	if x.link.Uses == 0 {
		return nil
	}
	if x.gate.Uses == nil {
		return refused("", audit.ReasonLinkUsed)
	}
	return spent(x.gate.Uses.Good(x.ctx, x.link.ID, x.link.Uses))
}

// spent turns what a counter said into the error of an open, nil where the link is good.
func spent(ok bool, err error) error {
	switch {
	case err != nil:
		return &vfs.Error{Op: "get", Err: errors.Join(vfs.ErrUnavailable, err)}
	case !ok:
		return refused("", audit.ReasonLinkUsed)
	}
	return nil
}

// couldHelp reports whether a request that is refused would fare better with
// credentials. That depends on the mount and the operation alone, never on the name.
func (x *exchange) couldHelp() bool {
	return x.anonymous && x.opens != nil && !x.opens.Open(x.op) && len(x.gate.Auth.Challenges()) > 0
}

// unauthorized answers that credentials are wrong, or needed.
func (x *exchange) unauthorized(reason vfs.Reason) {
	x.attempt.Verdict, x.attempt.Reason = audit.Refused, reason
	if challenges := x.gate.Auth.Challenges(); len(challenges) > 0 {
		x.Header()["Www-Authenticate"] = challenges
	}
	x.fixed(http.StatusUnauthorized, textUnauthorized)
}

// tooMany answers a client that comes too often.
func (x *exchange) tooMany(reason vfs.Reason, after time.Duration) {
	x.attempt.Verdict, x.attempt.Reason = audit.Refused, reason
	seconds := max(1, int64((after+time.Second-1)/time.Second))
	x.Header()["Retry-After"] = []string{strconv.FormatInt(seconds, 10)}
	x.fixed(http.StatusTooManyRequests, textThrottled)
}

// keep returns the Cache-Control of an answer about name that would otherwise be
// given as usual: what not everybody may read stays out of caches, and so does what a
// link let through.
func (x *exchange) keep(name vfs.Name, usual []string) []string {
	if x.link.ID != "" || !x.openTo(name) {
		return privateNoStore
	}
	return usual
}

// openTo reports whether anyone may read name, where the caller may.
func (x *exchange) openTo(name vfs.Name) bool {
	switch a := x.jail.Authorizer().(type) {
	case nil:
		return true
	case access.Authorizer:
		return a.OpenTo(vfs.OpRead, name)
	}
	// It may decide by anything that a context carries.
	return false
}

// keepListing is keep for what depends on who asks.
func (x *exchange) keepListing(usual []string) []string {
	if a := x.jail.Authorizer(); a != nil && a != access.Anyone() {
		return privateNoStore
	}
	return usual
}

// An opener says which operations are open to anyone, as [access.Authorizer] does.
type opener interface{ Open(op vfs.Op) bool }

// openerOf returns the opener that a jail's Authorizer is, nil if it is none.
func openerOf(a vfs.Authorizer) opener {
	if a, ok := a.(access.Authorizer); ok {
		return a
	}
	return nil
}
