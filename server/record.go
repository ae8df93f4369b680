package server

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// anyone is the principal of a request without credentials, in records.
var anyone = auth.Principal{}.String()

// record completes the attempt and passes it to the Recorder.
func (x *exchange) record() {
	a := &x.attempt
	if a.Method == "" {
		a.Method = x.r.Method
	}
	x.describeRequest(a)
	a.Status, a.Bytes = x.status, x.bytes
	a.Duration = time.Since(a.Time)
	x.rec.Record(a)
}

// A part is what a request does with one object in dir, as one with that method would. The zero part
// is none.
type part struct {
	dir    vfs.Name
	method string
}

// endPart records the part of the request, which ended as the request did: also by a panic. The
// request itself has another record.
func (x *exchange) endPart() {
	if x.part.method == "" {
		return
	}
	a := x.attempt
	a.Method, a.Status = x.part.method, x.status
	x.recordPart(&a)
	x.attempt.Name, x.attempt.To = x.part.dir, vfs.Name{}
}

// recordPart records what the request has done with one of several objects.
func (x *exchange) recordPart(a *audit.Attempt) {
	if x.rec == nil {
		return
	}
	a.Part = true
	a.Time, a.RequestID, a.Principal = x.attempt.Time, x.requestID(), x.attempt.Principal
	a.Share = x.attempt.Share
	x.describeRequest(a)
	a.Duration = time.Since(a.Time)
	x.rec.Record(a)
}

// recordStored records that one of several files of the request was stored, as a PUT of it.
func (x *exchange) recordStored(n vfs.Name, w *vfs.Written, status int, received int64) {
	x.recordPart(&audit.Attempt{Method: http.MethodPut, Name: n, Verdict: audit.Allowed, Rule: w.Info.Rule, Status: status, Received: received})
}

// requestID returns the ID of the record, which it makes first.
func (x *exchange) requestID() uuid.UUID {
	if x.attempt.RequestID == (uuid.UUID{}) {
		x.attempt.RequestID = newRequestID(x.attempt.Time)
	}
	return x.attempt.RequestID
}

// describeRequest adds what all records of a request have in common.
func (x *exchange) describeRequest(a *audit.Attempt) {
	a.RequestID = x.requestID()
	a.Remote = host(x.r.RemoteAddr)
	a.Raw = loggedTarget(x.r)
	if x.jail != nil {
		a.Backend = x.jail.Caps().Kind
	}
	a.Cache = x.answer.Cache
	if a.Reason == audit.ReasonCanceled && errors.Is(context.Cause(x.r.Context()), ErrShutdown) {
		a.Reason = audit.ReasonShutdown
	}
}

// newRequestID returns a UUID of version 7. It is not secret, so its random bits come
// from the cheapest source.
func newRequestID(now time.Time) (id uuid.UUID) {
	binary.BigEndian.PutUint64(id[:8], uint64(now.UnixMilli())<<16|0x7000|rand.Uint64()>>52)
	binary.BigEndian.PutUint64(id[8:], 0x8000<<48|rand.Uint64()>>2)
	return id
}

// host returns a remote address without its port.
func host(addr string) string {
	i := strings.LastIndexByte(addr, ':')
	if i < 0 {
		return addr
	}
	return strings.TrimSuffix(strings.TrimPrefix(addr[:i], "["), "]")
}

// ErrShutdown is a cancel cause for programs that shut down: if the contexts of running
// requests are canceled with it, their records have [audit.ReasonShutdown]. See
// [context.WithCancelCause] and the BaseContext of [http.Server].
var ErrShutdown = errors.New("server: shutting down")

// Unfinished returns the record of a request whose handler has not returned when the
// program exits. How much of the response was sent, and whether a change was made, is
// unknown: the record is aborted and has no status.
func Unfinished(r *http.Request, began time.Time) *audit.Attempt {
	return &audit.Attempt{
		Time:      began,
		RequestID: newRequestID(began),
		Remote:    host(r.RemoteAddr),
		Method:    r.Method,
		Raw:       loggedTarget(r),
		Principal: anyone,
		Verdict:   audit.Failed,
		Reason:    audit.ReasonShutdown,
		Aborted:   true,
		Duration:  time.Since(began),
	}
}
