package server

import (
	"log/slog"
	"net/http"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// Endpoint returns a handler for requests that are not for objects, such as signing in. Each
// is recorded; h completes its record, that of [audit.FromContext]. If h returns an error, it
// has written nothing, and the response is that of a handler of [New]: an error that matches
// fs.ErrNotExist is the uniform 404, with its Reason in the record. If h panics, the response
// is 500. recorder and logger may be nil, as in [Config]. The handler is as safe for
// concurrent use as h is.
//
// Endpoint does not authenticate, and it does not look at Origin or Sec-Fetch-Site.
func Endpoint(h func(w http.ResponseWriter, r *http.Request) error, recorder audit.Recorder, logger *slog.Logger) http.Handler {
	lingering := NewSlots(lingerSlots)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := begin(w, r, nil, recorder, logger)
		defer x.end()
		x.lingering = lingering
		if hostless(r.RequestURI) {
			x.fail(refusal("", reason.NameSlash), nil)
			return
		}
		if err := h(x, r.WithContext(audit.NewContext(x.ctx, &x.attempt))); err != nil {
			x.fail(err, nil)
		}
	})
}
