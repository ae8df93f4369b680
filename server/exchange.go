package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// An exchange is one request being answered, and the record of it. It is used
// again after end, so nothing may hold on to it.
type exchange struct {
	responseWriter
	r       *http.Request
	ctx     context.Context // r's, which knows who asks once that is judged
	jail    *vfs.Jail
	rec     audit.Recorder
	logger  *slog.Logger
	attempt audit.Attempt
	allRead bool        // the body of the request, to its end
	aside   http.Header // what was said of an object before, see setAside
	hasty   bool        // the connection is to be closed at once behind the answer

	lingering *Slots // for those who read on behind the answer, nil for none
	brief     bool   // where there is no such slot, nothing of the body is waited for

	auth      *Auth
	opens     opener     // what is open to anyone; nil if that is not known
	op        vfs.Op     // that the request is about
	anonymous bool       // it has no credentials, where some are known
	link      links.Link // that it is; its ID is "" if it is none
	linkUsed  bool       // it was counted
	pace      int64      // bytes a second that the client has to take, 0 for none
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

func begin(w http.ResponseWriter, r *http.Request, jail *vfs.Jail, rec audit.Recorder, logger *slog.Logger) *exchange {
	x := exchanges.Get().(*exchange)
	x.responseWriter = responseWriter{w: w}
	x.r, x.ctx, x.jail, x.rec, x.logger = r, r.Context(), jail, rec, logger
	x.attempt = audit.Attempt{Verdict: audit.Allowed, Principal: anyone}
	x.auth = &noAuth
	x.setAsideHeaders()
	if rec != nil {
		x.attempt.Time = time.Now()
	}
	return x
}

// end is deferred: whatever happened, there is a record of it. It lets no panic
// through but http.ErrAbortHandler, which closes the connection: a body that
// was cut must not look whole.
func (x *exchange) end() {
	v := recover()
	if v != nil {
		x.attempt.Aborted = x.status != 0 || v == http.ErrAbortHandler
		if v != http.ErrAbortHandler {
			x.panicked(v)
		}
	}
	if x.rec != nil {
		x.record()
	}
	x.boundRest()
	abort := v != nil && x.attempt.Aborted
	if !abort {
		x.linger()
	}
	*x = exchange{}
	exchanges.Put(x)
	if abort {
		panic(http.ErrAbortHandler)
	}
}

// panicked answers 500 while that is still possible.
func (x *exchange) panicked(v any) {
	x.attempt.Verdict, x.attempt.Reason = audit.Failed, audit.ReasonPanic
	x.log("panic while serving", fmt.Errorf("%v\n%s", v, debug.Stack()))
	if x.status == 0 {
		x.dropHeaders()
		x.fixed(http.StatusInternalServerError, textInternal)
	}
}

// log tells operators what went wrong, under the id of the request's record.
func (x *exchange) log(msg string, err error) { x.logAt(slog.LevelError, msg, err) }

func (x *exchange) logAt(level slog.Level, msg string, err error) {
	logger := x.logger
	if logger == nil {
		logger = slog.Default()
	}
	if x.attempt.RequestID == (uuid.UUID{}) {
		x.attempt.RequestID = newRequestID(time.Now())
	}
	logger.LogAttrs(x.ctx, level, msg,
		slog.String("request_id", x.attempt.RequestID.String()), slog.String("name", x.attempt.Name.String()), slog.Any("error", cause{err}))
}

// open opens the object name for a GET, and for a HEAD looks at it.
func (x *exchange) open(name vfs.Name, req vfs.Request) (*vfs.Object, error) {
	if x.r.Method != http.MethodHead {
		obj, err := x.jail.Get(x.ctx, name, req)
		if x.link.ID != "" && (err == nil || answersObject(err)) {
			if used := x.useLink(); used != nil {
				if obj != nil {
					obj.Body.Close()
				}
				return nil, used
			}
		}
		return obj, err
	}
	info, err := x.jail.Head(x.ctx, name, req)
	if x.link.ID != "" && (err == nil || answersObject(err)) {
		if spent := x.linkGood(); spent != nil {
			return nil, spent
		}
	}
	if err != nil {
		return nil, err
	}
	return &vfs.Object{Info: info, Span: vfs.Span{Length: info.Size}, Body: http.NoBody}, nil
}

// answersObject reports whether an open that brought no object is answered by what is
// known of it.
func answersObject(err error) bool {
	return errors.Is(err, vfs.ErrNotModified) || errors.Is(err, vfs.ErrPrecondition) || errors.Is(err, vfs.ErrRange)
}

// noAuth is for exchanges without an Auth.
var noAuth Auth
