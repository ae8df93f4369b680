// Package routing finds the mount that a request is for.
package routing

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A Router hands each request to the mount that it is for. It compares the elements of paths
// decoded, each by itself: a mount whose path has a space, a % or a { in it is
// reached like any other, by each spelling of a request that means it, and no
// escaped slash ends an element.
type Router struct {
	Routes  []Route      // in order of match
	Nothing http.Handler // answers where no mount is
}

// A Route is a mount and what answers for it.
type Route struct {
	Mount   *config.Mount
	Handler http.Handler
}

// New returns a Router without handlers, which is enough to find mounts.
func New(mounts []config.Mount) *Router {
	rt := new(Router)
	for i := range mounts {
		rt.Routes = append(rt.Routes, Route{Mount: &mounts[i]})
	}
	// The mounts of a host go before those of all, then the longest path.
	slices.SortStableFunc(rt.Routes, func(a, b Route) int {
		if (a.Mount.Host == "") != (b.Mount.Host == "") {
			return cmp.Compare(b.Mount.Host, a.Mount.Host)
		}
		return len(b.Mount.Path) - len(a.Mount.Path)
	})
	return rt
}

// ServeHTTP hands the request to its mount, with the path below that.
func (rt *Router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	found, inner := rt.Find(r.Host, r.URL)
	if found == nil {
		rt.Nothing.ServeHTTP(w, r)
		return
	}
	if inner != r.URL {
		below := new(http.Request)
		*below = *r
		below.URL = inner
		r = below
	}
	found.Handler.ServeHTTP(w, r)
}

// Find returns the route for a URL on a host, and the URL with the path below the
// mount, which is empty for the mount's own path without its slash. It returns nil if
// no mount is there.
func (rt *Router) Find(host string, u *url.URL) (*Route, *url.URL) {
	host = hostOf(host)
	for i := range rt.Routes {
		m := rt.Routes[i].Mount
		if m.Host != "" && string(m.Host) != host {
			continue
		}
		if inner, ok := below(u, string(m.Path)); ok {
			return &rt.Routes[i], inner
		}
	}
	return nil, nil
}

// Taken returns the names in m that requests never reach there, since other mounts are
// served at their paths; it may return some that lie below others.
//
// The router compares paths byte for byte. A file system that folds case does not, and
// a link in a source can lead to any name in it: m has to refuse these names itself, or
// what they hold in its own source would be served under m's rules, and not under those
// of the mount that is there.
func Taken(mounts []config.Mount, m *config.Mount) []vfs.Name {
	var names []vfs.Name
	above := strings.TrimSuffix(string(m.Path), "/") + "/"
	for i := range mounts {
		other := &mounts[i]
		below, ok := strings.CutPrefix(string(other.Path), above)
		// Only for the same host does the other one get all of these requests.
		if !ok || below == "" || other.Host != m.Host {
			continue
		}
		n, err := vfs.ParseName(below)
		if err != nil {
			panic("the path of a mount was parsed and is none: " + err.Error())
		}
		names = append(names, n)
	}
	return names
}

// LeadsTo returns what reports whether a host and an escaped path are those of m.
func (rt *Router) LeadsTo(m *config.Mount) func(host, path string) bool {
	return func(host, path string) bool {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return false
		}
		found, _ := rt.Find(host, u)
		return found != nil && found.Mount == m
	}
}

// below takes the path of a mount off the path of a URL, in both its spellings.
func below(u *url.URL, path string) (*url.URL, bool) {
	if path == "/" {
		return u, true
	}
	rest, ok := strings.CutPrefix(u.Path, path)
	if !ok {
		return nil, false
	}
	raw := u.RawPath
	if raw == "" {
		// The path has one possible spelling, so that no slash in it was escaped.
		if rest != "" && rest[0] != '/' {
			return nil, false
		}
	} else if raw, ok = belowEscaped(raw, path); !ok {
		return nil, false
	}
	inner := new(url.URL)
	*inner = *u
	inner.Path, inner.RawPath = rest, raw
	return inner, true
}

// belowEscaped takes the elements of path off an escaped path.
func belowEscaped(raw, path string) (rest string, ok bool) {
	for want := range strings.SplitSeq(path[1:], "/") {
		if raw, ok = strings.CutPrefix(raw, "/"); !ok {
			return "", false
		}
		end := strings.IndexByte(raw, '/')
		if end < 0 {
			end = len(raw)
		}
		if got, err := url.PathUnescape(raw[:end]); err != nil || got != want {
			return "", false
		}
		raw = raw[end:]
	}
	return raw, true
}
