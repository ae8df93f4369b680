package server

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// An Attempt is the record of one request, whatever came of it.
type Attempt struct {
	Time      time.Time // when it came
	RequestID uuid.UUID // version 7
	Remote    string    // the peer's address, without its port; from a header only if Limits trust the peer
	Method    string
	// Raw is the request target as it was sent, without its query, and with "***" in the
	// place of a user and a password; not made safe for printing.
	Raw       string
	Name      vfs.Name   // zero if the target makes no name, or was not looked at
	Principal string     // who asked
	Verdict   Verdict    //
	Reason    vfs.Reason // why it was refused or failed, "" if neither
	Rule      string     // the pattern that decided, if one did
	Backend   string     // the backend's kind
	Status    int        // of the answer; 0 if there was none
	Bytes     int64      // of the body, as given to the connection
	Received  int64      // bytes of the request's body that were read
	Aborted   bool       // the answer was cut: the backend failed in the middle, or the client went away
	Duration  time.Duration
}

// A Verdict says what came of a request.
type Verdict string

const (
	// Allowed: the name may be read. It may still be missing (Reason), or the
	// client may have it already (Status).
	Allowed Verdict = "allowed"
	// Refused: method, name, policy, kind of file, or a body that is not taken in.
	Refused Verdict = "refused"
	// Failed: the backend or the handler failed before an answer.
	Failed Verdict = "error"
)

// The reasons that this package adds to those of package vfs.
const (
	ReasonMethod        vfs.Reason = "method"              // none that is answered
	ReasonNameRewritten vfs.Reason = "name.rewritten"      // URL.Path and URL.RawPath disagree
	ReasonUnavailable   vfs.Reason = "backend.unavailable" // try again later
	ReasonBackend       vfs.Reason = "backend.error"       // it failed
	ReasonChanged       vfs.Reason = "backend.changed"     // the object was cut or replaced while it was sent
	ReasonCanceled      vfs.Reason = "client.canceled"     // the client went away
	ReasonPanic         vfs.Reason = "panic"               // a defect
)

// A Recorder gets every attempt, in the request's own goroutine, after the
// answer was given. It must not keep a beyond the call, must not block, and is
// called concurrently.
type Recorder interface{ Record(a *Attempt) }

// anyone is the principal of a request without credentials.
const anyone = "anyone"

// record completes the attempt and hands it over.
func (x *exchange) record() {
	a := &x.attempt
	if a.RequestID == (uuid.UUID{}) {
		a.RequestID = newRequestID(a.Time)
	}
	a.Remote = host(x.r.RemoteAddr)
	a.Method = x.r.Method
	a.Raw = loggedTarget(x.r)
	if x.jail != nil {
		a.Backend = x.jail.Caps().Kind
	}
	a.Status, a.Bytes = x.status, x.bytes
	a.Duration = time.Since(a.Time)
	if a.Reason == ReasonCanceled && errors.Is(context.Cause(x.r.Context()), ErrShutdown) {
		a.Reason = ReasonShutdown
	}
	x.rec.Record(a)
}

// newRequestID returns a UUID of version 7. It is no secret, so it takes its
// random bits from where they cost least.
func newRequestID(now time.Time) (id uuid.UUID) {
	binary.BigEndian.PutUint64(id[:8], uint64(now.UnixMilli())<<16|0x7000|rand.Uint64()>>52)
	binary.BigEndian.PutUint64(id[8:], 0x8000<<48|rand.Uint64()>>2)
	return id
}

// host takes the port off a remote address.
func host(addr string) string {
	i := strings.LastIndexByte(addr, ':')
	if i < 0 {
		return addr
	}
	return strings.TrimSuffix(strings.TrimPrefix(addr[:i], "["), "]")
}
