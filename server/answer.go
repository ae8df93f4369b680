package server

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

var (
	noSniff   = []string{"nosniff"}
	noStore   = []string{"no-store"}
	plainText = []string{"text/plain; charset=utf-8"}

	zeroLength = []string{"0"}
)

// fixed answers with a fixed text, or a page that contains it, which must not be cached.
func (x *exchange) fixed(status int, text string) {
	if x.report != nil && x.sendReport(status) || x.form && x.failurePage(status, text) {
		return
	}
	x.Header()["Cache-Control"] = noStore
	x.text(status, text)
}

// text answers with a fixed text.
func (x *exchange) text(status int, text string) {
	h := x.Header()
	h["Content-Type"] = plainText
	h["X-Content-Type-Options"] = noSniff
	h["Content-Length"] = []string{strconv.Itoa(len(text))}
	x.WriteHeader(status)
	if x.r.Method != http.MethodHead {
		x.Write([]byte(text)) // if the client is gone, nobody is left to tell
	}
}

// redirect answers with the URL of another page.
func (x *exchange) redirect(status int, location string, cacheControl []string) {
	x.Header()["Location"] = []string{location}
	x.sendEmpty(status, cacheControl)
}

// sendEmpty answers without a body.
func (x *exchange) sendEmpty(status int, cacheControl []string) {
	h := x.Header()
	h["Cache-Control"] = cacheControl
	h["X-Content-Type-Options"] = noSniff
	if status != http.StatusNoContent {
		h["Content-Length"] = zeroLength
	}
	x.WriteHeader(status)
}

// sendAll sends a whole body.
func (x *exchange) sendAll(status int, body []byte) {
	x.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.WriteHeader(status)
	if x.r.Method != http.MethodHead {
		x.writeAll(body)
	}
}

// answerAbout answers a read with 304, 412 or 416: what err says about the object that
// info describes. It reports false if err says nothing about it.
func (x *exchange) answerAbout(err error, info *vfs.Info, pres *presentation) bool {
	switch {
	case errors.Is(err, vfs.ErrNotModified):
		x.validators(info, pres)
		for _, key := range [...]string{"Content-Location", "Expires"} { // RFC 9110 section 15.4.5
			if v := x.objectHeaders[key]; v != nil {
				x.Header()[key] = v
			}
		}
		x.WriteHeader(http.StatusNotModified)
	case errors.Is(err, vfs.ErrPrecondition):
		x.validators(info, pres)
		x.noSharedCaching()
		x.text(http.StatusPreconditionFailed, textPrecondition)
	case errors.Is(err, vfs.ErrRange):
		x.validators(info, pres)
		x.noSharedCaching()
		x.Header()["Content-Range"] = []string{"bytes */" + strconv.FormatInt(info.Size, 10)}
		x.text(http.StatusRequestedRangeNotSatisfiable, "range not satisfiable\n")
	default:
		return false
	}
	return true
}
