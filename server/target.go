package server

import (
	"net/http"
	"net/url"
	"strings"
)

// A request target has one of the forms of RFC 9112 section 3.2: "/path?query",
// "http://host/path?query", "host:port" or "*". Clients send the absolute form if they think
// that this server is a proxy; it may contain a user and a password.

// sentPath returns the path of a request target as it was sent, without the query; "" if it
// has none.
func sentPath(r *http.Request) string {
	target := r.RequestURI
	if target == "" {
		// The request did not come from a server. net/url leaves RawPath empty only if
		// Path has one possible spelling.
		return r.URL.EscapedPath()
	}
	path := target
	if target[0] != '/' {
		_, end := authority(target)
		path = target[end:]
		if end == 0 || !strings.HasPrefix(path, "/") {
			return ""
		}
	}
	path, _, _ = strings.Cut(path, "?")
	return path
}

// hostless reports whether a request target has a scheme but no host. That is not an HTTP URL
// (RFC 9110 section 4.2.1): with a slash too few or too many, what looks like the path may be
// a user and a password.
func hostless(target string) bool {
	if target == "" || target[0] == '/' || target == "*" {
		return false
	}
	start, end := authority(target)
	return start == end
}

// authority returns the start and end of the authority in an absolute form; 0, 0 for other
// forms.
func authority(target string) (start, end int) {
	colon := strings.IndexByte(target, ':')
	if colon <= 0 || !strings.HasPrefix(target[colon:], "://") || strings.IndexByte(target[:colon], '/') >= 0 {
		return 0, 0
	}
	start = colon + len("://")
	if length := strings.IndexAny(target[start:], "/?"); length >= 0 {
		return start, start + length
	}
	return start, len(target)
}

// masked replaces a user and a password in records.
const masked = "***"

// loggedTarget returns the request target as it was sent, without the query, and with any
// user and password and the token of a share masked. It masks too much rather than too
// little: everything before the last "@" of what could be an authority, after any number of
// slashes and colons. A target that begins with a single slash has no authority.
func loggedTarget(r *http.Request) string {
	target := r.RequestURI
	if target == "" {
		target = r.URL.EscapedPath()
	}
	target = maskToken(target)
	if len(target) > 0 && target[0] == '/' && !strings.HasPrefix(target, "//") {
		target, _, _ = strings.Cut(target, "?")
		return target
	}
	start := 0
	if scheme := strings.Index(target, ":/"); scheme > 0 && isScheme(target[:scheme]) {
		start = scheme + 1
	}
	for start < len(target) && target[start] == '/' {
		start++
	}
	// A password may contain a question mark that the client did not escape, so the query
	// begins after it.
	end := len(target)
	if length := strings.IndexByte(target[start:], '/'); length >= 0 {
		end = start + length
	}
	// For CONNECT, net/http accepts an escaped "@", which it otherwise refuses.
	if at := max(strings.LastIndexByte(target[start:end], '@'), strings.LastIndex(target[start:end], "%40")); at >= 0 {
		target = target[:start] + masked + target[start+at:]
	}
	target, _, _ = strings.Cut(target, "?")
	return target
}

// maskToken masks the token of a share in a target: the path element after [SharesLink]. If
// that is spelled differently, which opens no share, it masks everything.
func maskToken(target string) string {
	before, token, ok := strings.Cut(target, SharesLink)
	if ok {
		rest := ""
		if end := strings.IndexAny(token, "/?"); end >= 0 {
			rest = token[end:]
		}
		return before + SharesLink + masked + rest
	}
	if strings.IndexByte(target, '%') >= 0 {
		path, _, _ := strings.Cut(target, "?")
		if decoded, err := url.PathUnescape(path); err == nil && strings.Contains(decoded, SharesLink) {
			return "/" + masked
		}
	}
	return target
}

// isScheme reports whether s is a scheme (RFC 3986 section 3.1).
func isScheme(s string) bool {
	for i := range len(s) {
		switch c := s[i] | 0x20; {
		case 'a' <= c && c <= 'z':
		case i > 0 && ('0' <= s[i] && s[i] <= '9' || s[i] == '+' || s[i] == '-' || s[i] == '.'):
		default:
			return false
		}
	}
	return s != ""
}
