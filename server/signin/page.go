package signin

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"
	"time"

	look "github.com/bailiwick-fs/bailiwick/server/internal/page"
)

// The texts of the page, which say what to do next.
const (
	wrongPassword = "The user name or the password is wrong."
	tooMany       = "There were too many failed attempts from your address. Wait a moment, then try again."
	tooLarge      = "You are in too many groups for a session. Ask whoever runs this server."
	unavailable   = "Signing in is not possible at the moment. Try again later."
	notBegun      = "This sign-in took too long, or was begun in another browser or tab. Try again."
	notByProvider = "The provider did not sign you in. Try again."
	badForm       = "The form could not be read. Try again."
	wrongMethod   = "This page does not support that method."
)

// retryLater is the Retry-After of a failure that is probably temporary.
const retryLater = 5 * time.Second

// A page is what differs between the pages to sign in.
type page struct {
	next  string        // where to go then
	alert string        // what went wrong, "" for nothing
	retry time.Duration // Retry-After, in whole seconds; 0 for none
}

// show answers with the page to sign in.
func (p *Pages) show(w http.ResponseWriter, r *http.Request, status int, pg page) error {
	form := look.Form{Title: "Sign in", Alert: pg.alert}
	if p.cfg.Password {
		form.Action, form.Button = Login, "Sign in"
		form.Fields = []look.Field{
			{Name: "next", Type: "hidden", Value: pg.next},
			{Name: "user", Label: "User name", Type: "text", Autocomplete: "username"},
			{Name: "password", Label: "Password", Type: "password", Autocomplete: "current-password"},
		}
	}
	if p.cfg.Provider != nil {
		form.Links = []look.Link{{Text: "Sign in with your organization", Href: OIDC + "?next=" + url.QueryEscape(pg.next)}}
	}
	// Without a Base, the page loads nothing: it has any path.
	document := p.site.Form(look.Frame{}, form)
	var body bytes.Buffer
	if err := document.Render(&body); err != nil {
		return err
	}
	h := w.Header()
	document.SetHeaders(h)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	if pg.retry > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((pg.retry+time.Second-1)/time.Second), 10))
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body.Bytes()) // if the client is gone, nobody is left to tell
	}
	return nil
}
