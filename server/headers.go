package server

import (
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/internal/httpheader"
	"github.com/bailiwick-fs/bailiwick/server/internal/mediatype"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A presentation has the headers of an object that its Info does not determine. Values are
// the slices that go into the header map: requests share them and allocate none.
type presentation struct {
	contentType  []string
	encoding     []string // Content-Encoding
	cacheControl []string // as far as names decide, see cacheControlOf
	vary         []string
	disposition  []string
	sandbox      bool // for untrusted content
}

// present returns the presentation of an object under its own name.
func (h *handler) present(x *exchange, name vfs.Name, vary []string) presentation {
	base := name.Base()
	pres := presentation{
		contentType:  mediatype.ByName(base),
		cacheControl: x.cacheControlFor(name, h.cacheControl),
		vary:         vary,
		sandbox:      h.untrusted,
	}
	if x.link.DownloadName != "" {
		pres.disposition = []string{httpheader.FormatDisposition("attachment", x.link.DownloadName)}
	} else if h.untrusted && !h.showsInline(pres.contentType[0]) {
		pres.disposition = []string{httpheader.FormatDisposition("attachment", base)}
	} else if mediatype.IsSVGZ(base) {
		pres.encoding = gzipEncoding
	}
	return pres
}

// showsInline reports whether a browser may show untrusted content of this type.
func (h *handler) showsInline(contentType string) bool {
	if mediatype.SafeInline(contentType) || h.cfg.Inline.set.IsZero() {
		return mediatype.SafeInline(contentType)
	}
	media, _, _ := strings.Cut(contentType, ";")
	return h.cfg.Inline.set.Has(media)
}

var (
	acceptBytes  = []string{"bytes"}
	gzipEncoding = []string{"gzip"}
	sameOrigin   = []string{"same-origin"}
	sandboxCSP   = []string{"default-src 'none'; sandbox"}
	noCache      = []string{"no-cache"}
)

// varyOn returns the Vary of responses that depend on Accept-Encoding and Accept.
func varyOn(encoding, accept bool) []string {
	switch {
	case encoding && accept:
		return []string{"Accept, Accept-Encoding"}
	case encoding:
		return []string{"Accept-Encoding"}
	case accept:
		return []string{"Accept"}
	}
	return nil
}

// send answers with the object, or with the requested range of it, and closes it.
func (x *exchange) send(obj *vfs.Object, pres *presentation) {
	defer obj.Body.Close()
	x.attempt.Rule = obj.Info.Rule
	if obj.Location != "" {
		x.redirectTo(obj.Location)
		return
	}
	status := http.StatusOK
	if obj.Span.Partial {
		status = http.StatusPartialContent
	}
	x.describe(obj, pres)
	x.WriteHeader(status)
	if x.r.Method != http.MethodHead && obj.Span.Length > 0 {
		x.sendBody(obj)
	}
}

// describe sets the headers of an object that is sent.
func (x *exchange) describe(obj *vfs.Object, pres *presentation) {
	// All values that differ between objects share one string, and their slices one
	// array, to allocate twice per request.
	var buf [256]byte
	b := httpheader.AppendETag(buf[:0], &obj.Info)
	endTag := len(b)
	b = httpheader.AppendLastModified(b, &obj.Info)
	endTime := len(b)
	b = strconv.AppendInt(b, obj.Span.Length, 10)
	endLength := len(b)
	if obj.Span.Partial {
		b = httpheader.AppendContentRange(b, obj.Span, obj.Info.Size)
	}
	all := string(b)
	vals := &[4]string{all[:endTag], all[endTag:endTime], all[endTime:endLength], all[endLength:]}

	h := x.Header()
	maps.Copy(h, x.objectHeaders)
	if endTag > 0 {
		h["Etag"] = vals[0:1:1]
	}
	if endTime > endTag {
		h["Last-Modified"] = vals[1:2:2]
	}
	h["Content-Length"] = vals[2:3:3]
	if obj.Span.Partial {
		h["Content-Range"] = vals[3:4:4]
	}
	h["Accept-Ranges"] = acceptBytes
	h["Cache-Control"] = x.cacheControlOf(&obj.Info, pres.cacheControl)
	h["Content-Type"] = pres.contentType
	h["X-Content-Type-Options"] = noSniff
	x.addVary(pres.vary)
	if pres.encoding != nil {
		h["Content-Encoding"] = pres.encoding
	} else if enc := storedEncoding(obj.Info.Encoding); enc != nil {
		h["Content-Encoding"] = enc
	}
	if pres.disposition != nil {
		h["Content-Disposition"] = pres.disposition
	}
	if pres.sandbox {
		h["Content-Security-Policy"] = sandboxCSP
		h["Cross-Origin-Resource-Policy"] = sameOrigin
	}
}

// setETag sets the ETag of the object that info describes, if it has one.
func (x *exchange) setETag(info *vfs.Info) {
	if tag := httpheader.AppendETag(nil, info); tag != nil {
		x.Header()["Etag"] = []string{string(tag)}
	}
}

// validators sets the headers of a response about an object without its body: 304, 412, 416.
func (x *exchange) validators(info *vfs.Info, pres *presentation) {
	h := x.Header()
	if tag := httpheader.AppendETag(nil, info); tag != nil {
		h["Etag"] = []string{string(tag)}
	} else if t := httpheader.AppendLastModified(nil, info); t != nil {
		h["Last-Modified"] = []string{string(t)}
	}
	h["Cache-Control"] = x.cacheControlOf(info, pres.cacheControl)
	h["X-Content-Type-Options"] = noSniff
	x.addVary(pres.vary)
}
