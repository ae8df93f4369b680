package server

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// The values of Allow.
var (
	allowShares = []string{"GET, HEAD, POST, OPTIONS"}
	allowShare  = []string{"POST, DELETE, OPTIONS"}
)

// nobodyShares is the opener of what no anonymous caller may do.
type nobodyShares struct{}

func (nobodyShares) Open(vfs.Op) bool { return false }

// manage answers a request to make, list or revoke shares.
func (h *shares) manage(x *exchange) {
	var id uuid.UUID
	rest, ok := strings.CutPrefix(spelled(x.r.URL), SharesPath)
	one := rest != ""
	if one && ok {
		id, ok = catalog.ObjectID(strings.TrimPrefix(rest, "/"))
		ok = ok && rest[0] == '/'
	}
	method := x.r.Method
	switch {
	case !ok || hostless(x.r.RequestURI):
		x.fail(refusal("", reason.Missing), nil)
		return
	case one && method != http.MethodDelete && method != http.MethodPost:
		x.takeOther(allowShare)
		return
	case !one && method != http.MethodPost && !x.takeMethod(allowShares):
		return
	}
	x.boundRest()
	if !x.authenticate(&h.cfg.Auth, access.OpShare, nobodyShares{}) {
		return
	}
	p := auth.FromContext(x.ctx)
	switch {
	case p.Anyone():
		x.fail(refusal("", reason.AuthDenied), nil)
	case crossOrigin.Check(x.r) != nil:
		x.fail(refusal("", audit.ReasonCrossOrigin), nil)
	case one:
		h.revoke(x, p, id)
	case method == http.MethodPost:
		h.create(x, p)
	default:
		h.listOwn(x, p)
	}
}

// create makes a share, if it would open what it is for.
func (h *shares) create(x *exchange, p auth.Principal) {
	body := promptBody(x.w, x.r)
	form, err := readShareForm(x.r, body)
	x.attempt.Received, x.allRead = body.received, body.err == io.EOF
	var q shareRequest
	if err == nil {
		q, err = form.parse(h.now(x.ctx), h.cfg.MaxAge)
	}
	s, token := catalog.Share{}, ""
	if err == nil {
		s, token, err = h.newShare(x, p, &q)
	}
	if err == nil {
		err = h.cfg.Store.AddShare(x.ctx, s, h.cfg.Most)
		switch {
		case errors.Is(err, catalog.ErrTooMany):
			err = errShareTooMany
		case err != nil:
			err = &catalogError{err}
		}
	}
	if err != nil {
		if !isBrowserForm(x.r) || !h.refuseForm(x, form.Path, err) {
			x.fail(err, nil)
		}
		return
	}
	x.attempt.Share = sharePrefix + s.ID.String()
	if isBrowserForm(x.r) {
		h.sendMade(x, &s, shareURL(&s, token))
		return
	}
	x.sendJSON(http.StatusCreated, noStore, struct {
		ID      string `json:"id"`
		URL     string `json:"url"`
		Expires string `json:"expires"`
	}{s.ID.String(), shareURL(&s, token), s.Expires.Format(time.RFC3339)})
}

// shareURL returns the path of a share's link. It ends in the object's own name, so that what
// is saved has a name.
func shareURL(s *catalog.Share, token string) string {
	link := SharesLink + token + "/"
	if n, err := vfs.ParseName(strings.TrimPrefix(s.Path, "/")); err == nil && !s.Dir {
		link += escapedBase(n)
	}
	return link
}

// newShare returns the share that the principal p asks for.
func (h *shares) newShare(x *exchange, p auth.Principal, q *shareRequest) (s catalog.Share, token string, err error) {
	m, name, ok := h.find(x.r.Host, q.path)
	if !ok {
		return s, "", refusal(q.path, reason.Missing)
	}
	x.attempt.Name, x.attempt.Backend = name, m.jail.Caps().Kind
	issuer, source, ok := h.cfg.Issuer(p.Name)
	if !ok || issuer.Name != p.Name {
		return s, "", refusal(q.path, audit.ReasonShareIssuer)
	}
	dir, err := m.opens(x.ctx, name, q, issuer)
	if errors.Is(err, fs.ErrNotExist) {
		// The caller may do it by claims that nobody could confirm later.
		if _, own := m.opens(x.ctx, name, q, p); own == nil {
			err = errShareClaims
		}
	}
	if err != nil {
		return s, "", err
	}
	s = catalog.Share{
		Issuer: p.Name, Way: source, Host: m.Host, Path: q.path, Dir: dir, Upload: q.upload,
		Limit: q.uses, MaxBytes: q.maxBytes, Note: q.note,
		Created: q.created, Expires: q.expires,
	}
	if q.password != "" {
		if s.Password, err = h.hash(x, q.password); err != nil {
			return s, "", err
		}
	}
	if s.ID, err = uuid.NewRandom(); err != nil {
		return s, "", err
	}
	token, s.Token = newToken()
	return s, token, nil
}

