// Package mediatype determines the media type of an object, the types of untrusted
// content that a browser may display, and whether content can be of a type.
package mediatype

import (
	"net/http"
	"strings"
)

// ByName returns the Content-Type of an object called base, as a header value. It comes
// from a table in this package: not from the content, which an untrusted writer
// controls, and not from the system's tables, which differ between machines.
func ByName(base string) []string {
	i := strings.LastIndexByte(base, '.')
	if i < 0 || len(base)-i > 16 {
		return OctetStream
	}
	var lower [16]byte
	ext := lower[:0]
	for _, c := range []byte(base[i+1:]) {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		ext = append(ext, c)
	}
	if t, ok := types[string(ext)]; ok {
		return t
	}
	return OctetStream
}

// OctetStream is the default type.
var OctetStream = []string{"application/octet-stream"}

// IsSVGZ reports whether base is a compressed SVG, which browsers only show with a
// Content-Encoding.
func IsSVGZ(base string) bool {
	i := len(base) - len(".svgz")
	return i >= 0 && strings.EqualFold(base[i:], ".svgz")
}

// SafeInline reports whether a browser may show untrusted content of this type: none of
// these types can run a script.
func SafeInline(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	switch media {
	case "text/plain",
		"image/png", "image/apng", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp",
		"image/vnd.microsoft.icon":
		return true
	}
	return strings.HasPrefix(media, "audio/") || strings.HasPrefix(media, "video/")
}

// OfUpload returns the media type under which a file is stored: by its name, else by its
// first bytes, if that type is safe to show. The Content-Type of the client is ignored.
func OfUpload(filename string, head []byte) string {
	if t := ByName(filename)[0]; t != OctetStream[0] {
		return t
	}
	if t := http.DetectContentType(head); SafeInline(t) {
		return t
	}
	return OctetStream[0]
}
