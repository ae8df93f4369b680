package daemon

import (
	"context"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/audit"
)

// forHosts passes requests for hosts that are answered to next, all others to absent.
func forHosts(next http.Handler, answers func(host string, listener net.Addr) bool, absent http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		listener, _ := r.Context().Value(listenerKey{}).(net.Addr)
		if !answers(r.Host, listener) {
			absent.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// unknownHost answers requests for unknown hosts. It logs the first one: whoever added a
// proxy would otherwise have to guess why everything is missing.
func (s *service) unknownHost(recorder audit.Recorder) http.Handler {
	absent := server.Absent(audit.ReasonHost, recorder, s.logger)
	var once sync.Once
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		absent.ServeHTTP(w, r)
		if !loggable(r) {
			return
		}
		once.Do(func() {
			s.logger.Warn("a request for an unknown host got 404; to answer this host, add it to hosts (--host)", "host", r.Host[:min(len(r.Host), 253)])
		})
	})
}

// plainHost matches a host as --host could name it, with or without a port. It cannot match a
// user and a password.
var plainHost = regexp.MustCompile(`^[A-Za-z0-9._:\[\]-]+$`)

// loggable reports whether the host of a request may be logged. In an absolute-form target,
// net/http may take a user and a part of a password for the host, if the client did not
// escape the rest.
func loggable(r *http.Request) bool {
	return strings.HasPrefix(r.RequestURI, "/") && plainHost.MatchString(r.Host)
}

type listenerKey struct{}

// withListener is the BaseContext of an http.Server: its requests end with the service, and
// carry the address of their listener. The local address of the connection would not do: a
// listener on all interfaces is public, even for a connection over loopback.
func (s *service) withListener(l net.Listener) context.Context {
	return context.WithValue(s.base, listenerKey{}, l.Addr())
}
