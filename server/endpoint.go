package server

import (
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// Endpoint returns a handler for requests that are not for objects, such as signing in. Each
// request is recorded; h completes the record, which [audit.FromContext] returns. If h returns
// an error and has written nothing, the response is that of a handler of [New]: an error that
// matches fs.ErrNotExist is the uniform 404, with its Reason in the record. If h panics, the
// response is 500. Once the response has begun, both close the connection instead: half of a body
// must not look complete. recorder and logger may be nil, as in [Config]. The handler is as safe
// for concurrent use as h is.
//
// A client has ten seconds to send the body of its request. Then a Read of it returns an error
// that h should return: the response is 408.
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
		x.boundRest()
		r = r.WithContext(audit.NewContext(x.ctx, &x.attempt))
		if r.ContentLength != 0 {
			body := promptBody(x.w, x.r)
			r.Body = endpointBody{body, r.Body}
			defer func() { x.attempt.Received, x.allRead = body.received, body.err == io.EOF }()
		}
		switch err := h(x, r); {
		case err == nil:
			x.begun()
		case x.status != 0:
			x.abort(err)
		default:
			x.fail(err, nil)
		}
	})
}

// endpointTime is how long the body of a request to an Endpoint may take. Without a bound,
// clients that send one byte now and then would hold the requests in flight for ever.
const endpointTime = 10 * time.Second

// promptBody returns the body of r, which must be read within endpointTime.
func promptBody(w http.ResponseWriter, r *http.Request) *boundedBody {
	return &boundedBody{r: r, rc: http.NewResponseController(w), idle: endpointTime, left: endpointTime, leftIdle: endpointTime}
}

// An endpointBody is a body that is read within endpointTime.
type endpointBody struct {
	io.Reader
	io.Closer
}
