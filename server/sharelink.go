package server

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io/fs"
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

// open returns the share of a token, if it can open anything now. An unknown token is an attempt
// to guess one; so is that of a share that opens nothing, or a client that may guess no more
// would learn that there is one. With an error, the share is the one that there is, nil for none.
func (h *shares) open(r *http.Request, token [32]byte) (s *openShare, err error) {
	now := time.Now()
	found, epoch, ok := h.cfg.Cache.get(token, now)
	if ok {
		if s, err = h.judge(r.Context(), r.Host, found); err == nil {
			return s, nil
		}
	}
	limit := h.cfg.Guesses.LookUp(r.Context(), clients.Of(r), func() error {
		if !ok {
			found, err = h.byToken(r.Context(), token, epoch, now)
			if err == nil {
				s, err = h.judge(r.Context(), r.Host, found)
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return auth.ErrCredentials
		}
		return nil
	})
	if limit != nil && !errors.Is(limit, auth.ErrCredentials) {
		err = throttledError(limit, audit.ReasonShareGuesses)
	}
	return s, err
}

// judge returns the share found if it can open anything now, on a host. With an error, it says
// no more than what is found.
func (h *shares) judge(ctx context.Context, host string, found catalog.Share) (*openShare, error) {
	s := &openShare{Share: found}
	switch {
	case !h.now(ctx).Before(s.Expires):
		return s, refusal("", audit.ReasonShareExpired)
	case s.Limit > 0 && s.Used >= s.Limit, s.Upload && s.Received >= h.cfg.MaxReceived:
		return s, refusal("", audit.ReasonShareUsed)
	}
	issuer, source, ok := h.cfg.Issuer(s.Issuer)
	if !ok || issuer.Name != s.Issuer || source != s.Way {
		return s, refusal("", audit.ReasonShareIssuer)
	}
	s.issuer = issuer
	// The mount that has the path now, for the host that the share was made on.
	if s.mount, s.name, ok = h.find(host, s.Path); !ok || s.mount.Host != s.Host {
		return s, refusal("", audit.ReasonShareIssuer)
	}
	return s, h.opensNow(ctx, s)
}

// opensNow returns an error if the issuer may not open or share the path itself. The handler
// of the mount decides for each name below it; this is for the pages that come before it.
func (h *shares) opensNow(ctx context.Context, s *openShare) error {
	ctx = access.WithShare(ctx, s.covers(), s.issuer)
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

// byToken returns the share of a token. It is remembered for a second, unless one was revoked on
// this server since epoch. What has a limit of uses is read each time.
func (h *shares) byToken(ctx context.Context, token [32]byte, epoch uint64, now time.Time) (catalog.Share, error) {
	s, err := h.cfg.Store.ShareByToken(ctx, token)
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		return s, refusal("", audit.ReasonShare)
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
