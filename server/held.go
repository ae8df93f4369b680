package server

import (
	"net/netip"

	"github.com/bailiwick-fs/bailiwick/server/internal/clients"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A response holds what it is made from until the client has read it, which takes a slow one
// as long as it likes, within MinRate. The body of an object holds a buffer; these bounds are
// for what holds more: a page of a large directory, a text, or the answer to a form.
const (
	heldFree      = 128 << 10     // what a response holds without being counted
	heldBytes     = 64 << 20      // of all responses together
	heldPerClient = heldBytes / 4 // of those to one client
)

// held is of the process, as its memory is.
var held quota

// hold takes memory for the response until the end of the exchange. It fails with errPageBusy
// if too much is taken.
func (x *exchange) hold(bytes int64) error {
	if bytes <= heldFree {
		return nil
	}
	if !held.take(x.client(), bytes, heldBytes, heldPerClient) {
		return errPageBusy
	}
	x.held += bytes
	return nil
}

// release gives back what hold has taken.
func (x *exchange) release() {
	if x.held == 0 {
		return
	}
	held.give(x.client(), x.held)
	x.held = 0
}

// client returns the client of the request, as limits count clients.
func (x *exchange) client() netip.Prefix { return clients.Key(clients.Of(x.r)) }

// entryBytes is the memory of a vfs.Entry without its name.
const entryBytes = 80

// rowBytes is the memory of a row of a page, a file or a share, without its texts.
const rowBytes = 512

// answerBytes bounds the memory of the line about a file in the answer to a form: a byte of its
// name is up to six in JSON or HTML, in a buffer that can be twice as large.
func answerBytes(name string) int64 { return rowBytes + 12*int64(len(name)) }

// sizeOf returns the memory of entries.
func sizeOf(entries []vfs.Entry) int64 {
	n := int64(cap(entries)) * entryBytes
	for i := range entries {
		n += int64(len(entries[i].Elem))
	}
	return n
}
