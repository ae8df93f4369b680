package server

import (
	"net/http"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/internal/mediatype"
)

// Intake says which bodies of clients are taken in, by PUT and by uploads. The
// zero Intake takes any type, within the bounds that stand here as defaults.
//
// A negative time is refused when the handler is made.
//
// The two times replace the ReadTimeout of the http.Server while a body comes.
type Intake struct {
	// MaxBytes bounds an object. 0 is 5 GiB, which is also the most that S3
	// takes in one piece; below 0 there is no bound.
	MaxBytes int64

	// Timeout is how long a client may take to send a body, and Idle how long to
	// send the next 4 KiB of it, or its end. What the backend takes meanwhile does not
	// count. 0 is an hour, and 30 seconds.
	Timeout, Idle time.Duration

	// Slots bound the bodies that are received at the same time, by all handlers that
	// share them. A request beyond them gets 503 and is told to try again later. nil
	// is 64 slots for each handler.
	Slots *Slots

	// Types are the media types that are taken in.
	Types Types

	// Inspect, if set, sees each body whole before anybody else can.
	Inspect Inspector

	// SpoolDir is where a body waits for Inspect, in a file without a name; ""
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

// withDefaults puts the defaults in the place of zeros.
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

// An intake is an Intake at work, for one handler:
//
//	err := in.check(r)                       // what the header alone can refuse
//	t, err := in.open(x)                     // one of Slots; x.close(t) gives it back
//	a := in.arrive(ctx, t, staged)           // for each object that t holds
//	written, err := jail.Put(ctx, n, a, …)   // reads a; a.close() then
//	x.failIntake(a.failure())                // what was wrong with the body, if anything
type intake struct{ Intake }

func newIntake(c Intake) *intake {
	c = c.withDefaults()
	return &intake{c}
}

// check refuses a body by what its header says, before any of it is read.
func (in *intake) check(r *http.Request) error {
	for _, line := range r.Header["Content-Encoding"] {
		// What is stored is what was sent: nothing is ever unpacked, and so no
		// bomb goes off (CVE-2022-30631).
		if line = strings.Trim(line, " \t"); line != "" && !strings.EqualFold(line, "identity") {
			return denyEncoding
		}
	}
	if r.Header["Content-Range"] != nil {
		// Stored as a whole, a part would destroy the rest (RFC 9110 section 14.5).
		return denyRange
	}
	if in.tooLarge(r.ContentLength) {
		return denyTooLarge
	}
	return nil
}

func (in *intake) tooLarge(size int64) bool { return in.MaxBytes > 0 && size > in.MaxBytes }
