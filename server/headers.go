package server

import (
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A look says how an object is presented: what its headers need that the object
// itself does not say. Header values are kept as the slices that go into the
// header map, so that a request shares them and allocates none.
type look struct {
	contentType  []string
	encoding     []string // Content-Encoding
	cacheControl []string
	vary         []string
	disposition  []string
	sandbox      bool // content of other people
}

// look returns how name is presented under its own type.
func (h *handler) look(x *exchange, name vfs.Name, vary []string) look {
	base := name.Base()
	lk := look{
		contentType:  typeOf(base),
		cacheControl: x.keep(name, h.cacheControl),
		vary:         vary,
		sandbox:      h.untrusted,
	}
	if x.link.DownloadName != "" {
		lk.disposition = []string{disposition("attachment", x.link.DownloadName)}
	} else if h.untrusted && !h.showsInline(lk.contentType[0]) {
		lk.disposition = []string{disposition("attachment", base)}
	} else if isSVGZ(base) {
		lk.encoding = gzipEncoding
	}
	return lk
}

// showsInline reports whether a browser may show untrusted content of this type.
func (h *handler) showsInline(contentType string) bool {
	if showsInline(contentType) || h.cfg.Inline.patterns == nil {
		return showsInline(contentType)
	}
	media, _, _ := strings.Cut(contentType, ";")
	return h.cfg.Inline.has(media)
}

var (
	acceptBytes  = []string{"bytes"}
	gzipEncoding = []string{"gzip"}
	sameOrigin   = []string{"same-origin"}
	sandboxCSP   = []string{"default-src 'none'; sandbox"}
	noCache      = []string{"no-cache"}
)

// cacheControl returns the Cache-Control for objects that may be kept for age.
func cacheControl(age time.Duration) []string {
	if age < time.Second {
		return noCache
	}
	return []string{"public, max-age=" + strconv.FormatInt(int64(age/time.Second), 10)}
}

// varyOn returns the Vary of answers that depend on these.
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

// send answers with the object, or the part of it that was asked for, and
// closes it.
func (x *exchange) send(obj *vfs.Object, lk *look) {
	defer obj.Body.Close()
	x.attempt.Rule = obj.Rule
	if obj.Location != "" {
		x.redirectTo(obj.Location)
		return
	}
	status := http.StatusOK
	if obj.Span.Partial {
		status = http.StatusPartialContent
	}
	x.describe(obj, lk)
	x.WriteHeader(status)
	if x.r.Method != http.MethodHead && obj.Span.Length > 0 {
		x.sendBody(obj)
	}
}

// describe sets the headers of an object that is sent.
func (x *exchange) describe(obj *vfs.Object, lk *look) {
	// All values that differ from object to object lie in one string, and the
	// slices that the header map holds in one array.
	var buf [256]byte
	b := appendETag(buf[:0], &obj.Info)
	endTag := len(b)
	b = appendLastModified(b, &obj.Info)
	endTime := len(b)
	b = strconv.AppendInt(b, obj.Span.Length, 10)
	endLength := len(b)
	if obj.Span.Partial {
		b = appendContentRange(b, obj.Span, obj.Info.Size)
	}
	all := string(b)
	vals := &[4]string{all[:endTag], all[endTag:endTime], all[endTime:endLength], all[endLength:]}

	h := x.Header()
	maps.Copy(h, x.aside)
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
	h["Cache-Control"] = lk.cacheControl
	h["Content-Type"] = lk.contentType
	h["X-Content-Type-Options"] = noSniff
	x.addVary(lk.vary)
	if lk.encoding != nil {
		h["Content-Encoding"] = lk.encoding
	} else if enc := storedEncoding(obj.Info.Encoding); enc != nil {
		h["Content-Encoding"] = enc
	}
	if lk.disposition != nil {
		h["Content-Disposition"] = lk.disposition
	}
	if lk.sandbox {
		h["Content-Security-Policy"] = sandboxCSP
		h["Cross-Origin-Resource-Policy"] = sameOrigin
	}
}

// validators sets the headers of an answer that speaks of an object and does
// not send it: 304, 412, 416.
func (x *exchange) validators(info *vfs.Info, lk *look) {
	h := x.Header()
	if tag := appendETag(nil, info); tag != nil {
		h["Etag"] = []string{string(tag)}
	} else if t := appendLastModified(nil, info); t != nil {
		h["Last-Modified"] = []string{string(t)}
	}
	h["Cache-Control"] = lk.cacheControl
	h["X-Content-Type-Options"] = noSniff
	x.addVary(lk.vary)
}

// appendETag appends the strong ETag of an object, or nothing.
func appendETag(b []byte, info *vfs.Info) []byte {
	if info.ETag == "" {
		return b
	}
	b = append(b, '"')
	b = append(b, info.ETag...)
	return append(b, '"')
}

// appendLastModified appends the time of an object as HTTP writes it, or nothing
// where it has none. It does what AppendFormat(b, http.TimeFormat) would, in a third
// of the time.
func appendLastModified(b []byte, info *vfs.Info) []byte {
	t, ok := info.LastModified()
	if !ok {
		return b
	}
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	if year < 1000 || year > 9999 {
		return t.AppendFormat(b, http.TimeFormat)
	}
	b = append(b, t.Weekday().String()[:3]...)
	b = append(b, ',', ' ', digit(day/10), digit(day), ' ')
	b = append(b, month.String()[:3]...)
	b = append(b, ' ', digit(year/1000), digit(year/100), digit(year/10), digit(year), ' ',
		digit(hour/10), digit(hour), ':', digit(minute/10), digit(minute), ':', digit(second/10), digit(second))
	return append(b, " GMT"...)
}

// digit returns the last decimal digit of n.
func digit(n int) byte { return byte('0' + n%10) }

func appendContentRange(b []byte, span vfs.Span, size int64) []byte {
	b = append(b, "bytes "...)
	b = strconv.AppendInt(b, span.Offset, 10)
	b = append(b, '-')
	b = strconv.AppendInt(b, span.Offset+span.Length-1, 10)
	b = append(b, '/')
	return strconv.AppendInt(b, size, 10)
}
