package server

import (
	"errors"
	"net/http"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/audit"
)

// ErrShutdown is the cause with which a program that ends cancels the contexts of running
// requests, so that their records say so: see [context.WithCancelCause] and the BaseContext
// of [http.Server].
var ErrShutdown = errors.New("server: the program ends")

// Unfinished returns the record of a request whose handler has not returned when the program
// ends. It is unknown how much of the response was sent, and whether a change was made: the
// record is aborted and has no status.
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
