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
)

// An answer is what is known of a call of S3 that failed.
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
	var ids interface{ ServiceRequestID() string }
	if errors.As(err, &ids) {
		a.requestID = ids.ServiceRequestID()
	}
	return a
}

// failure is what a Backend's caller gets for a call of S3 that failed: an error
// of one of the kinds that vfs knows. Code and request id, which help an
// operator, are in its Err alone.
func failure(ctx context.Context, op string, n vfs.Name, err error) error {
	e := &vfs.Error{Op: op, Name: n.String()}
	if ctx.Err() != nil {
		e.Err = ctx.Err()
		return e
	}
	if errors.Is(err, vfs.ErrUnavailable) || errors.Is(err, vfs.ErrChanged) || errors.Is(err, vfs.ErrFull) {
		e.Err = err
		return e
	}
	a := answerOf(err)
	sentinel := error(nil)
	switch a.kind() {
	case kindMissing:
		e.Reason, sentinel = vfs.ReasonMissing, fs.ErrNotExist
	case kindForbidden:
		e.Reason, sentinel = vfs.ReasonPermission, fs.ErrPermission
	case kindTooLong:
		e.Reason, sentinel = vfs.ReasonUnholdable, fs.ErrNotExist
	case kindInTheWay:
		e.Reason, sentinel = vfs.ReasonDirectory, fs.ErrNotExist
	case kindFull:
		sentinel = vfs.ErrFull
	case kindUnsupported:
		sentinel = vfs.ErrUnsupported
	case kindUnavailable:
		sentinel = vfs.ErrUnavailable
	}
	e.Err = describe(a, sentinel, err)
	return e
}

type answerKind uint8

const (
	kindUnavailable answerKind = iota
	kindMissing
	kindForbidden
	kindTooLong
	kindInTheWay    // what is to be an object has others below it
	kindFull        // there is no room for the object
	kindUnsupported // the service does not do this at all
)

// kind judges by the status first: what answers a HEAD has no code. What fits
// nowhere is a service that cannot be used now.
func (a answer) kind() answerKind {
	switch a.code {
	case "QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage",
		"EntityTooLarge":
		return kindFull
	// Servers that keep keys as paths of a disk cannot hold "a" beside "a/b".
	case "ExistingObjectIsDirectory", "XMinioObjectExistsAsDirectory":
		return kindInTheWay
	case "ObjectParentIsFile", "XMinioParentIsObject":
		return kindMissing
	}
	switch a.status {
	case http.StatusInsufficientStorage:
		return kindFull
	case http.StatusNotImplemented:
		return kindUnsupported
	case http.StatusNotFound:
		if a.code == "NoSuchBucket" {
			return kindUnavailable
		}
		return kindMissing
	case http.StatusForbidden:
		// These are about us, not about the key.
		switch a.code {
		case "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken",
			"TokenRefreshRequired", "RequestTimeTooSkewed", "AccountProblem":
			return kindUnavailable
		}
		return kindForbidden
	case http.StatusBadRequest:
		if a.code == "KeyTooLongError" || a.code == "KeyTooLong" {
			return kindTooLong
		}
	}
	return kindUnavailable
}

// describe wraps sentinel with what an operator needs to know of the answer.
func describe(a answer, sentinel, err error) error {
	if a.status == 0 {
		// The text of a url.Error holds the endpoint and the key.
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
