// Package gorilla mounts handlers such as those of package server on a router of
// github.com/gorilla/mux. It is a separate package, so that programs without that router do
// not depend on it. With net/http alone, use http.StripPrefix.
package gorilla

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/gorilla/mux"
)

// Mount registers h on router for all requests below prefix, with every method: paths
// that begin with prefix and a slash. The router may be a subrouter, and prefix may
// contain variables. h receives the path without the prefix, in both URL.Path and
// URL.RawPath, and r.Pattern is set to the route's template.
//
// Mount leaves the options of the router as they are, and the router acts before h:
// unless SkipClean(true) is set, mux answers a path such as /a/../b or //a with a 301 to
// the clean path. That redirect depends on the path alone, so it reveals nothing about
// which files exist, but such requests never reach the audit log. For a router that only
// serves h, use mux.NewRouter().UseEncodedPath().SkipClean(true).
func Mount(router *mux.Router, prefix string, h http.Handler) {
	route := router.PathPrefix(strings.TrimRight(prefix, "/") + "/")
	m := &mounted{h: h}
	if m.template, _ = route.GetPathTemplate(); strings.Contains(m.template, "{") {
		if expr, err := route.GetPathRegexp(); err == nil {
			m.expr, _ = regexp.Compile(expr)
		}
	}
	route.Handler(m)
}

// mounted strips the prefix from the path of a request.
type mounted struct {
	h        http.Handler
	template string         // of the whole path, with its final slash
	expr     *regexp.Regexp // matches the template; nil if it has no variables
}

func (m *mounted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Pattern = m.template
	inner := new(http.Request)
	*inner = *r
	inner.URL = new(url.URL)
	*inner.URL = *r.URL
	inner.URL.Path = m.rest(r.URL.Path)
	if r.URL.RawPath != "" {
		// If the prefix was sent with escapes, RawPath becomes empty and h refuses the
		// request: the two spellings can never be cut at different places.
		if inner.URL.RawPath = m.rest(r.URL.RawPath); inner.URL.RawPath == "" {
			inner.URL.Path = ""
		}
	}
	m.h.ServeHTTP(w, inner)
}

// rest returns the part of path after the prefix, beginning with its slash; "" if path
// does not have the prefix.
func (m *mounted) rest(path string) string {
	length := len(m.template)
	switch {
	case m.expr != nil:
		at := m.expr.FindStringIndex(path)
		if at == nil {
			return ""
		}
		length = at[1]
	case !strings.HasPrefix(path, m.template):
		return ""
	}
	return path[length-1:]
}
