package server

import (
	"strconv"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

var privateNoStore = []string{"private, no-store"}

// cacheControlFor returns the Cache-Control of a response about name: usual, unless it must
// stay out of caches because not everybody may read name, or because a link opened it.
func (x *exchange) cacheControlFor(name vfs.Name, usual []string) []string {
	if x.link.ID != "" || !x.openTo(name) {
		return privateNoStore
	}
	return usual
}

// cacheControlOf returns the Cache-Control of a response about the object that info describes,
// given the one for its name: to those who may not read what a link leads to, the name is
// missing.
func (x *exchange) cacheControlOf(info *vfs.Info, usual []string) []string {
	for _, target := range info.Targets {
		usual = x.cacheControlFor(target, usual)
	}
	return usual
}

// openTo reports whether anyone may read name, given that the caller may.
func (x *exchange) openTo(name vfs.Name) bool {
	switch a := x.jail.Authorizer().(type) {
	case nil:
		return true
	case access.Authorizer:
		return a.OpenTo(vfs.OpRead, name)
	}
	// This authorizer may decide by anything in the context.
	return false
}

// cacheControlForListing is cacheControlFor for responses that differ between callers.
func (x *exchange) cacheControlForListing(usual []string) []string {
	// A page says who is signed in.
	if a := x.jail.Authorizer(); a != nil && a != access.Anyone() || x.auth.SignIn != nil || !auth.FromContext(x.ctx).Anyone() {
		return privateNoStore
	}
	return usual
}

// cacheControl returns the Cache-Control of objects that may be cached for age.
func cacheControl(age time.Duration) []string {
	if age < time.Second {
		return noCache
	}
	return []string{"public, max-age=" + strconv.FormatInt(int64(age/time.Second), 10)}
}

// noSharedCaching makes caches revalidate a response that depends on the precondition or
// range of one client. Otherwise anyone could replace the object in a cache by an error,
// for as long as the object may be cached.
func (x *exchange) noSharedCaching() {
	if h := x.Header(); strings.HasPrefix(h["Cache-Control"][0], "public") {
		h["Cache-Control"] = noCache
	}
}
