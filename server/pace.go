package server

import (
	"net/http"
	"time"
)

// pacedBytes is the size of the chunks of a file if there is a MinRate.
const pacedBytes = 4 << 20

// paceSlack is added to the time that a client has for each chunk, since an honest
// connection may stall for a while.
const paceSlack = 30 * time.Second

// chunkSize returns how much of length bytes to write at a time: at most most, and no more
// than a client at MinRate reads in half a minute. A client that reads nothing can hold the
// connection for as long as a chunk may take; at the slowest rate, that would be an hour
// for 4 MiB.
func (x *exchange) chunkSize(length, most int64) int64 {
	const seconds = int64(paceSlack / time.Second)
	if x.pace > 0 && x.pace < most/seconds {
		most = max(x.pace*seconds, chunkBytes)
	}
	return min(length, most)
}

// extendWriteDeadline gives the client as long as MinRate allows to read the next n bytes.
// It is for bodies that do not fit into the buffers of the system; for others, the
// WriteTimeout of the server applies, if it has one.
//
// The deadline stays after the response. Otherwise the data that net/http still has to send
// when the handler returns could wait for the client forever. net/http removes the deadline
// before the next request on the connection.
func (x *exchange) extendWriteDeadline(n int64) {
	if x.pace <= 0 {
		return
	}
	wait := paceSlack + time.Duration(float64(n)/float64(x.pace)*float64(time.Second))
	// An error means that the server supports no deadlines.
	_ = http.NewResponseController(x.w).SetWriteDeadline(time.Now().Add(wait))
}

// WriteHeader begins the response. It extends the deadline, since the WriteTimeout of the
// server started with the header of the request, and receiving a body may take longer: a
// client that has sent all of it must still learn the result.
func (x *exchange) WriteHeader(status int) {
	if x.r.ContentLength != 0 {
		x.extendWriteDeadline(0)
	}
	x.responseWriter.WriteHeader(status)
}
