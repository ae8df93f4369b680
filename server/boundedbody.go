package server

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// stride is the number of bytes that a client has to send within Intake.Idle. If a single
// byte sufficed, a client could hold a slot at almost no cost.
const stride = 4 << 10

// A boundedBody is the body of one request, within the time limits and the slots of an
// Intake. Its errors are httpErrors, except for io.EOF and errGone.
type boundedBody struct {
	give     func() // gives the slot back
	r        *http.Request
	rc       *http.ResponseController
	received int64
	idle     time.Duration // Intake.Idle
	left     time.Duration // rest of Intake.Timeout
	leftIdle time.Duration // rest of Intake.Idle, for the current stride
	step     int64         // bytes of the current stride so far
	err      error         // of the last Read, and of all further ones
}

var _ io.Reader = (*boundedBody)(nil)

// receive returns the body of x's request, with a slot for it. The caller passes it to
// endBody.
func (in *intake) receive(x *exchange) (*boundedBody, error) {
	give := in.Slots.takeFor(x.client(), in.perClient)
	if give == nil {
		return nil, errIntakeBusy
	}
	return &boundedBody{give: give, r: x.r, rc: http.NewResponseController(x.w), idle: in.Idle, left: in.Timeout, leftIdle: in.Idle}, nil
}

// endBody records what was received and releases the slot of b.
func (x *exchange) endBody(b *boundedBody) {
	x.attempt.Received = b.received
	x.allRead = b.err == io.EOF
	b.give()
}

// Read reads from the body. The first Read sends 100 (Continue) to a client that waits for
// it.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	began := time.Now()
	wait := min(b.left, b.leftIdle)
	// If the server supports no deadlines, the time is checked after each Read.
	_ = b.rc.SetReadDeadline(began.Add(wait))
	n, err := b.r.Body.Read(p)
	b.received += int64(n)
	b.step += int64(n)
	took := time.Since(began)
	b.left -= took
	b.leftIdle -= took
	switch {
	case err == io.EOF:
		// From now on, net/http reads from the connection to detect that the client
		// disconnects. A deadline would look like a disconnect.
		_ = b.rc.SetReadDeadline(time.Time{})
	case took > wait, errors.Is(err, os.ErrDeadlineExceeded):
		err = errSlow
	case err != nil:
		err = b.readError(err)
	}
	if b.step >= stride {
		b.step, b.leftIdle = 0, b.idle
	}
	b.err = err
	return n, err
}

// readError returns what an error of the connection or of net/http's parser means.
func (b *boundedBody) readError(err error) error {
	var netErr interface{ Timeout() bool }
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &netErr) || b.r.Context().Err() != nil {
		return errGone
	}
	return errMalformed
}

// restTime is how long net/http may go on reading a body that no handler reads.
const restTime = 5 * time.Second

// boundRest bounds the time for which net/http goes on reading the body after the response.
// It reads up to 256 KiB, to keep the connection for the next request; without a bound a
// client could delay the response, and hold the connection.
func (x *exchange) boundRest() {
	if x.r.ContentLength != 0 && !x.allRead {
		_ = http.NewResponseController(x.w).SetReadDeadline(time.Now().Add(restTime))
	}
}
