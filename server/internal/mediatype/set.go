package mediatype

import (
	"fmt"
	"mime"
	"path"
	"slices"
	"strings"

	"github.com/gabriel-vasile/mimetype"

	"github.com/bailiwick-fs/bailiwick/server/internal/httpheader"
)

// SniffBytes is the number of bytes by which content is recognized: what mimetype reads.
const SniffBytes = 4 << 10

// A Set is a set of media types. The zero Set contains all types.
type Set struct{ patterns []string }

// ParseSet returns the set of types that match one of the patterns: "image/png", or
// "image/*" for all types of a kind. Patterns ignore case. Without patterns, the set
// contains all types.
func ParseSet(patterns ...string) (Set, error) {
	var s Set
	for _, p := range patterns {
		kind, sub, ok := strings.Cut(p, "/")
		if !ok || !httpheader.IsToken(kind) || sub != "*" && !httpheader.IsToken(sub) {
			return Set{}, fmt.Errorf("%q is not a media type: write type/subtype such as image/png, or image/* for all of a kind", p)
		}
		s.patterns = append(s.patterns, strings.ToLower(p))
	}
	return s, nil
}

// String returns the patterns, "*/*" for all types.
func (s Set) String() string {
	if s.patterns == nil {
		return "*/*"
	}
	return strings.Join(s.patterns, ", ")
}

// IsZero reports whether s is the zero Set.
func (s Set) IsZero() bool { return s.patterns == nil }

// Has reports whether the type media, which may have parameters, is in s by one of its
// names.
func (s Set) Has(media string) bool {
	if s.patterns == nil {
		return true
	}
	media = bareType(media)
	known := mimetype.Lookup(media)
	return slices.ContainsFunc(s.patterns, func(p string) bool {
		kind, all := strings.CutSuffix(p, "*")
		if all {
			return strings.HasPrefix(media, kind)
		}
		return p == media || known != nil && known.Is(p)
	})
}

// HasName reports whether the type by which filename is served is in s.
func (s Set) HasName(filename string) bool { return s.Has(ByName(filename)[0]) }

// Accepts reports whether content that begins with head may be stored under filename: the
// types of both must be in s. For content that several types share, such as plain text or
// zip, the name decides, if the content can be of that type.
func (s Set) Accepts(filename string, head []byte) bool {
	if s.patterns == nil {
		return true
	}
	if !s.HasName(filename) {
		return false
	}
	content := mimetype.Detect(head)
	if s.Has(content.String()) {
		return true
	}
	named := bareType(ByName(filename)[0])
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

// isPlain reports whether content is plain text, or of a text format that other texts may
// match by chance and that nothing executes.
func isPlain(content *mimetype.MIME) bool {
	return slices.ContainsFunc([]string{
		"text/plain", "text/csv", "text/tab-separated-values", "application/json", "application/x-ndjson",
	}, content.Is)
}

// isTextual reports whether content of the type media can look like plain text.
func isTextual(media string) bool {
	switch media {
	case "application/json", "application/jsonl", "application/x-ndjson", "application/xml", "application/xml-dtd",
		"application/yaml", "application/toml", "application/x-tex", "application/x-bibtex", "application/x-pem-file":
		return true
	}
	return strings.HasPrefix(media, "text/") || strings.HasSuffix(media, "+json") || strings.HasSuffix(media, "+xml")
}

// bareType returns media in lower case without parameters.
func bareType(media string) string {
	bare, _, err := mime.ParseMediaType(media)
	if err != nil {
		return ""
	}
	return bare
}
