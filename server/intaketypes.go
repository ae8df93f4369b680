package server

import (
	"fmt"
	"mime"
	"path"
	"slices"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// sniffBytes is how much of a body its type is judged by: what mimetype looks at.
const sniffBytes = 4 << 10

// Types is a set of media types. The zero Types holds all.
type Types struct{ patterns []string }

// ParseTypes returns the set of the types that match a pattern: "image/png", or
// "image/*" for all of one kind. Case does not count. Without any pattern it is all
// types.
func ParseTypes(patterns ...string) (Types, error) {
	var t Types
	for _, p := range patterns {
		kind, sub, ok := strings.Cut(p, "/")
		if !ok || !isToken(kind) || sub != "*" && !isToken(sub) {
			return Types{}, fmt.Errorf("%q is no media type: write type/subtype such as image/png, or image/* for all of a kind", p)
		}
		t.patterns = append(t.patterns, strings.ToLower(p))
	}
	return t, nil
}

// isToken reports whether s is a token as RFC 9110 section 5.6.2 has it, but for
// the asterisk.
func isToken(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"(),/:;<=>?@[\\]{}*", c) >= 0 {
			return false
		}
	}
	return s != ""
}

// String returns the patterns, "*/*" for all types.
func (t Types) String() string {
	if t.patterns == nil {
		return "*/*"
	}
	return strings.Join(t.patterns, ", ")
}

// has reports whether the type media, which may have parameters, is in t under any
// of the names that it goes by.
func (t Types) has(media string) bool {
	if t.patterns == nil {
		return true
	}
	media = bareType(media)
	known := mimetype.Lookup(media)
	return slices.ContainsFunc(t.patterns, func(p string) bool {
		kind, all := strings.CutSuffix(p, "*")
		if all {
			return strings.HasPrefix(media, kind)
		}
		return p == media || known != nil && known.Is(p)
	})
}

// hasName reports whether what is called filename may hold one of the types: what it
// would be served as.
func (t Types) hasName(filename string) bool { return t.has(typeOf(filename)[0]) }

// judge reports whether content that begins with head may be stored under filename:
// both have to be of a type in t. Content that could be many things, such as plain
// text or a zip, is what its name says it is, if it can be that.
func (t Types) judge(filename string, head []byte) bool {
	if t.patterns == nil {
		return true
	}
	if !t.hasName(filename) {
		return false
	}
	content := mimetype.Detect(head)
	if t.has(content.String()) {
		return true
	}
	named := bareType(typeOf(filename)[0])
	if ext := content.Extension(); ext != "" && strings.EqualFold(ext, path.Ext(filename)) {
		return true
	}
	if isPlain(content) && isTextual(named) {
		return true
	}
	known := mimetype.Lookup(named)
	if known == nil {
		return false
	}
	for up := known.Parent(); up != nil && up.Parent() != nil; up = up.Parent() {
		if content.Is(up.String()) {
			return true
		}
	}
	return false
}

// isPlain reports whether content is text without a form, or with one that many
// texts have by chance and that nothing runs.
func isPlain(content *mimetype.MIME) bool {
	return slices.ContainsFunc([]string{
		"text/plain", "text/csv", "text/tab-separated-values", "application/json", "application/x-ndjson",
	}, content.Is)
}

// isTextual reports whether what is of the type media can look like plain text.
func isTextual(media string) bool {
	switch media {
	case "application/json", "application/jsonl", "application/x-ndjson", "application/xml", "application/xml-dtd",
		"application/yaml", "application/toml", "application/x-tex", "application/x-bibtex", "application/x-pem-file":
		return true
	}
	return strings.HasPrefix(media, "text/") || strings.HasSuffix(media, "+json") || strings.HasSuffix(media, "+xml")
}

// bareType returns media in lower case and without parameters.
func bareType(media string) string {
	bare, _, err := mime.ParseMediaType(media)
	if err != nil {
		return ""
	}
	return bare
}
