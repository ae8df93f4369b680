package server

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// The texts of answers that are no object. They are fixed: an error's own text
// could hold a path, a bucket or a reason.
const (
	textNotFound     = "not found\n"
	textMethod       = "method not allowed\n"
	textPrecondition = "precondition failed\n"
	textRange        = "range not satisfiable\n"
	textInternal     = "internal error\n"
	textUnavailable  = "temporarily unavailable, try again later\n"
)

// refuse is the one answer to a name that is missing, hidden, refused,
// malformed, special, or a directory. Nothing in it depends on which.
func (x *exchange) refuse(err error) {
	var e *vfs.Error
	if errors.As(err, &e) {
		x.attempt.Reason, x.attempt.Rule = e.Reason, e.Rule
	}
	if x.shouldChallenge() {
		x.unauthorized(audit.ReasonRequired)
		return
	}
	// What is allowed and simply not there is allowed for explain, too.
	if x.attempt.Reason != reason.Missing {
		x.attempt.Verdict = audit.Refused
	}
	x.fixed(http.StatusNotFound, textNotFound)
}

// unavailable answers a backend that failed. The client may try again, unless the
// backend would fail again; what went wrong is for the log.
func (x *exchange) unavailable(err error) {
	var e *vfs.Error
	if errors.As(err, &e) {
		x.attempt.Rule = e.Rule
	}
	x.attempt.Verdict, x.attempt.Reason = audit.Failed, failure(err)
	if x.attempt.Reason == audit.ReasonCanceled {
		x.attempt.Aborted = true
	} else {
		x.log("backend failed", err)
	}
	if errors.Is(err, vfs.ErrFailed) || errors.Is(err, vfs.ErrUnsupported) {
		x.fixed(http.StatusInternalServerError, textInternal)
		return
	}
	x.Header()["Retry-After"] = retryAfter
	x.fixed(http.StatusServiceUnavailable, textUnavailable)
}

var (
	allowReads  = []string{"GET, HEAD, OPTIONS"}
	allowWrites = []string{"GET, HEAD, OPTIONS, PUT, DELETE"}
	retryAfter  = []string{"5"}
	noSniff     = []string{"nosniff"}
	noStore     = []string{"no-store"}
	plainText   = []string{"text/plain; charset=utf-8"}
	zeroLength  = []string{"0"}
)

// takeMethod reports whether the method reads. It answers the others itself,
// without a look at the name.
func (x *exchange) takeMethod(allow []string) bool {
	x.boundRest()
	switch x.r.Method {
	case http.MethodGet, http.MethodHead:
		return true
	case http.MethodOptions:
		h := x.Header()
		h["Allow"] = allow
		h["X-Content-Type-Options"] = noSniff
		x.WriteHeader(http.StatusNoContent)
		return false
	}
	x.attempt.Verdict, x.attempt.Reason = audit.Refused, audit.ReasonMethod
	x.Header()["Allow"] = allow
	x.fixed(http.StatusMethodNotAllowed, textMethod)
	return false
}

// fixed answers with a fixed text that nobody may keep.
func (x *exchange) fixed(status int, text string) {
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

// notModified answers that the client has the object already.
func (x *exchange) notModified(info *vfs.Info, pres *presentation) {
	x.validators(info, pres)
	for _, key := range [...]string{"Content-Location", "Expires"} { // RFC 9110 section 15.4.5
		if v := x.aside[key]; v != nil {
			x.Header()[key] = v
		}
	}
	x.WriteHeader(http.StatusNotModified)
}

func (x *exchange) preconditionFailed(info *vfs.Info, pres *presentation) {
	x.validators(info, pres)
	x.noSharedCaching()
	x.text(http.StatusPreconditionFailed, textPrecondition)
}

func (x *exchange) rangeNotSatisfiable(info *vfs.Info, pres *presentation) {
	x.validators(info, pres)
	x.noSharedCaching()
	x.Header()["Content-Range"] = []string{"bytes */" + strconv.FormatInt(info.Size, 10)}
	x.text(http.StatusRequestedRangeNotSatisfiable, textRange)
}

// keepAsked makes a cache ask again before it gives others what one client's
// condition or range got: else anybody could put an error in the object's place, for
// as long as the object may be kept.
func (x *exchange) noSharedCaching() {
	if h := x.Header(); strings.HasPrefix(h["Cache-Control"][0], "public") {
		h["Cache-Control"] = noCache
	}
}
