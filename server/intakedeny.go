package server

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

const (
	textBadBody    = "bad request body\n"
	textSlow       = "request body came too slowly\n"
	textConflict   = "another name differs only in case or normal form\n"
	textTooLarge   = "content too large\n"
	textType       = "unsupported media type\n"
	textUncreated  = "this name cannot be created\n"
	textRejected   = "content rejected\n"
	textFull       = "no space left\n"
	textPartialPut = "a partial PUT is not supported\n"
	textCoded      = "content coding not supported, send the content as it is\n"
)

// A denial says why a body is not taken in, and how that is answered.
type denial struct {
	status int
	text   string
	reason vfs.Reason
}

func (d *denial) Error() string { return "server: " + string(d.reason) }

var (
	denyEncoding = &denial{http.StatusUnsupportedMediaType, textCoded, audit.ReasonIntakeEncoding}
	denyRange    = &denial{http.StatusBadRequest, textPartialPut, audit.ReasonIntakeRange}
	denyTooLarge = &denial{http.StatusRequestEntityTooLarge, textTooLarge, audit.ReasonIntakeTooLarge}
	denyType     = &denial{http.StatusUnsupportedMediaType, textType, audit.ReasonIntakeType}
	denyBusy     = &denial{http.StatusServiceUnavailable, textUnavailable, audit.ReasonIntakeBusy}
	denyRejected = &denial{http.StatusUnprocessableEntity, textRejected, audit.ReasonIntakeRejected}
	denyFailed   = &denial{http.StatusServiceUnavailable, textUnavailable, audit.ReasonIntakeFailed}
	denySlow     = &denial{http.StatusRequestTimeout, textSlow, audit.ReasonClientSlow}
	denyBody     = &denial{http.StatusBadRequest, textBadBody, audit.ReasonClientBody}
	denyFull     = &denial{http.StatusInsufficientStorage, textFull, audit.ReasonFull}
)

// errGone says that the client went away in the middle of its body.
var errGone = errors.New("server: the client went away")

// failIntake answers what was wrong with a body, and reports whether anything was.
func (x *exchange) failIntake(err error) bool {
	var d *denial
	switch {
	case err == nil:
		return false
	case errors.As(err, &d):
		x.deny(d)
		switch d {
		case denyRejected: // which is what an Inspector is for
			x.logAt(slog.LevelInfo, "a body was rejected", err)
		case denyFailed:
			x.log("inspecting a body", err)
		}
	default:
		x.gone()
	}
	return true
}

func (x *exchange) deny(d *denial) {
	x.attempt.Verdict, x.attempt.Reason = audit.Refused, d.reason
	if d == denySlow && x.r.ProtoMajor == 1 {
		// Or net/http would read on for as long as boundRest lets it.
		x.Header()["Connection"] = closeConnection
		x.hasty = true
	}
	switch d.status {
	case http.StatusServiceUnavailable:
		x.Header()["Retry-After"] = retryAfter
		fallthrough
	case http.StatusInsufficientStorage:
		x.attempt.Verdict = audit.Failed
	}
	x.fixed(d.status, d.text)
}

var closeConnection = []string{"close"}

// gone ends an exchange whose client went away: nobody is left to answer.
func (x *exchange) gone() {
	x.attempt.Reason = audit.ReasonCanceled
	panic(http.ErrAbortHandler)
}
