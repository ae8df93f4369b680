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

// A pace is how many bytes per second a client has to read; 0 for any. It is a
// [netconn.Pace] for files.
type pace int64

// Next implements netconn.Pace.
func (p *pace) Next(left int64) (n int64, wait time.Duration) {
	n = p.chunk(left, pacedBytes)
	return n, p.allow(n)
}

// chunk returns how much of length bytes to write at a time: at most most, and no more
// than a client at MinRate reads in half a minute. A client that reads nothing can hold the
// connection for as long as a chunk may take; at the slowest rate, that would be an hour
// for 4 MiB.
func (p pace) chunk(length, most int64) int64 {
	const seconds = int64(paceSlack / time.Second)
	if p > 0 && int64(p) < most/seconds {
		most = max(int64(p)*seconds, chunkBytes)
	}
	return min(length, most)
}

// allow returns how long a client may take to read n bytes.
func (p pace) allow(n int64) time.Duration {
	return paceSlack + time.Duration(float64(n)/float64(p)*float64(time.Second))
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
	// An error means that the server supports no deadlines.
	_ = http.NewResponseController(x.w).SetWriteDeadline(time.Now().Add(x.pace.allow(n)))
}

// WriteHeader begins the response. It extends the deadline, since the WriteTimeout of the
// server started with the header of the request, and receiving a body, or making a change in
// the store, may take longer: the client must still learn the result.
func (x *exchange) WriteHeader(status int) {
	if x.r.ContentLength != 0 || isWrite(x.r.Method) {
		x.extendWriteDeadline(0)
	}
	x.renew(status)
	x.responseWriter.WriteHeader(status)
}

// A pacedWriter gives the client time to read what is written, as Config.MinRate has it.
type pacedWriter struct{ x *exchange }

func (w pacedWriter) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		size := int(w.x.pace.chunk(int64(len(p)), largeChunkBytes))
		w.x.extendWriteDeadline(int64(size))
		m, err := w.x.Write(p[:size])
		if n += m; err != nil {
			return n, err
		}
		p = p[size:]
	}
	return n, nil
}
