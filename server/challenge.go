package server

import (
	"net/http"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/internal/cookie"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// shouldChallenge reports whether a refused request is answered with 401, since
// credentials may help. That depends on the handler and the operation, never on the name.
func (x *exchange) shouldChallenge() bool {
	if !x.anonymous || x.opens == nil || x.opens.Open(x.op) && (x.r.Method != methodMove || x.opens.Open(vfs.OpDelete)) {
		return false
	}
	return x.auth.Unauthorized != nil || x.auth.SignIn != nil || len(x.auth.Authenticator.Challenges()) > 0
}

// unauthorizedHandler returns the handler that answers a 401, nil for a fixed text.
func (x *exchange) unauthorizedHandler() http.Handler {
	if x.auth.SignIn != nil && isNavigation(x.r) {
		return x.auth.SignIn
	}
	return x.auth.Unauthorized
}

// challenges returns the challenges of a 401.
func (x *exchange) challenges() []string {
	if x.auth.Authenticator == nil {
		return nil
	}
	all := x.auth.Authenticator.Challenges()
	if x.auth.SignIn == nil || !byBrowser(x.r) {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(c string) bool {
		scheme, _, _ := strings.Cut(c, " ")
		return strings.EqualFold(scheme, "Basic")
	})
}

// byBrowser reports whether a browser sent r that would show a prompt for a challenge, also if
// it is the fetch of a script. Sec-Fetch headers are sent only where the connection is safe.
func byBrowser(r *http.Request) bool {
	for _, key := range [...]string{"Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest"} {
		if len(r.Header[key]) > 0 {
			return true
		}
	}
	_, given := cookie.Find(r, cookie.Session)
	return given
}

// isNavigation reports whether a browser sent r to show the response as a page. All that can
// differ is in the header: the response to a name must not depend on the name. Browsers say
// what a request is for by Sec-Fetch-Mode, where the connection is safe; a fetch of a script
// may accept text/html, too.
func isNavigation(r *http.Request) bool {
	if r.Method != http.MethodGet || !prefersHTML(r.Header["Accept"]) {
		return false
	}
	mode := r.Header["Sec-Fetch-Mode"]
	return len(mode) == 0 || len(mode) == 1 && mode[0] == "navigate"
}

// unauthorized sends the response of Auth.Unauthorized or Auth.SignIn.
func (x *exchange) unauthorized(h http.Handler) {
	x.Header()["Cache-Control"] = noStore
	h.ServeHTTP(unauthorizedWriter{x}, x.r.WithContext(x.ctx))
	if x.status == 0 {
		x.WriteHeader(http.StatusUnauthorized)
	}
}

// An unauthorizedWriter sends 401 if a handler writes a body without setting a status. It
// has no other methods, such as ReadFrom, which would bypass that.
type unauthorizedWriter struct{ x *exchange }

func (w unauthorizedWriter) Header() http.Header { return w.x.Header() }

func (w unauthorizedWriter) WriteHeader(status int) { w.x.WriteHeader(status) }

func (w unauthorizedWriter) Write(p []byte) (int, error) {
	if w.x.status == 0 {
		w.x.WriteHeader(http.StatusUnauthorized)
	}
	return w.x.Write(p)
}
