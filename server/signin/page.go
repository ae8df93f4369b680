package signin

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // for the template
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"time"
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
	var body bytes.Buffer
	provider := ""
	if p.cfg.Provider != nil {
		provider = OIDC + "?next=" + url.QueryEscape(pg.next)
	}
	err := loginPage.Execute(&body, map[string]any{
		"Alert": pg.alert, "Next": pg.next, "Action": Login, "Password": p.cfg.Password, "Provider": provider,
	})
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
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

//go:embed login.html
var loginHTML string

var loginPage = template.Must(template.New("login").Parse(loginHTML))

var policy = func() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
}()

const style = "body{font:16px/1.5 system-ui,sans-serif;max-width:20rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark}label,input,button{display:block;width:100%;box-sizing:border-box;font:inherit;margin:.4rem 0}"
