package probe

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A request is sent byte for byte, which no client library would do.
type request struct {
	method string
	target string // as sent
	header http.Header
	body   string
}

func get(target string) request { return request{method: http.MethodGet, target: target} }

// with returns the request with a header field set.
func (r request) with(name, value string) request {
	h := r.header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Set(name, value)
	r.header = h
	return r
}

// A reply is the response to a request, or what happened in its place.
type reply struct {
	status  int // 0: no response
	header  http.Header
	body    string
	cut     bool // the body is longer
	timeout bool // no complete response in time
	endless bool // the header is longer than maxHeader
}

// These are the parts of a response that are read.
const (
	maxHeader  = 64 << 10 // with those of informational responses
	maxBody    = 4 << 20
	maxFraming = 1 << 20 // sizes of chunks, and a trailer
)

// A client sends requests one after another over one connection, as long as the server
// keeps it open.
type client struct {
	base    *url.URL
	dial    func(ctx context.Context, network, addr string) (net.Conn, error)
	host    string      // as it is sent
	header  http.Header // sent with each request
	timeout time.Duration
	gap     time.Duration // between two requests
	next    time.Time
	sent    int
	waited  time.Duration // because the server asked for patience

	conn net.Conn
	left *io.LimitedReader // what a response may still have
	in   *bufio.Reader
}

// do returns an error if there is no connection to be had, or ctx ended. If the server asks
// for patience, it gets the request again; errBusy ends that.
func (c *client) do(ctx context.Context, req request) (reply, error) {
	for tries := 0; ; tries++ {
		r, err := c.once(ctx, req)
		if r.status != http.StatusTooManyRequests || err != nil || tries == maxTries {
			return r, err
		}
		seconds, _ := strconv.Atoi(r.header.Get("Retry-After"))
		pause := time.Duration(min(max(seconds, 1), 5)) * time.Second
		if c.waited += pause; c.waited > maxPatience {
			return r, errBusy
		}
		wait(ctx, pause)
	}
}

// maxTries is how often a request is sent again after a 429, and maxPatience how long a
// client waits for that in all.
const (
	maxTries    = 3
	maxPatience = 2 * time.Minute
)

var errBusy = errors.New("probe: the server keeps answering 429 Too Many Requests; send fewer requests per second")

func (c *client) once(ctx context.Context, req request) (reply, error) {
	if err := c.wait(ctx); err != nil {
		return reply{}, err
	}
	c.sent++
	for {
		fresh := c.conn == nil
		if fresh {
			if err := c.connect(ctx); err != nil {
				return reply{}, err
			}
		}
		r, answered := c.exchange(ctx, req)
		if err := ctx.Err(); err != nil {
			return reply{}, err
		}
		if answered || fresh || r.timeout {
			return r, nil
		}
		// The server had closed the connection before it got the request.
	}
}

// wait keeps to the rate.
func (c *client) wait(ctx context.Context) error {
	wait(ctx, time.Until(c.next))
	c.next = time.Now().Add(c.gap)
	return ctx.Err()
}

// wait returns after d, or when ctx ends.
func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// errUnreachable is the error of do if there is no connection to be had.
var errUnreachable = errors.New("probe: the server cannot be reached")

func (c *client) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	port := c.base.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[c.base.Scheme]
	}
	conn, err := c.dial(ctx, "tcp", net.JoinHostPort(c.base.Hostname(), port))
	if err != nil {
		return fmt.Errorf("%w: %w", errUnreachable, err)
	}
	if c.base.Scheme == "https" {
		secure := tls.Client(conn, &tls.Config{ServerName: c.base.Hostname(), NextProtos: []string{"http/1.1"}})
		if err := secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return fmt.Errorf("%w: TLS: %w", errUnreachable, err)
		}
		conn = secure
	}
	c.conn, c.left = conn, &io.LimitedReader{R: conn}
	c.in = bufio.NewReader(c.left)
	return nil
}

func (c *client) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// exchange sends req over the connection. answered is false if the connection ended
// before a response began.
func (c *client) exchange(ctx context.Context, req request) (r reply, answered bool) {
	conn := c.conn
	_ = conn.SetDeadline(time.Now().Add(c.timeout))
	c.left.N = maxHeader
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	// A server may answer and close before it has read everything, so the response is
	// read whatever becomes of the request.
	_, _ = io.WriteString(conn, c.text(req))
	var resp *http.Response
	for resp == nil || resp.StatusCode < 200 && resp.StatusCode != http.StatusSwitchingProtocols {
		_, err := c.in.Peek(1)
		began := err == nil || c.left.N == 0
		if err == nil {
			resp, err = http.ReadResponse(c.in, &http.Request{Method: req.method})
		}
		if err != nil {
			c.close()
			return reply{timeout: errors.Is(err, os.ErrDeadlineExceeded), endless: c.left.N == 0}, began
		}
	}
	c.left.N = maxBody + maxFraming
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	r = reply{
		status: resp.StatusCode, header: resp.Header, body: string(body[:min(len(body), maxBody)]),
		cut: len(body) > maxBody, timeout: errors.Is(err, os.ErrDeadlineExceeded),
	}
	if err != nil || r.cut || resp.Close {
		c.close()
	}
	return r, true
}

// text returns the bytes of a request.
func (c *client) text(req request) string {
	var b strings.Builder
	b.WriteString(req.method + " " + req.target + " HTTP/1.1\r\nHost: " + c.host + "\r\n")
	for _, h := range []http.Header{c.header, req.header} {
		_ = h.Write(&b)
	}
	if req.body != "" || slices.Contains([]string{http.MethodPost, http.MethodPut, http.MethodPatch}, req.method) {
		b.WriteString("Content-Length: " + strconv.Itoa(len(req.body)) + "\r\n")
	}
	b.WriteString("\r\n" + req.body)
	return b.String()
}

// wellFormed reports whether a strict parser accepts the request: a server may close the
// connection on others.
func (c *client) wellFormed(req request) bool {
	_, err := http.ReadRequest(bufio.NewReader(strings.NewReader(c.text(req))))
	return err == nil
}