// opens returns nil if a share of name would open something now, and whether it is one of a
// directory.
func (m *sharedMount) opens(ctx context.Context, name vfs.Name, q *shareRequest, issuer auth.Principal) (dir bool, err error) {
	as := func(s access.Share) context.Context { return access.WithShare(ctx, s, issuer) }
	if q.upload {
		return true, m.receives(as(access.Share{Path: name, Dir: true, Upload: true}), name)
	}
	if !q.dir {
		_, err := m.jail.Head(as(access.Share{Path: name}), name, vfs.Request{})
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
	return true, m.jail.HeadDir(as(access.Share{Path: name, Dir: true}), name)
}

// hash returns the hash of a password.
func (h *shares) hash(x *exchange, password string) (string, error) {
	if h.cfg.Hashes == nil {
		return "", errShareSecret
	}
	give := h.hashing.takeFor(x.client(), hashesPerClient)
	if give == nil {
		return "", errAuthUnavailable
	}
	defer give()
	hash, err := h.cfg.Hashes.Hash(x.ctx, password)
	switch {
	case errors.Is(err, auth.ErrUnavailable):
		return "", errAuthUnavailable
	case err != nil || hash == "":
		return "", errShareSecret
	}
	return hash, nil
}

// revoke removes a share of the principal p.
func (h *shares) revoke(x *exchange, p auth.Principal, id uuid.UUID) {
	x.attempt.Share = sharePrefix + id.String()
	err := h.cfg.Store.RevokeShare(x.ctx, p.Name, id)
	// Also after an error: the share may be gone.
	h.cfg.Cache.forget(id)
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		x.fail(refusal("", audit.ReasonShare), nil)
	case err != nil:
		x.fail(&catalogError{err}, nil)
	case x.r.Method == http.MethodPost:
		x.redirect(http.StatusSeeOther, SharesPath, noStore)
	default:
		x.sendEmpty(http.StatusNoContent, noStore)
	}
}

// A shareJSON is a share as its issuer sees it. The link is not known anymore.
type shareJSON struct {
	ID       string `json:"id"`
	Path     string `json:"path"` // with a slash at its end for a directory
	Upload   bool   `json:"upload"`
	Password bool   `json:"password"`
	Uses     int64  `json:"uses,omitempty"` // the limit
	Used     int64  `json:"used"`
	MaxBytes int64  `json:"max_bytes,omitempty"`
	Received int64  `json:"received,omitempty"` // bytes of files
	Note     string `json:"note"`
	Created  string `json:"created"`
	Expires  string `json:"expires"`
	Expired  bool   `json:"expired"`
}

func (h *shares) newShareJSON(s *catalog.Share, now time.Time) shareJSON {
	return shareJSON{
		ID: s.ID.String(), Path: s.ShownPath(), Upload: s.Upload, Password: s.Password != "",
		Uses: s.Limit, Used: s.Used, MaxBytes: s.MaxBytes, Received: s.Received, Note: s.Note,
		Created: s.Created.Format(time.RFC3339), Expires: s.Expires.Format(time.RFC3339), Expired: !now.Before(s.Expires),
	}
}

// sharesPage is the number of shares on a page.
const sharesPage = 100

// listOwn answers with a page of the shares of p.
func (h *shares) listOwn(x *exchange, p auth.Principal) {
	html := prefersHTML(x.r.Header["Accept"])
	x.addVary(listingVary)
	if path := x.r.URL.Query().Get("path"); html && path != "" {
		h.sendShareForm(x, path)
		return
	}
	limit, after := parseSharesQuery(x.r.URL)
	found, err := h.cfg.Store.SharesOf(x.ctx, p.Name, after, limit+1)
	if err != nil {
		x.fail(&catalogError{err}, nil)
		return
	}
	answer := struct {
		Shares []shareJSON `json:"shares"`
		Next   string      `json:"next,omitempty"`
	}{Shares: []shareJSON{}}
	if len(found) > limit {
		found = found[:limit]
		answer.Next = found[limit-1].ID.String()
	}
	if html {
		h.sendOwn(x, found, answer.Next)
		return
	}
	now := h.now(x.ctx)
	for i := range found {
		answer.Shares = append(answer.Shares, h.newShareJSON(&found[i], now))
	}
	x.sendPageJSON(answer, nil)
}

// parseSharesQuery returns the number of shares on a page, and the one that precedes it.
func parseSharesQuery(u *url.URL) (limit int, after uuid.UUID) {
	q := u.Query()
	after, _ = catalog.ObjectID(q.Get("after"))
	return pageSize(q, sharesPage, sharesPage), after
}
