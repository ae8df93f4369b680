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
func Name(r *http.Request, base string) string {
	if clients.OverTLS(r) {
		return "__Host-" + base
	}
	return base
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

// Set returns the value of a Set-Cookie. The cookie is not for scripts, and no other site's
// requests have it, but for links to this one. It lasts for age, and with 0 until the browser
// ends.
func Set(r *http.Request, base, value string, age time.Duration) string {
	c := Name(r, base) + "=" + value + "; Path=/; HttpOnly; SameSite=Lax"
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
