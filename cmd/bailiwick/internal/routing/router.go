// Package routing finds the mount for a request.
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

// A Router passes each request to its mount. It decodes and compares path elements
// individually: a mount whose path contains a space, % or { is reached by every
// equivalent spelling of a request, and an escaped slash does not separate elements.
type Router struct {
	Routes  []Route      // in order of precedence
	Nothing http.Handler // handles requests without a mount

	at      map[string]map[string]int // indexes in Routes, by host and path
	longest int                       // bytes of a mount's path
}

// A Route is a mount and its handler.
type Route struct {
	Mount   *config.Mount
	Handler http.Handler

	// ForHost has the handlers for the hosts of [HostsWithin], which serve less of the mount.
	ForHost map[string]http.Handler
}

// handlerFor returns the handler for requests with that Host.
func (r *Route) handlerFor(host string) http.Handler {
	if len(r.ForHost) > 0 {
		if h := r.ForHost[HostOf(host)]; h != nil {
			return h
		}
	}
	return r.Handler
}

// New returns a Router without handlers, which can only find mounts.
func New(mounts []config.Mount) *Router {
	rt := new(Router)
	for i := range mounts {
		rt.Routes = append(rt.Routes, Route{Mount: &mounts[i]})
	}
	// Mounts with a host take precedence, then the longest path.
	slices.SortStableFunc(rt.Routes, func(a, b Route) int {
		if (a.Mount.Host == "") != (b.Mount.Host == "") {
			return cmp.Compare(b.Mount.Host, a.Mount.Host)
		}
		return len(b.Mount.Path) - len(a.Mount.Path)
	})
	rt.at = map[string]map[string]int{}
	for i := range rt.Routes {
		host, path := string(rt.Routes[i].Mount.Host), string(rt.Routes[i].Mount.Path)
		if rt.at[host] == nil {
			rt.at[host] = map[string]int{}
		}
		if _, taken := rt.at[host][path]; !taken {
			rt.at[host][path] = i
		}
		rt.longest = max(rt.longest, len(path))
	}
	return rt
}

// ServeHTTP passes the request to its mount, with the path below the mount.
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
	found.handlerFor(r.Host).ServeHTTP(w, r)
}

// Find returns the route for a URL on a host, and the URL with the path below the mount.
// That path is empty for the mount's own path without a trailing slash. Find returns nil
// if there is no mount.
func (rt *Router) Find(host string, u *url.URL) (*Route, *url.URL) {
	if host = HostOf(host); host != "" {
		if i, inner := rt.findIn(rt.at[host], u); inner != nil {
			return &rt.Routes[i], inner
		}
	}
	if i, inner := rt.findIn(rt.at[""], u); inner != nil {
		return &rt.Routes[i], inner
	}
	return nil, nil
}

// findIn returns the index of the route with the longest path that is above the URL's. It
// looks up the beginnings of that path, which takes as long with many mounts as with few.
// Longer ones than a mount's path are not looked up: a client chooses their number.
func (rt *Router) findIn(at map[string]int, u *url.URL) (int, *url.URL) {
	if len(at) == 0 {
		return 0, nil
	}
	end := len(u.Path)
	if end > rt.longest {
		end = strings.LastIndexByte(u.Path[:rt.longest+1], '/')
	}
	for ; end > 0; end = strings.LastIndexByte(u.Path[:end], '/') {
		if i, ok := at[u.Path[:end]]; ok {
			if inner, ok := below(u, string(rt.Routes[i].Mount.Path)); ok {
				return i, inner
			}
		}
	}
	if i, ok := at["/"]; ok {
		return i, u
	}
	return 0, nil
}

// Taken returns the names in m that requests never reach through m, because other mounts
// are served at their paths: all requests or, with a host, those for that host. It may
// return names below each other.
//
// The router compares paths byte for byte, but a file system may ignore case, and a
// symbolic link in the source can resolve to any name. So m itself must refuse these
// names. Otherwise, their content in m's source would be served under m's rules instead
// of those of the other mount.
func Taken(mounts []config.Mount, m *config.Mount, host string) []vfs.Name {
	var names []vfs.Name
	host = HostOf(host)
	for i := range mounts {
		other := &mounts[i]
		below := pathWithin(m, other)
		// Only with the same host does the other mount get all requests.
		if below == "" || other.Host != m.Host && (host == "" || string(other.Host) != host) {
			continue
		}
		n, err := vfs.ParseName(below)
		if err != nil {
			panic("the path of a mount is invalid: " + err.Error())
		}
		names = append(names, n)
	}
	return names
}

// HostsWithin returns the hosts for which requests reach less of m than for others: those of
// mounts below m, if m itself is for all hosts.
func HostsWithin(mounts []config.Mount, m *config.Mount) []string {
	var hosts []string
	for i := range mounts {
		if host := string(mounts[i].Host); m.Host == "" && host != "" && pathWithin(m, &mounts[i]) != "" && !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// pathWithin returns the path of other relative to that of m, "" if it is not below that.
func pathWithin(m, other *config.Mount) string {
	below, ok := strings.CutPrefix(string(other.Path), strings.TrimSuffix(string(m.Path), "/")+"/")
	if !ok {
		return ""
	}
	return below
}

// HasURL returns a function that reports whether a host and an escaped path belong to
// m.
func (rt *Router) HasURL(m *config.Mount) func(host, path string) bool {
	return func(host, path string) bool {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return false
		}
		found, _ := rt.Find(host, u)
		return found != nil && found.Mount == m
	}
}

// below removes the path of a mount from the path of a URL, in both of its forms.
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
		// The path has only one spelling, so it contains no escaped slash.
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

// belowEscaped removes the elements of path from an escaped path.
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
