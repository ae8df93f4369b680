package s3

import (
	"net/http"
	"sync/atomic"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
)

// A replay makes a call of the SDK start with the result of a request that was already
// sent: its first request is not sent, and gets that result. Any further requests are
// sent as usual.
type replay struct {
	client *Client
	res    *http.Response
	err    error
	taken  atomic.Bool
}

func newReplay(c *Client, res *http.Response, err error) *replay {
	return &replay{client: c, res: res, err: err}
}

// apply is an option of the SDK's call.
func (r *replay) apply(o *awss3.Options) {
	if r.client.http == nil {
		o.HTTPClient = replayClient{r, o.HTTPClient}
		return
	}
	// leanClient left out http.Client, which wraps errors and handles redirects.
	h := *r.client.http
	h.Transport = replayTransport{r, h.Transport}
	o.HTTPClient = &h
}

// close drops a result that the SDK has not asked for.
func (r *replay) close() {
	if !r.taken.Swap(true) && r.res != nil {
		r.res.Body.Close()
	}
}

// do returns the result, or, after the first time, that of send.
func (r *replay) do(req *http.Request, send func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	if r.taken.Swap(true) {
		return send(req)
	}
	if r.res != nil {
		r.res.Request = req
	}
	return r.res, r.err
}

type replayClient struct {
	*replay
	next awss3.HTTPClient
}

func (c replayClient) Do(req *http.Request) (*http.Response, error) { return c.do(req, c.next.Do) }

type replayTransport struct {
	*replay
	next http.RoundTripper
}

func (t replayTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	return t.do(req, t.next.RoundTrip)
}
