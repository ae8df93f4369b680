package daemon

import (
	"net/http"
	"net/netip"
	"slices"
	"sync"
)

// expectProto passes requests to next. Where there are sessions, it warns of the first request
// of a trusted proxy that does not say by X-Forwarded-Proto whether its client uses TLS: then
// cookies are made as without TLS, which anyone on the network may read.
func (s *service) expectProto(g *generation, next http.Handler) http.Handler {
	proxies := g.cfg.TrustedProxies
	if g.auth.sessions == nil || len(proxies) == 0 {
		return next
	}
	var once sync.Once
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil && len(r.Header["X-Forwarded-Proto"]) == 0 && trusted(proxies, r.RemoteAddr) {
			once.Do(func() {
				s.logger.Warn("a trusted proxy sends no X-Forwarded-Proto, so the cookies of sessions are made as for a connection without TLS; let the proxy set it to https or http")
			})
		}
		next.ServeHTTP(w, r)
	})
}

// trusted reports whether the peer at a RemoteAddr is one of the proxies.
func trusted(proxies []netip.Prefix, remote string) bool {
	peer, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	addr := peer.Addr().Unmap()
	return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}
