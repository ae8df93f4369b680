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
	"github.com/bailiwick-fs/bailiwick/server/internal/page"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// An exchange is one request with its response and its record. It is reused after end, so
// nothing may retain it.
type exchange struct {
	responseWriter
	r             *http.Request
	ctx           context.Context // that of r; with the principal once the request is authenticated
	jail          *vfs.Jail
	rec           audit.Recorder
	logger        *slog.Logger
	attempt       audit.Attempt
	part          part          // what the request does with one object
	answer        driver.Answer // of the last open, if there is a record or asks is set
	asks          bool          // the answer decides
	allRead       bool          // the body of the request was read to its end
	objectHeaders http.Header   // headers of middleware that describe an object, see removeObjectHeaders
	closeAtOnce   bool          // close the connection directly after the response

	lingering   *Slots     // bounds the requests that linger; nil for none
	report      *report    // of the files of a form, instead of a fixed text; nil for none
	site        *page.Site // the look of the page that answers a form; nil for a plain one
	below       []Below    // where the page leads
	form        bool       // the request is a browser's form, answered by an HTML page
	closeIfFull bool       // without a lingering slot, do not wait for the body at all

	auth      *Auth
	opens     opener       // which operations are open to anyone; nil if unknown
	op        vfs.Op       // the operation of the request
	anonymous bool         // the request has no credentials, but the handler accepts some
	renewal   string       // a Set-Cookie that renews the caller's credentials
	renewed   time.Time    // when renewal was made
	notFound  *refusalPage // nil for a fixed text
	link      links.Link   // the signed link used; its ID is "" if none was
	linkUsed  bool         // the use of the link has been counted
	pace      pace
	held      int64 // bytes of memory, see hold

	share *sharing // the share used, nil for none
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

func begin(w http.ResponseWriter, r *http.Request, jail *vfs.Jail, rec audit.Recorder, logger *slog.Logger) *exchange {
	x := exchanges.Get().(*exchange)
	x.responseWriter = responseWriter{w: w}
	x.r, x.ctx, x.jail, x.rec, x.logger = r, r.Context(), jail, rec, logger
	x.attempt = audit.Attempt{Verdict: audit.Allowed, Principal: anyone}
	x.auth = &noAuth
	x.removeObjectHeaders()
	if rec != nil {
		x.attempt.Time = time.Now()
	}
	return x
}

// end is deferred, so that every request is recorded. It turns a panic into a response, or
// into http.ErrAbortHandler, which closes the connection: a truncated body must not look
// complete.
func (x *exchange) end() {
	v := recover()
	if v != nil {
		x.attempt.Aborted = x.status != 0 || v == http.ErrAbortHandler
		if v != http.ErrAbortHandler {
			x.panicked(v)
		}
	}
	if x.rec != nil {
		x.endPart()
		x.record()
	}
	x.release()
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

// panicked answers 500 if the response has not begun.
func (x *exchange) panicked(v any) {
	x.attempt.Verdict, x.attempt.Reason = audit.Failed, audit.ReasonPanic
	x.log("panic while serving", fmt.Errorf("%v\n%s", v, debug.Stack()))
	if x.status == 0 {
		x.dropHeaders()
		x.fixed(http.StatusInternalServerError, textInternal)
	}
}

// log tells operators what went wrong, with the ID of the request's record.
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

// open opens the object for a GET. For a HEAD it only asks for its metadata. The record
// has how a cache answered the last one, which is for what is sent.
func (x *exchange) open(name vfs.Name, req vfs.Request) (*vfs.Object, error) {
	ctx := x.answered()
	if x.r.Method != http.MethodHead {
		req.Descriptor = connOf(x.ctx, x.r.ProtoMajor) != nil
		obj, err := x.jail.Get(ctx, name, req)
		if err == nil {
			if err := x.useShare(); err != nil {
				obj.Body.Close()
				return nil, err
			}
		}
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
	info, err := x.jail.Head(ctx, name, req)
	if x.link.ID != "" && (err == nil || answersObject(err)) {
		if err := x.linkGood(); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	return &vfs.Object{Info: info, Span: vfs.Span{Length: info.Size}, Body: http.NoBody}, nil
}

// answered returns a context in which a backend says how it answers, if anything needs that.
func (x *exchange) answered() context.Context {
	if x.rec == nil && !x.asks {
		return x.ctx
	}
	x.answer = driver.Answer{}
	return driver.WithAnswer(x.ctx, &x.answer)
}

// answersObject reports whether the response to the error of an open describes the object.
func answersObject(err error) bool {
	return errors.Is(err, vfs.ErrNotModified) || errors.Is(err, vfs.ErrPrecondition) || errors.Is(err, vfs.ErrRange)
}

// noAuth is for exchanges without an Auth.
var noAuth Auth
