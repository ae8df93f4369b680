package page

import (
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/internal/mediatype"
)

// The icons of files. Those of the first six kinds have a preview: raster images, audio,
// video, PDF, and text, which is shown as it is written. Web pages and SVG are never shown,
// since they can have scripts.
const (
	kindImage   = "image"
	kindAudio   = "audio"
	kindVideo   = "video"
	kindPDF     = "pdf"
	kindText    = "text"
	kindCode    = "code"
	kindPage    = "page"
	kindArchive = "archive"
	kindFile    = "file"
)

// MaxText bounds the text that a page shows, in bytes.
const MaxText = 1 << 20

// iconOf returns the icon of a media type.
func iconOf(media string) string {
	media, _, _ = strings.Cut(media, ";")
	top, sub, _ := strings.Cut(media, "/")
	switch media {
	case "text/html", "application/xhtml+xml", "image/svg+xml", "multipart/related", "message/rfc822":
		return kindPage
	case "application/pdf":
		return kindPDF
	case "text/plain", "text/markdown", "text/csv", "text/tab-separated-values":
		return kindText
	case "application/json", "application/jsonl", "application/x-ndjson", "application/yaml", "application/toml", "application/javascript":
		return kindCode
	case "application/zip", "application/gzip", "application/zstd", "application/x-tar", "application/x-xz", "application/x-bzip2",
		"application/x-7z-compressed", "application/vnd.rar":
		return kindArchive
	}
	switch {
	case top == "image" && mediatype.SafeInline(media):
		return kindImage
	case top == "audio":
		return kindAudio
	case top == "video":
		return kindVideo
	case top == "text" && !strings.HasSuffix(sub, "xml"):
		return kindCode
	}
	return kindFile
}

// IsText reports whether a page shows files of a media type as text.
func IsText(media string) bool {
	k := iconOf(media)
	return k == kindText || k == kindCode
}

// IsPDF reports whether a page shows files of a media type in a frame.
func IsPDF(media string) bool { return iconOf(media) == kindPDF }
