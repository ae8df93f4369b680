package server

import (
	"net/http"
	"time"
)

// pacedBytes is the size of the chunks of a file if the client has to keep a pace.
const pacedBytes = 4 << 20

// paceSlack is the time that a client has for each chunk besides that by its pace: a
// connection that stalls for a while is not a client that means to hold it.
const paceSlack = 30 * time.Second

// chunkSize returns how much of length bytes to write at a time: at most most, and no more
// than the client has to read in half a minute. A client that reads nothing may stay for as
// long as a chunk may take; by the slowest pace, that would be an hour for 4 MiB.
func (x *exchange) chunkSize(length, most int64) int64 {
	const seconds = int64(paceSlack / time.Second)
	if x.pace > 0 && x.pace < most/seconds {
		most = max(x.pace*seconds, chunkBytes)
	}
	return min(length, most)
}

// extendWriteDeadline gives the client as long as its pace allows to read the next n bytes.
// It is for bodies that do not fit into the system's buffers; for others, the WriteTimeout
// of the server counts, if it has one.
//
// The deadline stays after the response. What net/http still has to send when the handler
// returns could otherwise wait for the client for ever. net/http removes the deadline
// before the next request on the connection.
func (x *exchange) extendWriteDeadline(n int64) {
	if x.pace <= 0 {
		return
	}
	wait := paceSlack + time.Duration(float64(n)/float64(x.pace)*float64(time.Second))
	// An error means that the server has no deadlines.
	_ = http.NewResponseController(x.w).SetWriteDeadline(time.Now().Add(wait))
}

// WriteHeader begins the response. The server's WriteTimeout began with the header of the
// request, and a body may take longer than that: a client that has sent all of it should
// learn the result.
func (x *exchange) WriteHeader(status int) {
	if x.r.ContentLength != 0 {
		x.extendWriteDeadline(0)
	}
	x.responseWriter.WriteHeader(status)
}
