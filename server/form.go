package server

import (
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
)

// A formKind is the encoding of a form in a body; "" is no form.
type formKind string

const (
	formFiles  formKind = "multipart/form-data"
	formFields formKind = "application/x-www-form-urlencoded"
)

// formOf returns the kind of the form in the body of r, and the boundary of its parts.
func formOf(r *http.Request) (kind formKind, boundary string) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind = formKind(media); {
	case err != nil:
		return "", ""
	case kind == formFiles || kind == formFields:
		return kind, params["boundary"]
	}
	return "", ""
}

// isBrowserForm reports whether a request is a form whose sender prefers an HTML page to
// JSON.
func isBrowserForm(r *http.Request) bool {
	if r.Method != http.MethodPost {
		return false
	}
	kind, _ := formOf(r)
	return kind != "" && prefersHTML(r.Header["Accept"])
}

// readFields reads a form without files, which has at most most bytes.
func readFields(body io.Reader, most int64) (url.Values, error) {
	sent, err := io.ReadAll(&limitedBody{body, most})
	if err != nil {
		return nil, err
	}
	fields, err := url.ParseQuery(string(sent))
	if err != nil {
		return nil, errMalformed
	}
	return fields, nil
}

// besideFile is what a request with one file may contain besides it.
const besideFile = 16 << 20

// formBytes is the usual bound of a body with several files.
func (in *intake) formBytes() int64 {
	if in.MaxBytes <= 0 {
		return math.MaxInt64
	}
	return in.MaxBytes + min(besideFile, math.MaxInt64-in.MaxBytes)
}

// spooledFormBytes is formBytes for a form whose files are received before any of them is stored:
// what cannot be kept is refused before it is sent.
func (in *intake) spooledFormBytes() int64 { return min(in.formBytes(), maxSpooledByClient) }

// checkForm refuses a body with several files by its header alone. It has at most most bytes:
// MaxBytes is for one file.
func (in *intake) checkForm(r *http.Request, most int64) error {
	err := in.checkHeader(&http.Request{Header: r.Header, ContentLength: -1})
	if err == nil && r.ContentLength > most {
		err = errTooLarge
	}
	return err
}

// A limitedBody fails with errTooLarge after left bytes.
type limitedBody struct {
	r    io.Reader
	left int64
}

func (b *limitedBody) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}
