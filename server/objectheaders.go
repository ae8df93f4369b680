package server

import (
	"net/http"
	"slices"
)

// The headers that describe an object, not the response or its sender. The server decides
// about those in decided itself, for every object; it knows nothing of those in described.
var (
	decided = map[string]bool{
		"Accept-Ranges": true, "Cache-Control": true, "Content-Length": true, "Content-Range": true, "Content-Type": true,
		"Etag": true, "Last-Modified": true,
		// These describe the bytes of one response, which may be a part of the object.
		"Content-Digest": true, "Content-Md5": true,
	}
	described = map[string]bool{
		"Content-Disposition": true, "Content-Encoding": true, "Content-Language": true, "Content-Location": true,
		"Digest": true, "Expires": true, "Repr-Digest": true,
	}
)

// removeObjectHeaders removes the headers by which middleware has described an object in
// advance. With its Content-Encoding, the text of a 404 would be labelled gzip, and a 304
// with its ETag would name another version. describe restores those that apply to the
// object. All other headers stay.
func (x *exchange) removeObjectHeaders() {
	for key, values := range x.Header() {
		canonical := http.CanonicalHeaderKey(key)
		if !decided[canonical] && !described[canonical] {
			continue
		}
		if described[canonical] {
			if x.objectHeaders == nil {
				x.objectHeaders = http.Header{}
			}
			x.objectHeaders[canonical] = values
		}
		delete(x.Header(), key)
	}
}

// dropHeaders removes the headers that this exchange has set.
func (x *exchange) dropHeaders() {
	for key := range x.Header() {
		if decided[key] || described[key] || ofAnswer[key] {
			delete(x.Header(), key)
		}
	}
}

// ofAnswer has headers of a particular response that must not be in the one to a panic.
var ofAnswer = map[string]bool{"Allow": true, "Link": true, "Location": true, "Retry-After": true, "Www-Authenticate": true}

// addVary adds to Vary. Middleware may have set its own, such as Origin.
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
