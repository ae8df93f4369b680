// Package audit records the requests of a server: the caller, what was requested, the
// decision and its reason, and what was sent.
//
// A [Recorder] receives an [Attempt] for every request, including those that were refused
// before their name was parsed. [Log] is a Recorder that writes lines of JSON;
// [SlogRecorder] passes attempts to log/slog. Reasons are for operators: clients never
// learn them, since every refusal is the same 404.
package audit

import (
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// An Attempt is the record of one request, whatever its outcome.
type Attempt struct {
	Time      time.Time // when the request arrived
	RequestID uuid.UUID // version 7
	Remote    string    // the peer's address without its port; from X-Forwarded-For only if a trusted proxy sent it
	Method    string
	// Raw is the request target as it was sent, without its query, and with "***" in
	// place of a user and password, and of the token of a share. It is not safe to print
	// as it is.
	Raw       string
	Name      vfs.Name   // zero if the target is not a valid name, or was not parsed
	To        vfs.Name   // the destination of a COPY or MOVE; zero for other requests
	Principal string     // the caller; "anyone" without credentials; through a share, its issuer
	Share     string     // "share:ID" if the request used the link of a share, else ""
	Verdict   Verdict    // the outcome
	Reason    vfs.Reason // why the request was refused or failed; for signing in and out, which it was; else ""
	Rule      string     // the pattern or access rule that decided, if one did
	Backend   string     // the kind of the backend
	// Cache is how a cache over the backend answered for the object that was read; "" if
	// there is none, or the request did not reach it.
	Cache    driver.CacheStatus
	Status   int   // of the response; 0 if there was none
	Bytes    int64 // bytes of the response body, as written to the connection
	Received int64 // bytes of the request body that were read
	// Part is set if this is about one object of a request with several, whose record has
	// the same RequestID and follows. Method is what a request for this object alone has.
	Part     bool
	Archive  bool // an archive of several objects was sent
	Aborted  bool // the response was truncated: the backend failed, or the client disconnected
	Duration time.Duration
}

// A Verdict is the outcome of a request.
type Verdict string

const (
	// Allowed: the caller may do it. The object may still be missing (Reason), or the
	// client may already have it (Status).
	Allowed Verdict = "allowed"
	// Refused because of the method, the name, the policy, the access rules, the kind of
	// file, or the request body.
	Refused Verdict = "refused"
	// Failed: the backend or the handler failed before a response.
	Failed Verdict = "error"
)

// A Recorder receives every attempt, in the goroutine of the request, after the response.
// It must not keep a after it returns, and must not block. It is called concurrently.
type Recorder interface{ Record(a *Attempt) }
