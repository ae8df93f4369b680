package server

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// The reasons why a body was not taken in. Names have no part in them.
const (
	ReasonCrossOrigin    vfs.Reason = "request.cross_origin" // a browser sent it from another site's page
	ReasonIntakeEncoding vfs.Reason = "intake.encoding"      // a Content-Encoding
	ReasonIntakeRange    vfs.Reason = "intake.range"         // a Content-Range
	ReasonIntakeTooLarge vfs.Reason = "intake.too_large"     // over Intake.MaxBytes
	ReasonIntakeType     vfs.Reason = "intake.type"          // by name or content none of Intake.Types
	ReasonIntakeBusy     vfs.Reason = "intake.busy"          // all Intake.Slots are taken
	ReasonIntakeRejected vfs.Reason = "intake.rejected"      // the Inspector said no
	ReasonIntakeFailed   vfs.Reason = "intake.failed"        // the Inspector, or the room for what it sees, failed
	ReasonClientSlow     vfs.Reason = "client.slow"          // over Intake.Timeout or Intake.Idle
	ReasonClientBody     vfs.Reason = "client.body"          // the body is malformed
	ReasonFull           vfs.Reason = "backend.full"         // no room
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
	denyEncoding = &denial{http.StatusUnsupportedMediaType, textCoded, ReasonIntakeEncoding}
	denyRange    = &denial{http.StatusBadRequest, textPartialPut, ReasonIntakeRange}
	denyTooLarge = &denial{http.StatusRequestEntityTooLarge, textTooLarge, ReasonIntakeTooLarge}
	denyType     = &denial{http.StatusUnsupportedMediaType, textType, ReasonIntakeType}
	denyBusy     = &denial{http.StatusServiceUnavailable, textUnavailable, ReasonIntakeBusy}
	denyRejected = &denial{http.StatusUnprocessableEntity, textRejected, ReasonIntakeRejected}
	denyFailed   = &denial{http.StatusServiceUnavailable, textUnavailable, ReasonIntakeFailed}
	denySlow     = &denial{http.StatusRequestTimeout, textSlow, ReasonClientSlow}
	denyBody     = &denial{http.StatusBadRequest, textBadBody, ReasonClientBody}
	denyFull     = &denial{http.StatusInsufficientStorage, textFull, ReasonFull}
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
	x.attempt.Verdict, x.attempt.Reason = Refused, d.reason
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
		x.attempt.Verdict = Failed
	}
	x.fixed(d.status, d.text)
}

var closeConnection = []string{"close"}

// gone ends an exchange whose client went away: nobody is left to answer.
func (x *exchange) gone() {
	x.attempt.Reason = ReasonCanceled
	panic(http.ErrAbortHandler)
}
