package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// An answer is what is known about a failed call of S3.
type answer struct {
	status    int    // 0 if there was none
	code      string // "" if there was no body, as with all answers to HEAD
	requestID string
	header    http.Header // may be nil
}

// answerOf finds the answer in an error of the SDK.
func answerOf(err error) answer {
	var a answer
	var re *smithyhttp.ResponseError
	if errors.As(err, &re) && re.Response != nil && re.Response.Response != nil {
		a.status, a.header = re.Response.StatusCode, re.Response.Header
	}
	var ae smithy.APIError
	if errors.As(err, &ae) {
		a.code = ae.ErrorCode()
	}
	// MinIO sends the code for a HEAD, which has no body, in a header.
	if code := a.header.Get("X-Minio-Error-Code"); code != "" {
		a.code = code
	}
	var ids interface{ ServiceRequestID() string }
	if errors.As(err, &ids) {
		a.requestID = ids.ServiceRequestID()
	}
	return a
}

// failure converts the error of an S3 call into one for a Backend's caller: one of the
// kinds that vfs defines. Code and request id, which help an operator, are only in its
// Err.
func failure(ctx context.Context, op string, n vfs.Name, err error) error {
	e := &vfs.Error{Op: op, Name: n.String()}
	if ctx.Err() != nil {
		e.Err = ctx.Err()
		return e
	}
	if errors.Is(err, vfs.ErrUnavailable) || errors.Is(err, vfs.ErrChanged) || errors.Is(err, vfs.ErrFull) || errors.Is(err, vfs.ErrUnsupported) {
		e.Err = err
		return e
	}
	a := answerOf(err)
	sentinel := error(nil)
	switch a.kind() {
	case kindMissing:
		e.Reason, sentinel = reason.Missing, fs.ErrNotExist
	case kindForbidden:
		e.Reason, sentinel = reason.Permission, fs.ErrPermission
	case kindUnholdable:
		e.Reason, sentinel = reason.Unholdable, fs.ErrNotExist
	case kindInTheWay:
		e.Reason, sentinel = reason.Directory, fs.ErrNotExist
	case kindFull:
		sentinel = vfs.ErrFull
	case kindUnsupported:
		sentinel = vfs.ErrUnsupported
	case kindFailed:
		sentinel = vfs.ErrFailed
	case kindUnavailable:
		sentinel = vfs.ErrUnavailable
	}
	e.Err = describe(a, sentinel, err)
	return e
}

type answerKind uint8

const (
	kindUnavailable answerKind = iota // the same call may work later
	kindMissing
	kindForbidden
	kindUnholdable  // the service does not accept such a key
	kindInTheWay    // the new object has other objects below it
	kindFull        // there is no room for the object
	kindUnsupported // the service does not support this
	kindFailed      // the service refuses the call permanently
)

// codeKinds lists the codes that are more specific than their status.
var codeKinds = map[string]answerKind{
	"QuotaExceeded":                  kindFull,
	"XMinioStorageFull":              kindFull,
	"XMinioAdminBucketQuotaExceeded": kindFull,
	"InsufficientStorage":            kindFull,
	"EntityTooLarge":                 kindFull,

	// Servers that store keys as paths on a disk cannot store "a" beside "a/b".
	"ExistingObjectIsDirectory":     kindInTheWay,
	"XMinioObjectExistsAsDirectory": kindInTheWay,
	"ObjectParentIsFile":            kindMissing,
	"XMinioParentIsObject":          kindMissing,

	"KeyTooLongError":           kindUnholdable,
	"KeyTooLong":                kindUnholdable,
	"InvalidURI":                kindUnholdable,
	"InvalidObjectName":         kindUnholdable,
	"XMinioInvalidObjectName":   kindUnholdable,
	"XMinioInvalidResourceName": kindUnholdable,

	// These concern our credentials, region or bucket. An operator or the next renewal
	// can fix them while the server runs.
	"InvalidAccessKeyId":           kindUnavailable,
	"SignatureDoesNotMatch":        kindUnavailable,
	"ExpiredToken":                 kindUnavailable,
	"InvalidToken":                 kindUnavailable,
	"TokenRefreshRequired":         kindUnavailable,
	"RequestTimeTooSkewed":         kindUnavailable,
	"AccountProblem":               kindUnavailable,
	"AuthorizationHeaderMalformed": kindUnavailable,
	"NoSuchBucket":                 kindUnavailable,

	// The request was truncated or changed in transit.
	"RequestTimeout":              kindUnavailable,
	"InvalidPart":                 kindUnavailable, // a new multipart upload has new parts
	"IncompleteBody":              kindUnavailable,
	"BadDigest":                   kindUnavailable,
	"XAmzContentSHA256Mismatch":   kindUnavailable,
	"XAmzContentChecksumMismatch": kindUnavailable,
}

// kind classifies by the code if it is listed above, and otherwise by the status: an
// answer to HEAD has no code.
func (a answer) kind() answerKind {
	if kind, ok := codeKinds[a.code]; ok {
		return kind
	}
	switch a.status {
	case http.StatusNotFound:
		return kindMissing
	case http.StatusForbidden:
		return kindForbidden
	case http.StatusRequestURITooLong:
		return kindUnholdable
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return kindUnsupported
	case http.StatusInsufficientStorage:
		return kindFull
	case http.StatusUnauthorized, http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, http.StatusTooManyRequests,
		// These answer a different question than the one asked.
		http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable:
		return kindUnavailable
	}
	if a.status/100 == 4 {
		return kindFailed
	}
	return kindUnavailable
}

// describe wraps sentinel with the details of the answer that an operator needs.
func describe(a answer, sentinel, err error) error {
	if a.status == 0 {
		// The text of a url.Error contains the endpoint and the key.
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return fmt.Errorf("%w: no answer from S3: %v", sentinel, err)
	}
	text := fmt.Sprintf("S3 answered %d", a.status)
	if a.code != "" {
		text += " " + a.code
	}
	if a.requestID != "" {
		text += ", request " + a.requestID
	}
	return fmt.Errorf("%w: %s", sentinel, text)
}
