package server

import (
	"net/http"
	"slices"
)

// What of a header describes an object, and not the answer or its sender: decided is
// what the server says itself, or says by silence, with every object that it sends;
// the rest it knows nothing of.
var (
	decided = map[string]bool{
		"Accept-Ranges": true, "Cache-Control": true, "Content-Length": true, "Content-Range": true, "Content-Type": true,
		"Etag": true, "Last-Modified": true,
		// They are of the bytes of one answer, which may be a part.
		"Content-Digest": true, "Content-Md5": true,
	}
	described = map[string]bool{
		"Content-Disposition": true, "Content-Encoding": true, "Content-Language": true, "Content-Location": true,
		"Digest": true, "Expires": true, "Repr-Digest": true,
	}
)

// setAside takes out of the header what a handler around this one has said of the
// object that it took the answer to be: a 404 with that handler's Content-Encoding
// would be text that is labelled gzip, and a 304 with its ETag another version. What
// an object may have of it is back when one is described; no other answer has to think
// of it. Everything else in the header stays.
func (x *exchange) setAsideHeaders() {
	for key, values := range x.Header() {
		canonical := http.CanonicalHeaderKey(key)
		if !decided[canonical] && !described[canonical] {
			continue
		}
		if described[canonical] {
			if x.aside == nil {
				x.aside = http.Header{}
			}
			x.aside[canonical] = values
		}
		delete(x.Header(), key)
	}
}

// takeBack takes out of the header what this exchange has said so far.
func (x *exchange) dropHeaders() {
	for key := range x.Header() {
		if decided[key] || described[key] || ofAnswer[key] {
			delete(x.Header(), key)
		}
	}
}

// ofAnswer is what makes sense in one answer alone, and not in that to a panic.
var ofAnswer = map[string]bool{"Allow": true, "Link": true, "Location": true, "Retry-After": true, "Www-Authenticate": true}

// addVary adds to what answers depend on. A handler around this one may have its own,
// such as Origin.
func (x *exchange) addVary(vary []string) {
	if vary == nil {
		return
	}
	h := x.Header()
	if theirs := h["Vary"]; theirs != nil {
		vary = append(slices.Clip(theirs), vary...)
	}
	h["Vary"] = vary
}
