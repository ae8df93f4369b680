package server

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// An httpError is a response that is not an object. Its text is fixed: the text of an
// error could contain a path, a bucket or a reason.
type httpError struct {
	status  int
	text    string
	verdict audit.Verdict
	reason  vfs.Reason    // "" takes that of the error
	retry   time.Duration // Retry-After, in whole seconds; 0 for none
}

func (e *httpError) Error() string { return "server: " + string(e.reason) }

// retryLater is the Retry-After of a failure that is probably temporary.
const retryLater = 5 * time.Second

var (
	// The one response for every name that is missing, hidden, refused, malformed,
	// special or a directory.
	errNotFound = &httpError{status: 404, text: "not found\n", verdict: audit.Refused}

	errMethod       = &httpError{status: 405, text: "method not allowed\n", verdict: audit.Refused, reason: audit.ReasonMethod}
	errPrecondition = &httpError{status: 412, text: textPrecondition, verdict: audit.Allowed}

	// Names that are allowed but cannot be created. The reason is that of the error.
	errSibling   = &httpError{status: 409, text: "another name differs only in case or normal form\n", verdict: audit.Refused}
	errUncreated = &httpError{status: 422, text: "this name cannot be created\n", verdict: audit.Refused}

	// Credentials and limits.
	errCredentials     = &httpError{status: 401, text: "unauthorized\n", verdict: audit.Refused, reason: audit.ReasonCredentials}
	errRequired        = &httpError{status: 401, text: "unauthorized\n", verdict: audit.Refused, reason: audit.ReasonRequired}
	errAuthUnavailable = &httpError{status: 503, text: textUnavailable, verdict: audit.Failed, reason: audit.ReasonAuth, retry: retryLater}
	errInFlight        = &httpError{status: 503, text: textUnavailable, verdict: audit.Refused, reason: audit.ReasonBusy, retry: time.Second}

	// Request bodies.
	errCoded        = &httpError{status: 415, text: "content coding not supported, send the content as it is\n", verdict: audit.Refused, reason: audit.ReasonIntakeEncoding}
	errPartialPut   = &httpError{status: 400, text: "a partial PUT is not supported\n", verdict: audit.Refused, reason: audit.ReasonIntakeRange}
	errDestination  = &httpError{status: 400, text: "send one Destination header, with the URL or the absolute path of an object on this server\n", verdict: audit.Refused, reason: audit.ReasonDestination}
	errOverwrite    = &httpError{status: 400, text: "Overwrite is T or F\n", verdict: audit.Refused, reason: audit.ReasonDestination}
	errIf           = &httpError{status: 400, text: "If is sent with COPY and MOVE, for their destination alone: <URL or path of the destination> ([\"etag\"])\n", verdict: audit.Refused, reason: audit.ReasonDestination}
	errSameObject   = &httpError{status: 403, text: "the destination is the object itself\n", verdict: audit.Refused, reason: audit.ReasonDestination}
	errNoTransfer   = &httpError{status: 409, text: "this object cannot be copied or moved to that name: the store would lose its content coding, has no version of it, or has it under both names\n", verdict: audit.Refused, reason: audit.ReasonDestination}
	errTooLarge     = &httpError{status: 413, text: "content too large\n", verdict: audit.Refused, reason: audit.ReasonIntakeTooLarge}
	errType         = &httpError{status: 415, text: "unsupported media type\n", verdict: audit.Refused, reason: audit.ReasonIntakeType}
	errSearchBusy   = &httpError{status: 503, text: textUnavailable, verdict: audit.Refused, reason: audit.ReasonSearchBusy, retry: retryLater}
	errPageBusy     = &httpError{status: 503, text: textUnavailable, verdict: audit.Refused, reason: audit.ReasonPageBusy, retry: retryLater}
	errArchiveBusy  = &httpError{status: 503, text: textUnavailable, verdict: audit.Refused, reason: audit.ReasonArchiveBusy, retry: retryLater}
	errArchiveLarge = &httpError{status: 413, text: "too many files for one archive\n", verdict: audit.Refused, reason: audit.ReasonArchiveLarge}
	errArchiveNames = &httpError{status: 422, text: "a file has the name of a directory, so these files cannot be in one archive\n", verdict: audit.Refused, reason: audit.ReasonArchiveNames}
	errIntakeBusy   = &httpError{status: 503, text: textUnavailable, verdict: audit.Failed, reason: audit.ReasonIntakeBusy, retry: retryLater}
	errRejected     = &httpError{status: 422, text: "content rejected\n", verdict: audit.Refused, reason: audit.ReasonIntakeRejected}
	errInspector    = &httpError{status: 503, text: textUnavailable, verdict: audit.Failed, reason: audit.ReasonIntakeFailed, retry: retryLater}
	errSpool        = &httpError{status: 503, text: textUnavailable, verdict: audit.Failed, reason: audit.ReasonIntakeFailed, retry: retryLater}
	errSpoolFull    = &httpError{status: 507, text: "no space left\n", verdict: audit.Failed, reason: audit.ReasonFull}
	errSpoolBusy    = &httpError{status: 503, text: textUnavailable, verdict: audit.Failed, reason: audit.ReasonIntakeBusy, retry: retryLater}
	errSlow         = &httpError{status: 408, text: "request body sent too slowly\n", verdict: audit.Refused, reason: audit.ReasonClientSlow}
	errMalformed    = &httpError{status: 400, text: "bad request body\n", verdict: audit.Refused, reason: audit.ReasonClientBody}
	errNoFile       = &httpError{status: 400, text: "no file: send multipart/form-data with files, or a file itself with Content-Disposition: attachment; filename=\"…\"\n", verdict: audit.Refused, reason: audit.ReasonUploadNoFile}
	errNoForm       = &httpError{status: 400, text: "send multipart/form-data with files, or application/x-www-form-urlencoded with an action\n", verdict: audit.Refused, reason: audit.ReasonUploadNoFile}
	errAction       = &httpError{status: 400, text: "action is delete, with a name and perhaps an etag; or copy or move, with a name, to, and perhaps an etag, replace=1, and with that to_etag\n", verdict: audit.Refused, reason: audit.ReasonAction}
	errRemoval      = &httpError{status: 400, text: "action is delete, with a name, which is the ID of a file\n", verdict: audit.Refused, reason: audit.ReasonAction}
	errReplace      = &httpError{status: 400, text: "replace is 1, on, or omitted; etag needs replace and a single file\n", verdict: audit.Refused, reason: audit.ReasonAction}
	errTwice        = &httpError{status: 409, text: "two files have this name\n", verdict: audit.Refused, reason: audit.ReasonUploadTwice}
	errTooManyParts = &httpError{status: 413, text: "too many files or fields in one request\n", verdict: audit.Refused, reason: audit.ReasonUploadTooMany}
	errPart         = &httpError{status: 413, text: "a part's header or a form field is too large\n", verdict: audit.Refused, reason: audit.ReasonUploadPart}

	// Shares.
	errShareBody     = &httpError{status: 400, text: "send a JSON object or a form with path, and perhaps expires, password, uses, upload, max_bytes and note, each once\n", verdict: audit.Refused, reason: audit.ReasonShareRequest}
	errSharePath     = &httpError{status: 400, text: "path is the whole path on this server, unescaped, such as /docs/report.pdf, or /docs/ for a directory\n", verdict: audit.Refused, reason: audit.ReasonShareRequest}
	errShareExpires  = &httpError{status: 400, text: "expires is a length of time such as 24h or 7d, or a time such as 2030-01-31T12:00:00Z; it must be in the future, and no later than this server allows\n", verdict: audit.Refused, reason: audit.ReasonShareRequest}
	errShareNumber   = &httpError{status: 400, text: "uses and max_bytes are whole numbers above 0; max_bytes needs upload\n", verdict: audit.Refused, reason: audit.ReasonShareRequest}
	errShareNote     = &httpError{status: 400, text: "note has at most 1024 bytes\n", verdict: audit.Refused, reason: audit.ReasonShareRequest}
	errEncodedName   = &httpError{status: 415, text: "a name that ends in .br, .zst or .gz cannot be sent here; send another kind of archive\n", verdict: audit.Refused, reason: audit.ReasonIntakeType}
	errShareSecret   = &httpError{status: 400, text: "password has 1 to 72 bytes and no control characters\n", verdict: audit.Refused, reason: audit.ReasonShareRequest}
	errShareClaims   = &httpError{status: 409, text: "you may share this only by the groups or claims of your token, which a share does not have\n", verdict: audit.Refused, reason: audit.ReasonShareIssuer}
	errShareNames    = &httpError{status: 409, text: "no files can be received here: a second file of one name gets a number or letters, and the rules do not allow names such as \"new (2)\" and \"new (a2b3c4d5)\"\n", verdict: audit.Refused, reason: audit.ReasonShareRequest}
	errShareTrusted  = &httpError{status: 409, text: "no files can be received here: this server trusts the content, so it would show pages of strangers as its own\n", verdict: audit.Refused, reason: audit.ReasonShareRequest}
	errShareTooMany  = &httpError{status: 409, text: "you have too many shares; revoke some\n", verdict: audit.Refused, reason: audit.ReasonShareTooMany}
	errSharePassword = &httpError{status: 401, text: "unauthorized\n", verdict: audit.Refused, reason: audit.ReasonSharePassword}

	// Failures. Where there is no reason, failureReason has it.
	errNoSpace     = &httpError{status: 507, text: "no space left\n", verdict: audit.Failed, reason: audit.ReasonFull}
	errCatalog     = &httpError{status: 503, text: textUnavailable, verdict: audit.Failed, reason: audit.ReasonCatalog, retry: retryLater}
	errInternal    = &httpError{status: 500, text: textInternal, verdict: audit.Failed}
	errUnavailable = &httpError{status: 503, text: textUnavailable, verdict: audit.Failed, retry: retryLater}
)

