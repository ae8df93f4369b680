// Package cookie names, finds and sets cookies that only this host and only its server can
// have set, as far as browsers enforce that.
package cookie

import (
	"net/http"
	"strconv"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/internal/clients"
)

// Session is the base of the name of a session's cookie.
const Session = "bailiwick"

// Name returns the name of a cookie in the browser that sent r. Over TLS it begins with
// __Host-: browsers then accept the cookie only over TLS, from this very host and for all its
// paths, so no neighboring host, and nobody on the network, can plant one. Without TLS they
// would not accept it at all.
func Name(r *http.Request, base string) string { return nameBelow(r, base, "/") }

// nameBelow is Name for a cookie of a path. With one other than "/" it begins with __Secure-: a
// neighboring host can plant it, and nobody on the network.
func nameBelow(r *http.Request, base, path string) string {
	switch {
	case !clients.OverTLS(r):
		return base
	case path == "/":
		return "__Host-" + base
	}
	return "__Secure-" + base
}

// Find returns the value of a cookie, and whether r has it. If r has several of that name, the
// value is "": nothing tells which one somebody else has planted.
func Find(r *http.Request, base string) (value string, given bool) {
	if len(r.Header["Cookie"]) == 0 {
		return "", false
	}
	found := r.CookiesNamed(Name(r, base))
	if len(found) == 1 {
		value = found[0].Value
	}
	return value, len(found) > 0
}

// Below returns the values of the cookies that SetBelow has set with that path. Others may
// have planted some of them.
func Below(r *http.Request, base, path string) (values []string) {
	for _, c := range r.CookiesNamed(nameBelow(r, base, path)) {
		values = append(values, c.Value)
	}
	return values
}

// Set returns the value of a Set-Cookie. The cookie is not for scripts, and no other site's
// requests have it, except for links to this one. It lasts for age, and with 0 until the
// browser ends.
func Set(r *http.Request, base, value string, age time.Duration) string {
	return SetBelow(r, base, "/", value, age)
}

// SetBelow is Set for a cookie that browsers send only for paths below path.
func SetBelow(r *http.Request, base, path, value string, age time.Duration) string {
	c := nameBelow(r, base, path) + "=" + value + "; Path=" + path + "; HttpOnly; SameSite=Lax"
	if clients.OverTLS(r) {
		c += "; Secure"
	}
	if age > 0 {
		c += "; Max-Age=" + strconv.FormatInt(int64(age/time.Second), 10)
	}
	return c
}

// Remove returns the value of a Set-Cookie that removes the cookie.
func Remove(r *http.Request, base string) string {
	return Set(r, base, "", 0) + "; Max-Age=0"
}
