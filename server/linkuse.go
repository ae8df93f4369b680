package server

import (
	"errors"
	"net/http"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

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
