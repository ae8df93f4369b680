package server

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/gorilla/mux"
)

// Mount lets h answer all requests below prefix, with every method, on a
// gorilla/mux router: paths that begin with prefix and a slash. It may be a
// subrouter, and prefix may hold variables. The path that h gets is without the
// prefix, in both its spellings, and r.Pattern is set to the route's template.
//
// The router's own options stay as they are, and act before h: unless it was
// told SkipClean(true), mux answers a path such as /a/../b or //a with a 301 to
// the clean path. That is done by the path alone, so it tells nothing about
// what exists, but such requests reach no audit record. A router that is h's
// alone is best made by mux.NewRouter().UseEncodedPath().SkipClean(true).
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

// mounted takes the prefix off.
type mounted struct {
	h        http.Handler
	template string         // of the whole path, with the slash at its end
	expr     *regexp.Regexp // what the template means, if it has variables
}

func (m *mounted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Pattern = m.template
	inner := new(http.Request)
	*inner = *r
	inner.URL = new(url.URL)
	*inner.URL = *r.URL
	inner.URL.Path = m.rest(r.URL.Path)
	if r.URL.RawPath != "" {
		// A prefix that is spelled with escapes leaves nothing, and h refuses:
		// so it cannot be that the two spellings were cut at different places.
		if inner.URL.RawPath = m.rest(r.URL.RawPath); inner.URL.RawPath == "" {
			inner.URL.Path = ""
		}
	}
	m.h.ServeHTTP(w, inner)
}

// rest returns what follows the prefix in path, from its slash on; "" if path
// does not begin with the prefix.
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
