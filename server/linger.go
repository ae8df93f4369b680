package server

import (
	"net/http"
	"time"
)

// Bounds of what is read of a body after the response and thrown away. Both times are much
// shorter than the time that a server gives its handlers when it stops.
const (
	lingerBytes = 64 << 20
	lingerTime  = 10 * time.Second
	lingerIdle  = restTime
)

// lingerSlots is how many requests of one handler may linger at the same time. They hold
// no slot of an Intake, and clients can make them last, so they must be few; past it
// a connection is closed at once.
const lingerSlots = 64

// linger reads on in a body that came with an answer decided before its end. Many
// clients send the whole body before they look for an answer. Were the connection closed
// meanwhile, the system would tell them of that with a reset, which throws the answer
// away, and all they would see is a broken connection (RFC 9112 section 9.6).
//
// net/http itself reads the first 256 KiB, and then closes. HTTP/2 needs none of that.
func (x *exchange) linger() {
	if x.r.ProtoMajor != 1 || x.r.ContentLength == 0 || x.allRead || x.status == 0 || x.hasty {
		return
	}
	if x.r.Header["Expect"] != nil && x.attempt.Received == 0 {
		return // the client waits to be asked for the body, and was not
	}
	if x.lingering == nil {
		return
	}
	rc := http.NewResponseController(x.w)
	if !x.lingering.take() {
		if x.brief {
			_ = rc.SetReadDeadline(time.Now())
		}
		return
	}
	defer x.lingering.give()
	// The answer goes out first.
	if rc.Flush() != nil {
		return
	}
	buf := chunks.Get().(*[chunkBytes]byte)
	defer chunks.Put(buf)
	end := time.Now().Add(lingerTime)
	for left := int64(lingerBytes); left > 0; {
		until := time.Now().Add(lingerIdle)
		if until.After(end) {
			until = end
		}
		if rc.SetReadDeadline(until) != nil || !time.Now().Before(end) {
			return
		}
		n, err := x.r.Body.Read(buf[:])
		if left -= int64(n); err != nil {
			return
		}
	}
}
