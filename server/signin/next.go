package signin

import (
	"strings"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
)

// own is the path of the pages of the server itself. Most of them are not worth going back
// to: at best it is the page to sign in.
const own = "/" + server.OwnElement

// maxQuery bounds the query that is kept of a path.
const maxQuery = 2 << 10

// nextPath returns where to go after signing in: a path of this server, with its query, or
// "/". The path is parsed as that of a request is, so it has one leading slash, no backslash,
// no control character, nothing of a scheme or a host, and no element that leads elsewhere.
// What it returns is safe as a Location.
func nextPath(s string) string {
	path, query, _ := strings.Cut(s, "?")
	next, err := links.ParsePath(path)
	// The shares are the one page of the server itself for which people sign in.
	if err != nil || next != server.SharesPath && (next == own || strings.HasPrefix(next, own+"/")) {
		return "/"
	}
	if query == "" || len(query) > maxQuery || strings.Trim(query, queryBytes) != "" {
		return next
	}
	return next + "?" + query
}

// queryBytes are the bytes of a query in RFC 3986.
const queryBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@/?%"
