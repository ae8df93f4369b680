package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Check finds out whether the bucket can be reached and read, with one HeadBucket and,
// if that is refused or finds nothing, one ListObjectsV2, whose answer gives the cause.
// It respects ctx. Its error is one line for the operator: it names the bucket and says
// what to do, and contains no secret.
//
// The error matches vfs.ErrUnavailable if there was no answer, or an answer that asks
// to try again. It matches fs.ErrPermission if the credentials are valid but lack the
// permission s3:ListBucket, which both calls need: objects may still be readable, which
// only reading one can find out.
func (b *Backend) Check(ctx context.Context) error {
	out, err := b.api.HeadBucket(ctx, &awss3.HeadBucketInput{Bucket: &b.bucket, ExpectedBucketOwner: b.owner})
	if err == nil {
		b.noteService(out.ResultMetadata)
		return nil
	}
	a := answerOf(err)
	// An answer to HEAD has no code, and these statuses have many causes.
	switch a.status {
	case http.StatusForbidden, http.StatusUnauthorized, http.StatusBadRequest,
		http.StatusNotFound: // some servers answer so to an unknown access key
		l := listing{b: b, prefix: b.prefix}
		listed, refused := b.api.ListObjectsV2(ctx, l.input(1))
		if refused == nil {
			b.noteService(listed.ResultMetadata)
			return nil
		}
		err = refused
		a = answerOf(err)
	}
	return &checkError{b.advice(ctx, a, err), checkKind(a, err)}
}

// noteService records which service answered.
func (b *Backend) noteService(m middleware.Metadata) {
	if res, ok := awsmiddleware.GetRawResponse(m).(*smithyhttp.Response); ok && res.Response != nil {
		b.minio.Store(strings.HasPrefix(res.Header.Get("Server"), "MinIO"))
	}
}

// Unlisted says why List and Walk may omit readable objects; "" if they do not. It is
// known once Check has succeeded. MinIO keeps "docs/a" in the directory of an object
// "docs" and does not list it, with or without a delimiter.
func (b *Backend) Unlisted() string {
	if !b.minio.Load() {
		return ""
	}
	return "MinIO does not list objects below another object: if a bucket has docs and docs/a, docs/a can be read but is not listed"
}

// A checkError prints only its text.
type checkError struct {
	text string
	kind error // may be nil
}

func (e *checkError) Error() string { return e.text }
func (e *checkError) Unwrap() error { return e.kind }

// checkKind returns the sentinel that the error of Check matches, or nil.
func checkKind(a answer, err error) error {
	switch {
	case noCredentials(err):
		return nil
	case a.kind() == kindForbidden:
		return fs.ErrPermission
	case a.status == 0, a.status == http.StatusRequestTimeout, a.status == http.StatusTooManyRequests, a.status >= 500:
		return vfs.ErrUnavailable
	}
	return nil
}

// advice says in one line what is wrong and what to do.
func (b *Backend) advice(ctx context.Context, a answer, err error) string {
	switch {
	case ctx.Err() != nil:
		return "the endpoint did not answer in time: " + ctx.Err().Error()
	case noCredentials(err):
		return "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or use anonymous access"
	case a.status == 0:
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return "the endpoint cannot be reached: " + printable(err.Error())
	}
	switch a.code {
	case "InvalidAccessKeyId":
		return "the service does not know the access key: check AWS_ACCESS_KEY_ID or the profile"
	case "SignatureDoesNotMatch":
		return "the secret key does not match the access key: check AWS_SECRET_ACCESS_KEY or the profile"
	case "ExpiredToken", "InvalidToken", "TokenRefreshRequired":
		return "the session token is invalid or has expired: check AWS_SESSION_TOKEN, or log in again"
	case "RequestTimeTooSkewed":
		return "the clock of this machine is wrong"
	}
	switch a.status {
	case http.StatusNotFound:
		return fmt.Sprintf("there is no bucket %q", b.bucket)
	case http.StatusUnauthorized:
		return "the service does not know the credentials: check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile"
	case http.StatusForbidden:
		return fmt.Sprintf("no permission to read the bucket %q: the credentials need s3:ListBucket and s3:GetObject on it, and its owner must be the expected one", b.bucket)
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusBadRequest:
		if region := a.header.Get("X-Amz-Bucket-Region"); region != "" {
			return fmt.Sprintf("the bucket %q is in region %q: set that region", b.bucket, region)
		}
		return fmt.Sprintf("the bucket %q is not in this region, or the endpoint is wrong for it: set the region", b.bucket)
	}
	return printable(describe(a, errUnusable, err).Error())
}

// noCredentials reports whether a call was not made because there are no credentials.
// The SDK has no error type for that.
func noCredentials(err error) bool { return strings.Contains(err.Error(), "get identity: ") }

var errUnusable = errors.New("the bucket cannot be used")

// printable keeps text from others from looking like our own output lines.
func printable(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }), " ")
}