// The texts of several responses.
const (
	textPrecondition = "precondition failed\n"
	textInternal     = "internal error\n"
	textUnavailable  = "temporarily unavailable, try again later\n"
)

// errTooManyRequests is the response to a client that has to wait.
func errTooManyRequests(why vfs.Reason, after time.Duration) *httpError {
	return &httpError{status: 429, text: "too many requests, try again later\n", verdict: audit.Refused, reason: why, retry: max(after, time.Second)}
}

// errGone means that the client disconnected in the middle of its body.
var errGone = errors.New("server: the client disconnected")

// A catalogError is an error of the catalog, not of the backend.
type catalogError struct{ err error }

func (e *catalogError) Error() string { return e.err.Error() }
func (e *catalogError) Unwrap() error { return e.err }

// responses maps errors to responses. The first match counts; an httpError without an
// entry is its own response, any other error is errUnavailable.
var responses = []struct {
	matches  func(error) bool
	response *httpError
	log      string // message for operators, "" for none
	level    slog.Level
}{
	{is(errRejected), errRejected, "a body was rejected", slog.LevelInfo},
	{is(errSpool), errSpool, "keeping a body in a temporary file", slog.LevelError},
	{is(errSpoolFull), errSpoolFull, "no room for a temporary file", slog.LevelError},
	{is(errInspector), errInspector, "inspecting a body", slog.LevelError},
	{isHTTPError, nil, "", 0},
	{is(catalog.ErrFull), errNoSpace, "no room in the catalog", slog.LevelError},
	{isCatalogError, errCatalog, "backend failed", slog.LevelError},
	// Names that cannot be created match fs.ErrNotExist, too.
	{isSibling, errSibling, "", 0},
	{isUncreated, errUncreated, "", 0},
	{is(fs.ErrNotExist), errNotFound, "", 0},
	{is(vfs.ErrFull), errNoSpace, "no room for an object", slog.LevelError},
	{is(context.Canceled), errUnavailable, "", 0},
	{is(vfs.ErrFailed), errInternal, "backend failed", slog.LevelError},
	{is(vfs.ErrUnfit), errNoTransfer, "", 0}, // matches ErrUnsupported, too
	{is(vfs.ErrUnsupported), errInternal, "backend failed", slog.LevelError},
	{func(error) bool { return true }, errUnavailable, "backend failed", slog.LevelError},
}

