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

// hurry sets until when the client has to take the next n bytes. It is for bodies
// that do not fit into the system's buffers; the others end with the server's
// WriteTimeout, if it has one.
func (x *exchange) hurry(n int64) {
	if x.pace <= 0 {
		return
	}
	wait := slack + time.Duration(float64(n)/float64(x.pace)*float64(time.Second))
	// Where the server has no deadlines, there is nothing to hold a client to.
	_ = http.NewResponseController(x.w).SetWriteDeadline(time.Now().Add(wait))
}

// easy takes the deadline back, which would otherwise count for the next answer on
// the connection, too.
func (x *exchange) easy() {
	if x.pace > 0 {
		_ = http.NewResponseController(x.w).SetWriteDeadline(time.Time{})
	}
}
