package server

import (
	"net/http"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/internal/mediatype"
)

// Intake says which request bodies are accepted, by PUT and by uploads. The zero Intake
// accepts any type, within the default limits below.
//
// The constructors panic if a time is negative. While a body is read, the two times replace
// the ReadTimeout of the http.Server.
type Intake struct {
	// MaxBytes bounds the size of an object. 0 is 5 GiB, the limit of S3 for a single
	// PUT; below 0 there is no bound.
	MaxBytes int64

	// Timeout is the time that a client has to send a body, and Idle the time to send the
	// next 4 KiB of it, or its end. Time that the backend takes does not count. 0 is an
	// hour for Timeout, and 30 seconds for Idle.
	Timeout, Idle time.Duration

	// Slots bound the bodies that are received at the same time, by all handlers that share
	// them. A request beyond that gets 503 with Retry-After. nil is 64 slots for this
	// handler.
	Slots *Slots

	// Types are the media types that are accepted.
	Types Types

	// Inspect, if set, examines each body before the object can be read.
	Inspect Inspector

	// SpoolDir is the directory of the unnamed files that hold bodies for Inspect; ""
	// is the system's temporary directory.
	SpoolDir string
}

// Types is a set of media types. The zero Types contains all types.
type Types struct{ set mediatype.Set }

// ParseTypes returns the set of types that match one of the patterns: "image/png", or
// "image/*" for all types of a kind. Patterns ignore case. Without patterns, the set
// contains all types.
func ParseTypes(patterns ...string) (Types, error) {
	set, err := mediatype.ParseSet(patterns...)
	return Types{set}, err
}

// String returns the patterns, "*/*" for all types.
func (t Types) String() string { return t.set.String() }

const (
	defaultMaxBytes = 5 << 30
	defaultTimeout  = time.Hour
	defaultIdle     = 30 * time.Second
	defaultSlots    = 64
)

// withDefaults replaces zeros by the defaults.
func (c Intake) withDefaults() Intake {
	if c.MaxBytes == 0 {
		c.MaxBytes = defaultMaxBytes
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.Idle == 0 {
		c.Idle = defaultIdle
	}
	if c.Slots == nil {
		c.Slots = NewSlots(defaultSlots)
	}
	return c
}

// An intake applies an Intake to the requests of one handler:
//
//	err := in.checkHeader(r)                 // refuses by the header alone
//	body, err := in.receive(x)               // takes a slot; x.endBody(body) releases it
//	checked := in.checked(ctx, body, about)  // for each object in the body
//	written, err := jail.Put(ctx, n, checked, …)
//	err = checked.failure()                  // the body's own error, if any
//	checked.close()
//
// Slot and body are given back before the answer is sent: the time that a client has for a body
// is bounded, and one that does not read the answer must not prolong it.
type intake struct {
	Intake
	perClient int // slots that one client may have at a time
}

func newIntake(c Intake) *intake {
	c = c.withDefaults()
	return &intake{c, c.Slots.Len()}
}

// checkHeader refuses a body by its header, before any of it is read.
func (in *intake) checkHeader(r *http.Request) error {
	for _, line := range r.Header["Content-Encoding"] {
		// Bodies are stored as they were sent and never decompressed, so a
		// decompression bomb has no effect (CVE-2022-30631).
		if line = strings.Trim(line, " \t"); line != "" && !strings.EqualFold(line, "identity") {
			return errCoded
		}
	}
	if r.Header["Content-Range"] != nil {
		// A part, stored as the whole object, would destroy the rest (RFC 9110 section
		// 14.5).
		return errPartialPut
	}
	if in.tooLarge(r.ContentLength) {
		return errTooLarge
	}
	return nil
}

func (in *intake) tooLarge(size int64) bool { return in.MaxBytes > 0 && size > in.MaxBytes }
