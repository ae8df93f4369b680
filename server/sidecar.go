package server

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/internal/httpheader"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// An encoding is a content coding of sidecars.
type encoding struct {
	name   string
	suffix string
	header []string
}

// encodings are in order of preference, for equal weights of the client.
var encodings = [...]encoding{
	{"br", ".br", []string{"br"}},
	{"zstd", ".zst", []string{"zstd"}},
	{"gzip", ".gz", gzipEncoding},
}

// hasCodingSuffix reports whether an object called elem can be the sidecar of another one.
func hasCodingSuffix(elem string) bool {
	return slices.ContainsFunc(encodings[:], func(e encoding) bool {
		return len(elem) >= len(e.suffix) && strings.EqualFold(elem[len(elem)-len(e.suffix):], e.suffix)
	})
}

// openSidecar opens the sidecar of name that the client prefers, and sets its encoding in
// pres. It reports false if there is none. The policy applies to the sidecar's own name.
// The sidecar has its own ETag, and preconditions and range apply to the sidecar.
func (x *exchange) openSidecar(name vfs.Name, req vfs.Request, pres *presentation) (obj *vfs.Object, err error, found bool) {
	if pres.encoding != nil {
		return nil, nil, false
	}
	candidates := x.sidecars(name)
	if len(candidates) == 0 {
		return nil, nil, false
	}
	// Without the original, sidecars are not served.
	var answer driver.Answer
	original, err := x.jail.Head(driver.WithAnswer(x.ctx, &answer), name, vfs.Request{})
	if err != nil {
		return nil, nil, false
	}
	x.asks = true
	for _, c := range candidates {
		obj, err := x.open(c.name, req)
		modTime, ok := openedTime(obj, err)
		if !ok {
			continue
		}
		// A sidecar older than the original was made from a previous version, and one in
		// another layer from another file.
		if modTime.Before(original.ModTime) || x.answer.Layer != answer.Layer {
			if obj != nil {
				obj.Body.Close()
			}
			continue
		}
		pres.encoding = c.encoding.header
		pres.cacheControl = x.cacheControlFor(c.name, x.cacheControlOf(&original, pres.cacheControl))
		return obj, err, true
	}
	return nil, nil, false
}

// storedEncoding returns the Content-Encoding of an object that is stored encoded, nil if
// browsers do not know the encoding. The server does not decode: without the header,
// clients would treat the encoded bytes as the object.
func storedEncoding(coding string) []string {
	for i := range encodings {
		if strings.EqualFold(coding, encodings[i].name) {
			return encodings[i].header
		}
	}
	return nil
}

type sidecar struct {
	name     vfs.Name
	encoding *encoding
}

// sidecars returns the names of the sidecars that the client accepts and the policy allows,
// the preferred ones first.
func (x *exchange) sidecars(name vfs.Name) []sidecar {
	lines := x.r.Header["Accept-Encoding"]
	if lines == nil {
		return nil
	}
	weights := encodingWeights(lines)
	var list []sidecar
	for {
		best, bestQ := -1, httpheader.Quality(0)
		for i, q := range weights {
			if q > bestQ {
				best, bestQ = i, q
			}
		}
		if best < 0 {
			return list
		}
		weights[best] = 0
		n, err := vfs.ParseName(name.String() + encodings[best].suffix)
		if err != nil {
			continue
		}
		if v := x.jail.Explain(x.ctx, vfs.OpRead, n); v.Allowed {
			list = append(list, sidecar{n, &encodings[best]})
		}
	}
}

// encodingWeights returns the client's weight of each encoding; 0 if the client does not
// accept it, or prefers the object without encoding.
func encodingWeights(lines []string) (weights [len(encodings)]httpheader.Quality) {
	const unset = -1
	for i := range weights {
		weights[i] = unset
	}
	wildcard, identity := httpheader.Quality(0), httpheader.Quality(unset)
	for name, q := range httpheader.AcceptItems(lines) {
		switch {
		case name == "*":
			wildcard = q
		case strings.EqualFold(name, "identity"):
			identity = q
		}
		for i := range encodings {
			if strings.EqualFold(name, encodings[i].name) || encodings[i].name == "gzip" && strings.EqualFold(name, "x-gzip") {
				weights[i] = q
			}
		}
	}
	for i := range weights {
		if weights[i] == unset {
			weights[i] = wildcard
		}
		if weights[i] < identity {
			weights[i] = 0
		}
	}
	return weights
}

// openedTime returns the modification time of the object for the result of an open, if
// there is an object.
func openedTime(obj *vfs.Object, err error) (time.Time, bool) {
	if err == nil {
		return obj.Info.ModTime, true
	}
	var e *vfs.Error
	if errors.As(err, &e) && e.Reason == "" && e.Info != nil {
		return e.Info.ModTime, true
	}
	return time.Time{}, false
}
