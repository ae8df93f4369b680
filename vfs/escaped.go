package vfs

import (
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// ParseEscapedPath makes a Name from a URL's path as sent, without its leading slash.
// It undoes percent-encoding exactly once and then applies the grammar of [ParseName].
// "%252e" therefore names a file called "%2e", and nothing decodes it again.
//
// It refuses an escaped slash, backslash or NUL and a malformed escape, so that no two
// parties on the request's path can disagree about where an element ends
// (CVE-2021-41773, CVE-2021-42013). '+' stands for itself.
func ParseEscapedPath(p string) (Name, error) {
	i := strings.IndexByte(p, '%')
	if i < 0 {
		return ParseName(p)
	}
	// A byte takes at most three bytes to escape. A longer path cannot be a name and is
	// not worth decoding.
	if len(p) > 3*MaxNameBytes {
		return Name{}, refuseName(p, reason.NameTooLong)
	}
	buf := make([]byte, 0, len(p))
	buf = append(buf, p[:i]...)
	for ; i < len(p); i++ {
		c := p[i]
		if c != '%' {
			buf = append(buf, c)
			continue
		}
		if i+2 >= len(p) {
			return Name{}, refuseName(p, reason.NameEscape)
		}
		hi, lo := unhex[p[i+1]], unhex[p[i+2]]
		if hi|lo > 0xf {
			return Name{}, refuseName(p, reason.NameEscape)
		}
		switch c = hi<<4 | lo; c {
		case '/':
			return Name{}, refuseName(p, reason.NameEncodedSlash)
		case '\\':
			return Name{}, refuseName(p, reason.NameBackslash)
		case 0:
			return Name{}, refuseName(p, reason.NameNUL)
		}
		buf = append(buf, c)
		i += 2
	}
	s := string(buf)
	if r := checkName(s); r != "" {
		return Name{}, refuseName(p, r)
	}
	return Name{s}, nil
}

// unhex maps a hexadecimal digit to its value and any other byte to 0xff.
var unhex = func() (t [256]byte) {
	for i := range t {
		switch c := byte(i); {
		case '0' <= c && c <= '9':
			t[i] = c - '0'
		case 'a' <= c && c <= 'f':
			t[i] = c - 'a' + 10
		case 'A' <= c && c <= 'F':
			t[i] = c - 'A' + 10
		default:
			t[i] = 0xff
		}
	}
	return t
}()

// escapePath percent-encodes everything except RFC 3986's unreserved characters and the
// slash. The result is safe in a path, in a Location header and in HTML.
func escapePath(s string) string {
	n := 0
	for i := 0; i < len(s); i++ {
		if !unreserved(s[i]) {
			n++
		}
	}
	if n == 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 2*n)
	for i := 0; i < len(s); i++ {
		if c := s[i]; unreserved(c) {
			b.WriteByte(c)
		} else {
			const digits = "0123456789ABCDEF"
			b.Write([]byte{'%', digits[c>>4], digits[c&0xf]})
		}
	}
	return b.String()
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~' || c == '/'
}
