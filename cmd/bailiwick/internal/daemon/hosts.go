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

// forHosts hands requests for hosts that are answered on to next, all others to absent.
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

// unknownHost answers requests for hosts that are not known here. The first one is told of:
// whoever put a proxy in front would otherwise have to guess why all is missing.
func (s *service) unknownHost(recorder audit.Recorder) http.Handler {
	absent := server.Absent(audit.ReasonHost, recorder, s.logger)
	var once sync.Once
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		absent.ServeHTTP(w, r)
		if !loggable(r) {
			return
		}
		once.Do(func() {
			s.logger.Warn("requests for a host that is not known get the 404 of a missing file; hosts (--host) names further ones", "host", r.Host[:min(len(r.Host), 253)])
		})
	})
}

// plainHost is a host as --host could name it, perhaps with a port. It has no room for a
// user and a password.
var plainHost = regexp.MustCompile(`^[A-Za-z0-9._:\[\]-]+$`)

// loggable reports whether the host of a request may stand in a log. What net/http takes for
// the host of an absolute-form target may be a user and a part of a password, where the
// client forgot to escape the rest.
func loggable(r *http.Request) bool {
	return strings.HasPrefix(r.RequestURI, "/") && plainHost.MatchString(r.Host)
}

type listenerKey struct{}

// withListener is an http.Server's BaseContext: requests end with the service, and know
// by which listener they came. The address of the connection would not do: one that listens on all interfaces is
// not for this machine alone, whichever of them a connection came by.
func (s *service) withListener(l net.Listener) context.Context {
	return context.WithValue(s.base, listenerKey{}, l.Addr())
}
