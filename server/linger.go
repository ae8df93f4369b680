package server

import (
	"net/http"
	"time"
)

// Bounds for reading and discarding a body after the response. Both times are much shorter
// than the time that a server gives its handlers when it shuts down.
const (
	lingerBytes = 64 << 20
	lingerTime  = 10 * time.Second
	lingerIdle  = restTime
)

// lingerSlots bounds the requests of one handler that linger at the same time. Clients can
// make them last, and they hold no slot of an Intake, so there must be few; beyond the
// bound, connections are closed at once.
const lingerSlots = 64

// linger reads the rest of the body after an early response. Many clients send the whole
// body before they read the response. If the connection were closed while they send, the
// system would send a reset, which discards the response: the client would see only a
// broken connection (RFC 9112 section 9.6).
//
// net/http itself reads 256 KiB and then closes. HTTP/2 does not need any of this.
func (x *exchange) linger() {
	if x.r.ProtoMajor != 1 || x.r.ContentLength == 0 || x.allRead || x.status == 0 || x.closeAtOnce {
		return
	}
	if x.r.Header["Expect"] != nil && x.attempt.Received == 0 {
		return // the client waits for a 100 (Continue) that it does not get
	}
	if x.lingering == nil {
		return
	}
	rc := http.NewResponseController(x.w)
	if !x.lingering.take() {
		if x.closeIfFull {
			_ = rc.SetReadDeadline(time.Now())
		}
		return
	}
	defer x.lingering.give()
	// The response is sent first.
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
