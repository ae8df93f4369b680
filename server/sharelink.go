package server

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/internal/clients"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// tokenBytes is the size of a token: nobody finds one among 2^128.
const tokenBytes = 16

// newToken returns a token and its hash. A fast hash suffices for what cannot be guessed.
func newToken() (token string, hash [32]byte) {
	var b [tokenBytes]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:]), sha256.Sum256(b[:])
}

// hashOf returns the hash of a token in a link. Only the one spelling that newToken makes is
// a token.
func hashOf(token string) (hash [32]byte, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) != tokenBytes || base64.RawURLEncoding.EncodeToString(b) != token {
		return hash, false
	}
	return sha256.Sum256(b), true
}

// shareLink splits the URL of a share into the hash of its token, the token as a name, and the
// URL below it. It reports false for other URLs: those of shares have one spelling up to the
// token.
func shareLink(u *url.URL) (hash [32]byte, at vfs.Name, below *url.URL, ok bool) {
	rest, ok := strings.CutPrefix(u.Path, SharesLink)
	if !ok {
		return hash, at, nil, false
	}
	token, path, deeper := strings.Cut(rest, "/")
	inner := *u
	inner.Path = ""
	if deeper {
		inner.Path = "/" + path
	}
	if u.RawPath != "" {
		raw, ok := strings.CutPrefix(u.RawPath, SharesLink+token)
		if !ok || raw != "" && raw[0] != '/' {
			return hash, at, nil, false
		}
		inner.RawPath = raw
	}
	if hash, ok = hashOf(token); !ok {
		return hash, at, nil, false
	}
	at, err := vfs.ParseName(token)
	return hash, at, &inner, err == nil
}

// An openShare is a share that a request may use, with what it leads to.
type openShare struct {
	catalog.Share
	issuer auth.Principal
	mount  *sharedMount
	name   vfs.Name // of the path in the mount
}

// covers returns what the share covers.
func (s *openShare) covers() access.Share {
	return access.Share{Path: s.name, Dir: s.Dir, Upload: s.Upload}
}

// serveLink answers a request for what is shared.
func (h *shares) serveLink(w http.ResponseWriter, r *http.Request, token [32]byte, at vfs.Name, below *url.URL) {
	s, err := h.open(r, token)
	if err != nil {
		x := h.begin(w, r)
		defer x.end()
		if s != nil {
			x.attempt.Share, x.attempt.Principal = sharePrefix+s.ID.String(), s.Issuer
		}
		x.boundRest()
		x.fail(err, nil)
		return
	}
	if s.Password != "" && !h.unlocked(w, r, s, at) {
		return
	}
	ctx := access.WithShare(r.Context(), s.covers(), s.issuer)
	ctx = withSharing(ctx, newSharing(&s.Share, s.name, at, h.cfg.Store, h.now(ctx)))
	inner := r.WithContext(ctx)
	inner.URL = below
	if s.Upload {
		h.receiveFiles(w, inner, s)
		return
	}
	s.mount.handler.ServeHTTP(w, inner)
}

// open returns the share of a token, if it can open anything now. With an error, the share is
// the one that there is, nil for none.
func (h *shares) open(r *http.Request, token [32]byte) (*openShare, error) {
	found, err := h.lookUp(r, token)
	if err != nil {
		return nil, err
	}
	s := &openShare{Share: found}
	switch {
	case !h.now(r.Context()).Before(s.Expires):
		return s, refusal("", audit.ReasonShareExpired)
	case s.Limit > 0 && s.Used >= s.Limit:
		return s, refusal("", audit.ReasonShareUsed)
	}
	issuer, source, ok := h.cfg.Issuer(s.Issuer)
	if !ok || issuer.Name != s.Issuer || source != s.Way {
		return s, refusal("", audit.ReasonShareIssuer)
	}
	s.issuer = issuer
	// The mount that has the path now, for the host that the share was made on.
	if s.mount, s.name, ok = h.find(r.Host, s.Path); !ok || s.mount.Host != s.Host {
		return s, refusal("", audit.ReasonShareIssuer)
	}
	if err := h.opensNow(r, s); err != nil {
		return s, err
	}
	return s, nil
}

// opensNow returns an error if the issuer may not open or share the path itself. The handler
// of the mount decides for each name below it; this is for the pages that come before it.
func (h *shares) opensNow(r *http.Request, s *openShare) error {
	ctx := access.WithShare(r.Context(), s.covers(), s.issuer)
	var err error
	switch {
	case s.Upload:
		err = s.mount.receives(ctx, s.name)
	case s.Dir:
		err = refusedBy(s.mount.jail.Explain(ctx, vfs.OpList, s.name))
	default:
		err = refusedBy(s.mount.jail.Explain(ctx, vfs.OpRead, s.name))
	}
	if err != nil {
		return refusal(s.name.String(), audit.ReasonShareIssuer)
	}
	return nil
}

// lookUp returns the share of a token. It may have been read a second ago, but was not revoked
// on this server since. What has a limit of uses is read each time. An unknown token is an
// attempt to guess one.
func (h *shares) lookUp(r *http.Request, token [32]byte) (catalog.Share, error) {
	now := time.Now()
	s, epoch, ok := h.cfg.Cache.get(token, now)
	if ok {
		return s, nil
	}
	var err error
	limit := h.cfg.Guesses.LookUp(r.Context(), clients.Of(r), func() error {
		if s, err = h.cfg.Store.ShareByToken(r.Context(), token); errors.Is(err, catalog.ErrNotFound) {
			return auth.ErrCredentials
		}
		return nil
	})
	switch {
	case errors.Is(limit, auth.ErrCredentials):
		return s, refusal("", audit.ReasonShare)
	case limit != nil:
		return s, throttledError(limit, audit.ReasonShareGuesses)
	case err != nil:
		return s, &catalogError{err}
	case s.Limit == 0:
		h.cfg.Cache.put(s, epoch, now)
	}
	return s, nil
}

// throttledError returns the response for an error of auth.Failures.
func throttledError(err error, why vfs.Reason) error {
	if errors.Is(err, auth.ErrThrottled) {
		return errTooManyRequests(why, auth.RetryAfter(err))
	}
	return errAuthUnavailable
}
