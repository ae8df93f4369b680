package server

import (
	"net/http"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/internal/httpheader"
	"github.com/bailiwick-fs/bailiwick/server/internal/mediatype"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// direct returns how the store itself is to give an object called base, presented as pres
// says, to the client; the zero Direct where its bytes go through here.
func (x *exchange) direct(base string, pres *presentation) vfs.Direct {
	// A store is not told codings, and a URL for GET does not answer a HEAD.
	if x.link.ID == "" || x.auth.Redirect <= 0 || x.r.Method != http.MethodGet || pres.encoding != nil {
		return vfs.Direct{}
	}
	// What a link is exchanged for must not be good for more than the link: nobody counts
	// how often a store's URL is used.
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
	// The store sends no sandbox along.
	if !mediatype.SafeInline(d.ContentType) && !strings.HasPrefix(d.ContentDisposition, "attachment") {
		d.ContentDisposition = httpheader.FormatDisposition("attachment", base)
	}
	return d
}

// redirectTo sends the client to where the store itself gives the object. The location
// is as good as the object.
func (x *exchange) redirectTo(location string) {
	h := x.Header()
	h["Location"] = []string{location}
	h["Cache-Control"] = privateNoStore
	h["Referrer-Policy"] = noReferrer
	x.text(http.StatusTemporaryRedirect, "")
}

var noReferrer = []string{"no-referrer"}
