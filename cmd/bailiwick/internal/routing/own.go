package routing

import (
	"net/http"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server"
)

// OwnPath is the path below which the server has pages of its own, on every host. No mount
// can be there.
const OwnPath = "/" + server.OwnElement + "/"

// An Own answers the server's own paths below [OwnPath], and passes all other requests to
// Next: what is below OwnPath and not listed is for the mounts, which answer as for every
// missing name. It compares paths byte for byte; another spelling of an own path is not one.
type Own struct {
	At    map[string]http.Handler // by whole path, such as /.bailiwick/login
	Below map[string]http.Handler // by a path that ends in a slash, for all that begins with it
	Next  http.Handler
}

func (o *Own) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.find(r).ServeHTTP(w, r)
}

func (o *Own) find(r *http.Request) http.Handler {
	sent := r.URL.Path
	if r.URL.RawPath != "" {
		sent = r.URL.RawPath
	}
	rest, ok := strings.CutPrefix(sent, OwnPath)
	if !ok {
		return o.Next
	}
	if h := o.At[sent]; h != nil {
		return h
	}
	first, _, deeper := strings.Cut(rest, "/")
	if h := o.Below[OwnPath+first+"/"]; h != nil && deeper {
		return h
	}
	return o.Next
}
