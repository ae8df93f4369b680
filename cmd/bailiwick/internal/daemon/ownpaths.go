package daemon

import (
	"net/http"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/routing"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/audit"
)

// ownPaths returns the handler that answers the server's own paths on every host, and passes
// all other requests to mounts.
func (s *service) ownPaths(g *generation, mounts http.Handler, recorder audit.Recorder) http.Handler {
	own := &routing.Own{
		At:    map[string]http.Handler{},
		Below: map[string]http.Handler{},
		Next:  mounts,
	}
	if pages := g.auth.signIn; pages != nil {
		for _, path := range pages.Paths() {
			own.At[path] = pages
		}
	}
	if g.shares != nil {
		own.At[server.SharesPath] = g.shares.handler
		own.Below[server.SharesPath+"/"], own.Below[server.SharesLink] = g.shares.handler, g.shares.handler
	}
	return own
}
