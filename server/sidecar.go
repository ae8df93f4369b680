package server

import (
	"errors"
	"strings"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/internal/httpheader"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// An encoding is one that a sidecar may have.
type encoding struct {
	name   string
	suffix string
	header []string
}

// encodings is in order of preference among those that a client likes equally.
var encodings = [...]encoding{
	{"br", ".br", []string{"br"}},
	{"zstd", ".zst", []string{"zstd"}},
	{"gzip", ".gz", gzipEncoding},
}

// openSidecar opens the encoded copy of name that the client likes best, and
// puts its encoding into pres. It reports false if there is none to serve. The
// copy is judged under its own name, and has its own ETag; conditions and range
// are about the copy.
func (x *exchange) openSidecar(name vfs.Name, req vfs.Request, pres *presentation) (obj *vfs.Object, err error, found bool) {
	if pres.encoding != nil {
		return nil, nil, false
	}
	candidates := x.sidecars(name)
	if len(candidates) == 0 {
		return nil, nil, false
	}
	// A copy stands for what is there: without the original there is nothing.
	original, err := x.jail.Head(x.ctx, name, vfs.Request{})
	if err != nil {
		return nil, nil, false
	}
	for _, c := range candidates {
		obj, err := x.open(c.name, req)
		modTime, ok := openedTime(obj, err)
		if !ok {
			continue
		}
		// An older copy is of an older original.
		if modTime.Before(original.ModTime) {
			if obj != nil {
				obj.Body.Close()
			}
			continue
		}
		pres.encoding = c.encoding.header
		pres.cacheControl = x.cacheControlFor(c.name, pres.cacheControl)
		return obj, err, true
	}
	return nil, nil, false
}

// storedEncoding returns the Content-Encoding of an object that is stored so, nil
// for one that no browser knows. Nothing is decoded here: without the header the
// client would take the coded bytes for the object.
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

// sidecars returns the copies of name that the client accepts and the policy
// allows, best first.
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

// encodingWeights returns how much the client likes each of the encodings, 0
// for those that it does not accept, or likes less than none at all.
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

// openedTime returns the time of the object that an open was about, where it
// was about one.
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
