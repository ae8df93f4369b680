package server

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// stride is what a client has to send within Intake.Idle: a byte now and then
// would keep a body alive, and its slot taken, at no cost to the client.
const stride = 4 << 10

// A transfer is the body of one request as it comes in, within the bounds of an
// Intake. Its errors are denials, but for io.EOF and errGone.
type transfer struct {
	in       *intake
	r        *http.Request
	rc       *http.ResponseController
	received int64
	left     time.Duration // of Intake.Timeout
	leftIdle time.Duration // of Intake.Idle, for the current stride
	step     int64         // bytes of the current stride
	err      error         // it ended with that
}

var _ io.Reader = (*transfer)(nil)

// open begins to take in the body of x's request. Whoever gets a transfer closes it.
func (in *intake) open(x *exchange) (*transfer, error) {
	if !in.Slots.take() {
		return nil, denyBusy
	}
	return &transfer{in: in, r: x.r, rc: http.NewResponseController(x.w), left: in.Timeout, leftIdle: in.Idle}, nil
}

// close gives back the transfer's slot.
func (x *exchange) close(t *transfer) {
	x.attempt.Received = t.received
	x.allRead = t.err == io.EOF
	t.in.Slots.give()
}

// Read reads on in the body. The first one asks a client that waits for a
// 100 (Continue) for it.
func (t *transfer) Read(p []byte) (int, error) {
	if t.err != nil {
		return 0, t.err
	}
	began := time.Now()
	wait := min(t.left, t.leftIdle)
	// Where the server has no deadlines, the clock is looked at after each read.
	_ = t.rc.SetReadDeadline(began.Add(wait))
	n, err := t.r.Body.Read(p)
	t.received += int64(n)
	t.step += int64(n)
	took := time.Since(began)
	t.left -= took
	t.leftIdle -= took
	switch {
	case err == io.EOF:
		// From here on, the server watches the connection for the client going
		// away, and a deadline would look like that.
		_ = t.rc.SetReadDeadline(time.Time{})
	case took > wait, errors.Is(err, os.ErrDeadlineExceeded):
		err = denySlow
	case err != nil:
		err = t.cause(err)
	}
	if t.step >= stride {
		t.step, t.leftIdle = 0, t.in.Idle
	}
	t.err = err
	return n, err
}

// cause says what an error of the connection or of net/http's parser means.
func (t *transfer) cause(err error) error {
	var netErr interface{ Timeout() bool }
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &netErr) || t.r.Context().Err() != nil {
		return errGone
	}
	return denyBody
}

// restTime is how long the server waits for what a client still sends of a body
// that nobody reads.
const restTime = 5 * time.Second

// boundRest bounds how long net/http goes on reading the body after the answer,
// which it does, up to 256 KiB, to keep the connection for the next request.
// Otherwise a client could hold the answer up, and with it the connection.
func (x *exchange) boundRest() {
	if x.r.ContentLength != 0 && !x.allRead {
		_ = http.NewResponseController(x.w).SetReadDeadline(time.Now().Add(restTime))
	}
}
