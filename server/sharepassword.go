package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/http"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/internal/clients"
	"github.com/bailiwick-fs/bailiwick/server/internal/cookie"
	"github.com/bailiwick-fs/bailiwick/server/internal/page"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A share with a password is opened by one of
//
//   - the cookie of this share, which the next one sets
//   - a POST of a form with the field password
//   - Authorization: Basic, with any user name, unless a browser sends it
//
// in this order. A browser that is logged in elsewhere on the server sends its own Basic credentials
// here, too: as guesses of the password, they would shut out everybody behind its address. It gets
// the form, and no challenge, whose answer would not count either. Only the answer to the form has
// the cookie: caches may store others, and would give it to whoever has the link alone.

// unlocked reports whether the request may use the share s, which has a password. If not, it
// answers the request.
func (h *shares) unlocked(w http.ResponseWriter, r *http.Request, s *openShare, at vfs.Name) bool {
	now := h.now(r.Context())
	if s.unlockedBy(r, at, now) {
		return true
	}
	password, isForm, err := sentPassword(w, r)
	given := err == nil && password != ""
	if given {
		err = h.checkPassword(r, s, password)
	}
	right := given && err == nil
	if right && !isForm {
		return true
	}
	x := h.begin(w, r)
	defer x.end()
	x.boundRest()
	x.attempt.Share, x.attempt.Principal = sharePrefix+s.ID.String(), s.Issuer
	switch {
	case err != nil && err != errSharePassword:
		x.fail(err, nil)
	case right:
		x.Header().Add("Set-Cookie", s.cookie(r, at, now))
		x.redirect(http.StatusSeeOther, "./"+lastElement(r.URL.EscapedPath()), noStore)
	default:
		x.auth = new(Auth)
		if !sentByBrowser(r) {
			x.auth.Authenticator = shareChallenge{}
		}
		if isNavigation(r) || isBrowserForm(r) || isForm {
			x.auth.Unauthorized = askPassword{h.site, isForm}
		}
		x.fail(errSharePassword, nil)
	}
	return false
}

// sentPassword returns the password that a request has for a share, "" for none, and whether it
// is in a form.
func sentPassword(w http.ResponseWriter, r *http.Request) (password string, isForm bool, err error) {
	if r.Method == http.MethodPost {
		if kind, _ := formOf(r); kind == formFields {
			if crossOrigin.Check(r) != nil {
				return "", true, refusal("", audit.ReasonCrossOrigin)
			}
			fields, err := readFields(promptBody(w, r), maxShareBytes)
			return fields.Get("password"), true, err
		}
	}
	if lines := r.Header["Authorization"]; len(lines) == 1 && !sentByBrowser(r) {
		_, password, _ = r.BasicAuth()
	}
	return password, false, nil
}

// sentByBrowser reports whether a browser sent r, as far as its header tells. Without TLS, only that
// of a page does.
func sentByBrowser(r *http.Request) bool { return byBrowser(r) || isNavigation(r) }

// checkPassword returns an error unless password is the password of s.
func (h *shares) checkPassword(r *http.Request, s *openShare, password string) error {
	err := h.cfg.Passwords.Guess(r.Context(), clients.Of(r), func() error {
		if h.cfg.Hashes == nil {
			return auth.ErrCredentials
		}
		return h.cfg.Hashes.Check(r.Context(), s.Share.Password, password)
	})
	switch {
	case errors.Is(err, auth.ErrCredentials):
		return errSharePassword
	case err != nil:
		return throttledError(err, audit.ReasonThrottled)
	}
	return nil
}

// unlockTime is how long a password need not be given again.
const unlockTime = 12 * time.Hour

// shareCookie is the base of the name of the cookie.
const shareCookie = "bailiwick-share"

// cookie returns the Set-Cookie that stands for the password of s. Its path is that of the share,
// so browsers send it nowhere else.
func (s *openShare) cookie(r *http.Request, at vfs.Name, now time.Time) string {
	until := now.Add(unlockTime)
	if s.Expires.Before(until) {
		until = s.Expires
	}
	value := binary.BigEndian.AppendUint64(nil, uint64(until.Unix()))
	sealed := base64.RawURLEncoding.EncodeToString(append(value, s.seal(value)...))
	return cookie.SetBelow(r, shareCookie, SharesLink+at.String(), sealed, max(time.Second, until.Sub(now)))
}

// unlockedBy reports whether the request has a good cookie for s.
func (s *openShare) unlockedBy(r *http.Request, at vfs.Name, now time.Time) bool {
	for _, sealed := range cookie.Below(r, shareCookie, SharesLink+at.String()) {
		value, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
		if err != nil || len(value) != 8+sha256.Size {
			continue
		}
		until := time.Unix(int64(binary.BigEndian.Uint64(value)), 0)
		if hmac.Equal(value[8:], s.seal(value[:8])) && now.Before(until) {
			return true
		}
	}
	return false
}

// seal authenticates a cookie's expiry for this share and its password. The key is the
// password's hash, whose salt nobody outside of the store knows: so every server that shares
// the store accepts the cookie, and none does once the share or its password is gone.
func (s *openShare) seal(until []byte) []byte {
	mac := hmac.New(sha256.New, []byte(s.Password))
	mac.Write([]byte("bailiwick share cookie\n" + s.ID.String() + "\n"))
	mac.Write(until)
	return mac.Sum(nil)
}

// A shareChallenge asks programs for the password of a share.
type shareChallenge struct{}

var _ auth.Authenticator = shareChallenge{}

func (shareChallenge) Authenticate(*http.Request) (auth.Principal, bool, error) {
	return auth.Principal{}, false, auth.ErrCredentials
}

func (shareChallenge) Challenges() []string { return []string{`Basic realm="share", charset="UTF-8"`} }

// An askPassword sends the page that asks for the password of a share. But for its nonce, it
// is the same for every path of every share.
type askPassword struct {
	site  *page.Site
	wrong bool // the password was
}

func (a askPassword) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	form := page.Form{
		Title: "Password", Button: "Open",
		Fields: []page.Field{{Name: "password", Label: "Password", Type: "password", Autocomplete: "off"}},
	}
	if a.wrong {
		form.Alert = "Wrong password."
	}
	d := a.site.Form(guestFrame, form)
	d.SetHeaders(w.Header())
	w.WriteHeader(http.StatusUnauthorized)
	if r.Method != http.MethodHead {
		_ = d.Render(w)
	}
}

// guestFrame is around pages of a share that belong to no directory. They load nothing, and
// lead nowhere above the share.
var guestFrame = page.Frame{Home: "./"}
