package auth

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxHeaderBytes limits an Authorization header. A token with many groups takes a few
// KiB.
const maxHeaderBytes = 16 << 10

// A header is a parsed Authorization header: a name with a password, or a token.
type header struct {
	scheme   scheme
	name     string
	password string
	token    string
}

type scheme int

const (
	basic scheme = iota + 1
	bearer
)

// parseHeader parses the values of Authorization. given is false if there are none.
// Anything malformed is ErrCredentials, never a request without credentials: a client
// that tries to log in must not silently be served as anonymous. Two headers are
// refused, even if they are equal, because a proxy may have checked the other one.
func parseHeader(values []string) (h header, given bool, err error) {
	switch {
	case len(values) == 0:
		return header{}, false, nil
	case len(values) > 1 || len(values[0]) > maxHeaderBytes:
		return header{}, true, ErrCredentials
	}
	name, rest, _ := strings.Cut(values[0], " ")
	rest = strings.TrimLeft(rest, " ")
	if !isToken68(rest) {
		return header{}, true, ErrCredentials
	}
	switch {
	case strings.EqualFold(name, "Basic"):
		return parseBasic(rest)
	case strings.EqualFold(name, "Bearer"):
		return header{scheme: bearer, token: rest}, true, nil
	}
	return header{}, true, ErrCredentials
}

// parseBasic parses a name and a password as in RFC 7617: UTF-8 without control
// characters, separated by the first colon.
func parseBasic(encoded string) (header, bool, error) {
	data, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || !utf8.Valid(data) {
		return header{}, true, ErrCredentials
	}
	text := string(data)
	name, password, ok := strings.Cut(text, ":")
	if !ok || name == "" || strings.ContainsFunc(text, unicode.IsControl) {
		return header{}, true, ErrCredentials
	}
	return header{scheme: basic, name: name, password: password}, true, nil
}

// isToken68 reports whether s is a token68 of RFC 9110, the form that both schemes use.
func isToken68(s string) bool {
	body := strings.TrimRight(s, "=")
	if body == "" {
		return false
	}
	for i := range len(body) {
		c := body[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~+/", c) >= 0:
		default:
			return false
		}
	}
	return true
}

// looksSigned reports whether a token has the three parts of a signed JWT. The last part
// is empty in an unsigned JWT, which the checker must refuse.
func looksSigned(token string) bool {
	return strings.Count(token, ".") == 2 && !strings.HasPrefix(token, ".") && !strings.Contains(token, "..")
}
