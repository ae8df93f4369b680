package httpheader

import "strings"

// CleanValue removes control characters from s, so that it is a safe header value.
func CleanValue(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

// CleanTag encodes s if it is not valid between the quotes of an entity tag.
func CleanTag(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c == '"' || c == 0x7f {
			return percentEncode(s)
		}
	}
	return s
}

// IsToken reports whether s is a token (RFC 9110 section 5.6.2) without an asterisk.
func IsToken(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"(),/:;<=>?@[\\]{}*", c) >= 0 {
			return false
		}
	}
	return s != ""
}
