// Package netconn has connections of an HTTP server that send a response with fewer system
// calls: the header leaves together with the beginning of the body, a file goes out by
// sendfile without a call for each piece that a slow client is given time for, and the
// deadlines that net/http sets several times per request rarely reach the runtime.
//
// It does so on Linux. Elsewhere, NewListener returns its argument.
package netconn

import "time"

// A Pace says how long a client may take to read a body.
type Pace interface {
	// Next returns how many of the left bytes the client is to read next, and in what
	// time. It is called again only when the client has read them and has no more
	// waiting for it.
	Next(left int64) (n int64, wait time.Duration)
}
