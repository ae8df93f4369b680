package main

import (
	"cmp"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

// A router finds the mount that a request is for. It compares the elements of paths
// decoded, each by itself: a mount whose path has a space, a % or a { in it is
// reached like any other, by each spelling of a request that means it, and no
// escaped slash ends an element.
type router struct {
	routes  []route // in order of match
	nothing http.Handler
}

// A route is a mount and what answers for it.
type route struct {
	mount   *config.Mount
	handler http.Handler
}

// newRouter returns a router without handlers, which is enough to find mounts.
func newRouter(mounts []config.Mount) *router {
	rt := new(router)
	for i := range mounts {
		rt.routes = append(rt.routes, route{mount: &mounts[i]})
	}
	// The mounts of a host go before those of all, then the longest path.
	slices.SortStableFunc(rt.routes, func(a, b route) int {
		if (a.mount.Host == "") != (b.mount.Host == "") {
			return cmp.Compare(b.mount.Host, a.mount.Host)
		}
		return len(b.mount.Path) - len(a.mount.Path)
	})
	return rt
}

// ServeHTTP hands the request to its mount, with the path below that.
func (rt *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	found, inner := rt.find(r.Host, r.URL)
	if found == nil {
		rt.nothing.ServeHTTP(w, r)
		return
	}
	if inner != r.URL {
		below := new(http.Request)
		*below = *r
		below.URL = inner
		r = below
	}
	found.handler.ServeHTTP(w, r)
}

// find returns the route for a URL on a host, and the URL with the path below the
// mount, which is empty for the mount's own path without its slash. It returns nil if
// no mount is there.
func (rt *router) find(host string, u *url.URL) (*route, *url.URL) {
	host = hostOf(host)
	for i := range rt.routes {
		m := rt.routes[i].mount
		if m.Host != "" && string(m.Host) != host {
			continue
		}
		if inner, ok := below(u, string(m.Path)); ok {
			return &rt.routes[i], inner
		}
	}
	return nil, nil
}

// leadsTo returns what reports whether a host and an escaped path are those of m.
func (rt *router) leadsTo(m *config.Mount) func(host, path string) bool {
	return func(host, path string) bool {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return false
		}
		found, _ := rt.find(host, u)
		return found != nil && found.mount == m
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

// hostOf returns the host of a Host header as config.Host has it.
func hostOf(header string) string {
	host, _, err := net.SplitHostPort(header)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(header, "["), "]")
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
