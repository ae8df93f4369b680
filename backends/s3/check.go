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

// Check finds out whether the bucket can be reached and read, by one HeadBucket;
// if that is refused or finds nothing, by one ListObjectsV2 more, whose answer says why. It ends
// with ctx. Its error is one line for the operator: it names the bucket and what
// to do, and holds no secret.
//
// The error matches vfs.ErrUnavailable if no answer came, or one that says to try
// again. It matches fs.ErrPermission if the credentials are good, but lack the
// right s3:ListBucket, which both calls need: objects may be served all the same,
// and whether they may is not to be found out before one is asked for.
func (b *Backend) Check(ctx context.Context) error {
	out, err := b.api.HeadBucket(ctx, &awss3.HeadBucketInput{Bucket: &b.bucket, ExpectedBucketOwner: b.owner})
	if err == nil {
		b.noteService(out.ResultMetadata)
		return nil
	}
	a := answerOf(err)
	// What answers a HEAD has no code, and these have many causes.
	switch a.status {
	case http.StatusForbidden, http.StatusUnauthorized, http.StatusBadRequest,
		http.StatusNotFound: // what some servers answer to an unknown access key
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

// noteService remembers what the service calls itself.
func (b *Backend) noteService(m middleware.Metadata) {
	if res, ok := awsmiddleware.GetRawResponse(m).(*smithyhttp.Response); ok && res.Response != nil {
		b.minio.Store(strings.HasPrefix(res.Header.Get("Server"), "MinIO"))
	}
}

// Unlisted says why List and Walk may leave out objects that can be read, "" for no
// reason. It is known once Check has succeeded. MinIO keeps "docs/a" in the directory of
// an object "docs", and lists nothing in there, with a delimiter or without.
func (b *Backend) Unlisted() string {
	if !b.minio.Load() {
		return ""
	}
	return "MinIO lists nothing that lies below an object: where a bucket holds docs and docs/a, docs/a can be read, and no listing shows it"
}

// A checkError prints as its text alone.
type checkError struct {
	text string
	kind error // may be nil
}

func (e *checkError) Error() string { return e.text }
func (e *checkError) Unwrap() error { return e.kind }

// checkKind returns the sentinel that the error of Check matches, nil for none.
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
		return "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or ask anonymously"
	case a.status == 0:
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return "the endpoint cannot be reached: " + printable(err.Error())
	}
	switch a.code {
	case "InvalidAccessKeyId":
		return "the access key is not known there: look at AWS_ACCESS_KEY_ID, or at the profile"
	case "SignatureDoesNotMatch":
		return "the secret key does not fit the access key: look at AWS_SECRET_ACCESS_KEY, or at the profile"
	case "ExpiredToken", "InvalidToken", "TokenRefreshRequired":
		return "the session token is not, or no longer, valid: look at AWS_SESSION_TOKEN, or log in again"
	case "RequestTimeTooSkewed":
		return "the clock of this machine is wrong"
	}
	switch a.status {
	case http.StatusNotFound:
		return fmt.Sprintf("there is no bucket %q", b.bucket)
	case http.StatusUnauthorized:
		return "the credentials are not known there: look at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or at the profile"
	case http.StatusForbidden:
		return fmt.Sprintf("the bucket %q may not be read: the credentials need s3:ListBucket and s3:GetObject there, and the owner must be the one expected", b.bucket)
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusBadRequest:
		if region := a.header.Get("X-Amz-Bucket-Region"); region != "" {
			return fmt.Sprintf("the bucket %q is in region %q: set that one", b.bucket, region)
		}
		return fmt.Sprintf("the bucket %q is not in this region, or the endpoint is not the one for it: set the region", b.bucket)
	}
	return printable(describe(a, errUnusable, err).Error())
}

// noCredentials reports whether a call was not made for want of credentials,
// which the SDK has no type for.
func noCredentials(err error) bool { return strings.Contains(err.Error(), "get identity: ") }

var errUnusable = errors.New("the bucket cannot be used")

// printable keeps text of others from looking like lines of ours.
func printable(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }), " ")
}