func is(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }

func isHTTPError(err error) bool {
	var e *httpError
	return errors.As(err, &e)
}

func isCatalogError(err error) bool {
	var e *catalogError
	return errors.As(err, &e)
}

func isSibling(err error) bool   { return vfs.ReasonOf(err) == reason.CreateSibling }
func isUncreated(err error) bool { return vfs.ReasonOf(err).Step() == "create" }

// fail answers a request that failed with err. It is the only place that turns errors into
// responses. pres is the presentation that the object of a read would have had; nil if
// there is none. It is needed for 304, 412 and 416, which describe an object.
func (x *exchange) fail(err error, pres *presentation) {
	// An httpError decides the response, whatever it wraps: the error of an Inspector may match
	// any of the errors below.
	decided := isHTTPError(err)
	var e *vfs.Error
	if !decided && errors.As(err, &e) {
		x.attempt.Rule = e.Rule
	}
	switch {
	case pres != nil && e != nil && e.Reason == "" && e.Info != nil && x.answerAbout(err, e.Info, pres):
	case !decided && x.clientGone(err):
		x.attempt.Reason = audit.ReasonCanceled
		panic(http.ErrAbortHandler) // nobody is left to answer
	default:
		response := x.responseTo(err)
		if response == errPrecondition && x.mayDisclose(e) {
			x.setETag(e.Info)
		}
		x.respond(response, err)
	}
}

