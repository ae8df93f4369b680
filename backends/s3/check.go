package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
)

// Check finds out whether the bucket can be reached and read, by one HeadBucket;
// if that is refused, by one ListObjectsV2 more, whose answer says why. It ends
// with ctx. Its error is one line for the operator: it names the bucket and what
// to do, and holds no secret.
//
// Both calls need the right s3:ListBucket.
func (b *Backend) Check(ctx context.Context) error {
	_, err := b.api.HeadBucket(ctx, &awss3.HeadBucketInput{Bucket: &b.bucket, ExpectedBucketOwner: b.owner})
	if err == nil {
		return nil
	}
	a := answerOf(err)
	// What answers a HEAD has no code, and these have many causes.
	if a.status == http.StatusForbidden || a.status == http.StatusBadRequest {
		l := listing{b: b, prefix: b.prefix}
		if _, err = b.api.ListObjectsV2(ctx, l.input(1)); err == nil {
			return nil
		}
		a = answerOf(err)
	}
	return errors.New("s3: " + b.advice(ctx, a, err))
}

// advice says in one line what is wrong and what to do.
func (b *Backend) advice(ctx context.Context, a answer, err error) string {
	switch {
	case ctx.Err() != nil:
		return "the endpoint did not answer in time: " + ctx.Err().Error()
	case strings.Contains(err.Error(), "get identity: "):
		return "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or ask anonymously"
	case a.status == 0:
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return "the endpoint cannot be reached: " + oneLine(err.Error())
	}
	switch a.code {
	case "InvalidAccessKeyId":
		return "the access key is not known there"
	case "SignatureDoesNotMatch":
		return "the secret key does not fit the access key"
	case "ExpiredToken", "InvalidToken", "TokenRefreshRequired":
		return "the session token is not, or no longer, valid"
	case "RequestTimeTooSkewed":
		return "the clock of this machine is wrong"
	}
	switch a.status {
	case http.StatusNotFound:
		return fmt.Sprintf("there is no bucket %q", b.bucket)
	case http.StatusForbidden:
		return fmt.Sprintf("the bucket %q may not be read: the credentials need s3:ListBucket and s3:GetObject there, and the owner must be the one expected", b.bucket)
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusBadRequest:
		return fmt.Sprintf("the bucket %q is not in this region, or the endpoint is not the one for it: set the region", b.bucket)
	}
	return oneLine(describe(a, errUnusable, err).Error())
}

var errUnusable = errors.New("the bucket cannot be used")

// oneLine keeps what others wrote from looking like lines of ours.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }), " ")
}
