package daemon

import (
	"context"
	"io"
	"net"
	"net/http"
)

// adminHandler serves operators and their tools. It has an address of its own, since its
// responses are not for the public.
func (s *service) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		plain(w, http.StatusOK, "alive\n")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !s.answers() {
			plain(w, http.StatusServiceUnavailable, "not ready\n")
			return
		}
		plain(w, http.StatusOK, "ready\n")
	})
	mux.Handle("GET /metrics", s.metrics.Handler())
	answers := func(host string, listener net.Addr) bool {
		g := s.current.Load()
		return g != nil && g.hosts.AnswersLocal(host, listener)
	}
	return forHosts(mux, answers, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		plain(w, http.StatusNotFound, "not found\n")
	}))
}

// answers reports whether all sources and catalogs answer now. It logs the reason if one does
// not.
func (s *service) answers() bool {
	if !s.ready.Load() {
		return false
	}
	g := s.enter()
	if g == nil {
		return false
	}
	defer g.leave()
	if err := g.probe(context.Background()); err != nil {
		s.logger.Error("not ready", "error", err)
		return false
	}
	return true
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}