// responseTo returns the response for an error that is not about the object of a read. It
// logs what operators have to know.
func (x *exchange) responseTo(err error) *httpError {
	if !isHTTPError(err) && changesObjects(x.op) && errors.Is(err, vfs.ErrPrecondition) && !errors.Is(err, fs.ErrNotExist) {
		return errPrecondition
	}
	for _, r := range responses {
		if !r.matches(err) {
			continue
		}
		if r.log != "" {
			x.logAt(r.level, r.log, err)
		}
		if r.response != nil {
			return r.response
		}
		var response *httpError
		errors.As(err, &response)
		return response
	}
	return errInternal
}

// clientGone reports whether err means that the client has disconnected, so that the
// request ends without a response. A canceled read still gets a response.
func (x *exchange) clientGone(err error) bool {
	if errors.Is(err, errGone) {
		return true
	}
	return errors.Is(err, context.Canceled) && !errors.Is(err, fs.ErrNotExist) && (changesObjects(x.op) || isCatalogError(err))
}

func changesObjects(op vfs.Op) bool {
	return op == vfs.OpWrite || op == vfs.OpDelete || op == vfs.OpUpload
}

// mayDisclose reports whether a failed precondition of the request's object has the current
// version of that, and the caller may read it. The destination of a copy is not that object.
func (x *exchange) mayDisclose(e *vfs.Error) bool {
	return e != nil && e.Info != nil && e.Info.Name == x.attempt.Name && x.mayRead(e.Info.Name)
}

func (x *exchange) mayRead(n vfs.Name) bool { return x.jail.Explain(x.ctx, vfs.OpRead, n).Allowed }

// respond sends the response for err.
func (x *exchange) respond(response *httpError, err error) {
	x.attempt.Reason = response.reason
	if response.reason == "" {
		x.attempt.Reason = reasonOf(response, err)
	}
	x.attempt.Verdict = response.verdict
	switch {
	case response == errNotFound && x.shouldChallenge():
		x.respond(errRequired, err)
		return
	case response == errNotFound && x.attempt.Reason == reason.Missing:
		// Explain also allows a name that is allowed but has no object.
		x.attempt.Verdict = audit.Allowed
	case response == errUnavailable && x.attempt.Reason == audit.ReasonCanceled:
		x.attempt.Aborted = true
	case response == errSlow && x.r.ProtoMajor == 1:
		// Otherwise net/http would continue to read for as long as boundRest allows.
		x.Header()["Connection"] = closeConnection
		x.closeAtOnce = true
	case response.status == http.StatusUnauthorized:
		if h := x.unauthorizedHandler(); h != nil {
			x.unauthorized(h)
			return
		}
		if challenges := x.challenges(); len(challenges) > 0 {
			x.Header()["Www-Authenticate"] = challenges
		}
	}
	if retry := response.retry; retry > 0 {
		if e, ok := errors.AsType[*vfs.Error](err); ok && e.RetryAfter > 0 {
			retry = e.RetryAfter
		}
		seconds := int64((retry + time.Second - 1) / time.Second)
		x.Header()["Retry-After"] = []string{strconv.FormatInt(seconds, 10)}
	}
	if response == errNotFound && x.notFound != nil && (x.r.Method == http.MethodGet || x.r.Method == http.MethodHead) {
		x.sendRefusal(x.notFound)
		return
	}
	x.fixed(response.status, response.text)
}

var closeConnection = []string{"close"}

// reasonOf returns the reason for a response whose httpError has none.
func reasonOf(response *httpError, err error) vfs.Reason {
	switch {
	case response == errPrecondition:
		return ""
	case response.verdict == audit.Failed:
		return failureReason(err)
	}
	return vfs.ReasonOf(err)
}

// failureReason returns the reason of a failure of the backend, or of the client.
func failureReason(err error) vfs.Reason {
	switch {
	case errors.Is(err, context.Canceled):
		return audit.ReasonCanceled
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, vfs.ErrUnavailable):
		return audit.ReasonUnavailable
	case errors.Is(err, vfs.ErrChanged):
		return audit.ReasonChanged
	}
	return audit.ReasonBackend
}
