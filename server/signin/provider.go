package signin

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/session"
	"github.com/bailiwick-fs/bailiwick/server/internal/clients"
	"github.com/bailiwick-fs/bailiwick/server/internal/cookie"
)

const (
	flowCookie  = "bailiwick-login"
	purposeFlow = "sign in at a provider"

	// flowTime is how long signing in at the provider may take.
	flowTime = 10 * time.Minute
)

// A flow is what a sign-in at a provider leaves with the browser. Only the browser that began
// it can end it.
type flow struct {
	State []byte `json:"s"`
	Next  string `json:"n"`
	Until int64  `json:"u"` // seconds since 1970
}

// begin sends the browser to the provider. If a link of another site caused the request, it
// shows the page instead: a provider that asks nothing would sign in a person who did not ask
// for it.
func (p *Pages) begin(w http.ResponseWriter, r *http.Request) error {
	if fromElsewhere(r) {
		return p.showLogin(w, r)
	}
	next := nextPath(r.URL.Query().Get("next"))
	location, state, err := p.cfg.Provider.Begin(r.Context(), callbackOf(r))
	if err != nil {
		return p.failed(w, r, auth.ErrUnavailable, page{next: next})
	}
	sealed, err := p.seal(flow{state, next, p.cfg.Sessions.Now(r.Context()).Add(flowTime).Unix()})
	if err != nil {
		return err
	}
	w.Header().Add("Set-Cookie", cookie.Set(r, flowCookie, sealed, flowTime))
	redirect(w, location)
	return nil
}

// seal returns the value of the cookie. A very long path to go back to has no room in it.
func (p *Pages) seal(f flow) (string, error) {
	data, err := json.Marshal(f)
	if err != nil {
		return "", err
	}
	sealed := p.cfg.Keys.Seal(purposeFlow, data)
	if len(sealed) > session.MaxSealedBytes && f.Next != "/" {
		f.Next = "/"
		return p.seal(f)
	}
	return sealed, nil
}

// fromElsewhere reports whether a page of another site, or of a neighboring host, made a browser
// send r.
func fromElsewhere(r *http.Request) bool {
	site := r.Header["Sec-Fetch-Site"]
	return len(site) > 1 || len(site) == 1 && site[0] != "same-origin" && site[0] != "none"
}

// finish signs in the user that the provider sent back. A request of another sign-in, which any
// site can make the browser send, does not end the one that was begun. Every other request ends
// it: a second one with its cookie finds none.
func (p *Pages) finish(w http.ResponseWriter, r *http.Request) error {
	value, _ := cookie.Find(r, flowCookie)
	query := r.URL.Query()
	data, ok := p.cfg.Keys.Open(purposeFlow, value)
	var f flow
	if !ok || json.Unmarshal(data, &f) != nil || p.cfg.Sessions.Now(r.Context()).Unix() >= f.Until {
		return p.failed(w, r, auth.ErrCredentials, page{next: "/", alert: notBegun})
	}
	next := nextPath(f.Next)
	if !p.cfg.Provider.Ends(f.State, query) {
		return p.failed(w, r, auth.ErrCredentials, page{next: next, alert: notBegun})
	}
	w.Header().Add("Set-Cookie", cookie.Remove(r, flowCookie))
	who, err := p.ask(r, f.State, query)
	if err == nil {
		who, err = p.cfg.Sessions.Begin(w, r, session.OIDC, who)
	}
	if err != nil {
		return p.failed(w, r, err, page{next: next, alert: notByProvider})
	}
	p.signedIn(w, r, who, next)
	return nil
}

// ask asks the provider who signed in, within the limits.
func (p *Pages) ask(r *http.Request, state []byte, query url.Values) (who auth.Principal, err error) {
	select {
	case p.asking <- struct{}{}:
		defer func() { <-p.asking }()
	default:
		return auth.Principal{}, auth.ErrUnavailable
	}
	err = p.cfg.Failures.Attempt(r.Context(), clients.Of(r), func() error {
		who, err = p.cfg.Provider.Finish(r.Context(), state, query)
		return err
	})
	return who, err
}

// callbackOf returns the URL to come back to, on the host of the request. The provider knows
// the URLs that are registered, and refuses others.
func callbackOf(r *http.Request) string {
	u := url.URL{Scheme: "http", Host: r.Host, Path: Callback}
	if clients.OverTLS(r) {
		u.Scheme = "https"
	}
	return u.String()
}
