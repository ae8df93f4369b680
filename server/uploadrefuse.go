package server

import (
	"errors"
	"net/http"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

const (
	textNoFile  = "no file: send multipart/form-data with files, or a file itself with Content-Disposition: attachment; filename=\"…\"\n"
	textTooMany = "too many files or fields in one request\n"
	textPart    = "a part's header or a form field is too large\n"
)

var (
	denyNoFile  = &denial{http.StatusBadRequest, textNoFile, audit.ReasonUploadNoFile}
	denyTooMany = &denial{http.StatusRequestEntityTooLarge, textTooMany, audit.ReasonUploadTooMany}
	denyPart    = &denial{http.StatusRequestEntityTooLarge, textPart, audit.ReasonUploadPart}
)

var (
	allowUploads = []string{"GET, HEAD, POST, DELETE, OPTIONS"}
	allowObjects = []string{"GET, HEAD, DELETE, OPTIONS"}
)

// takeUploadMethod reports whether uploads do what the method says. It answers
// the others itself. All that it asks of the path is whether that is "/", where
// alone there is something to post to.
func (x *exchange) takeUploadMethod() bool {
	switch x.r.Method {
	case http.MethodDelete:
		return true
	case http.MethodPost:
		if x.r.URL.Path == "/" && (x.r.URL.RawPath == "" || x.r.URL.RawPath == "/") {
			return true
		}
		return x.takeMethod(allowObjects)
	}
	return x.takeMethod(allowUploads)
}

// A catalogError is one of the catalog, and not of the backend.
type catalogError struct{ err error }

func (e *catalogError) Error() string { return e.err.Error() }
func (e *catalogError) Unwrap() error { return e.err }

// failUpload answers a request that was refused or failed.
func (x *exchange) failUpload(err error) {
	var (
		d     *denial
		store *catalogError
	)
	switch {
	case errors.As(err, &d), errors.Is(err, errGone):
		x.failIntake(err)
	case failure(err) == audit.ReasonCanceled:
		x.gone()
	case errors.Is(err, catalog.ErrFull):
		x.deny(denyFull)
		x.log("no room in the catalog", err)
	case errors.As(err, &store):
		x.unavailable(err)
		x.attempt.Reason = audit.ReasonCatalog
	default:
		x.failWrite(err)
	}
}
