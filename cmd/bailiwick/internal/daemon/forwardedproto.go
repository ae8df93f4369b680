package daemon

import (
	"net/http"
	"sync"

	"github.com/bailiwick-fs/bailiwick/server"
)

// expectProto passes requests to next. Where there are sessions or shares, it warns of the first
// request of a trusted proxy that does not say by X-Forwarded-Proto whether its client uses TLS:
// then cookies are made as without TLS, which anyone on the network may read.
func (s *service) expectProto(g *generation, limits *server.Limits, next http.Handler) http.Handler {
	if g.auth.sessions == nil && g.shares == nil || len(g.cfg.TrustedProxies) == 0 {
		return next
	}
	var once sync.Once
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil && len(r.Header["X-Forwarded-Proto"]) == 0 && limits.Trusts(r) {
			once.Do(func() {
				s.logger.Warn("a trusted proxy sends no X-Forwarded-Proto, so cookies are made as for a connection without TLS; let the proxy set it to https or http")
			})
		}
		next.ServeHTTP(w, r)
	})
}
