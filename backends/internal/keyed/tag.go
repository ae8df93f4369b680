// Package keyed contains what backends over stores of keys and objects have in common.
package keyed

import "strings"

// OpaqueTag returns an ETag in the form of vfs.Info, "" if it is weak or malformed.
func OpaqueTag(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return ""
	}
	s = s[1 : len(s)-1]
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '"' || r == 0x7f }) {
		return ""
	}
	return s
}
