package server

import (
	"net/http"
	"time"
)

// pieceBytes is how much of a file is handed to the system at a time where the client
// has to keep a pace.
const pieceBytes = 4 << 20

// slack is how much longer than by its pace a client may take for each piece: a
// connection that stalls for a while is not a client that means to hold it.
const slack = 30 * time.Second

// piece returns how much of length bytes to hand over at a time, most at most, and no
// more than the client has to take in half a minute: with a larger piece, one that takes
// nothing could stay for as long as that piece may take, which is an hour for 4 MiB.
func (x *exchange) chunkSize(length, most int64) int64 {
	const seconds = int64(slack / time.Second)
	if x.pace > 0 && x.pace < most/seconds {
		most = max(x.pace*seconds, chunkBytes)
	}
	return min(length, most)
}

// hurry sets until when the client has to take the next n bytes. It is for bodies
// that do not fit into the system's buffers; the others end with the server's
// WriteTimeout, if it has one.
//
// The deadline stays. What net/http still holds of an answer when its handler is done
// would otherwise wait for the client for ever; before the next request on the
// connection net/http takes the deadline back itself.
func (x *exchange) extendWriteDeadline(n int64) {
	if x.pace <= 0 {
		return
	}
	wait := slack + time.Duration(float64(n)/float64(x.pace)*float64(time.Second))
	// Where the server has no deadlines, there is nothing to hold a client to.
	_ = http.NewResponseController(x.w).SetWriteDeadline(time.Now().Add(wait))
}

// WriteHeader begins the answer. The server's WriteTimeout began with the request's
// header, and a body may take longer than that to come: whoever sent all of it is to
// hear what became of it.
func (x *exchange) WriteHeader(status int) {
	if x.r.ContentLength != 0 {
		x.extendWriteDeadline(0)
	}
	x.responseWriter.WriteHeader(status)
}
