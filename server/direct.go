package server

import (
	"net/http"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/internal/httpheader"
	"github.com/bailiwick-fs/bailiwick/server/internal/mediatype"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// direct returns how the store itself should serve the object called base, with the
// presentation pres. It returns the zero Direct if this server must send the bytes.
func (x *exchange) direct(base string, pres *presentation) vfs.Direct {
	// A URL of the store cannot set a Content-Encoding, and a URL for GET does not answer
	// HEAD.
	if x.link.ID == "" || x.auth.Redirect <= 0 || x.r.Method != http.MethodGet || pres.encoding != nil {
		return vfs.Direct{}
	}
	// The URL must not permit more than the link, and its uses cannot be counted.
	if x.link.Uses > 0 {
		return vfs.Direct{}
	}
	d := vfs.Direct{
		For:                x.auth.Redirect,
		Until:              x.link.Expires,
		ContentType:        pres.contentType[0],
		ContentDisposition: "inline",
		CacheControl:       privateNoStore[0],
	}
	if pres.disposition != nil {
		d.ContentDisposition = pres.disposition[0]
	}
	// The store does not send the sandbox headers.
	if !mediatype.SafeInline(d.ContentType) && !strings.HasPrefix(d.ContentDisposition, "attachment") {
		d.ContentDisposition = httpheader.FormatDisposition("attachment", base)
	}
	return d
}

// redirectTo redirects the client to the store's URL for the object. Anyone with that URL
// can read the object.
func (x *exchange) redirectTo(location string) {
	h := x.Header()
	h["Location"] = []string{location}
	h["Cache-Control"] = privateNoStore
	h["Referrer-Policy"] = noReferrer
	x.text(http.StatusTemporaryRedirect, "")
}

var noReferrer = []string{"no-referrer"}
