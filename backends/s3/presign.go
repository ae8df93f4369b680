package s3

import (
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// newPresigner returns a signer of URLs with the credentials of api, or nil if api does
// not sign requests: a URL that anyone could make grants nothing.
func newPresigner(api API) *awss3.PresignClient {
	client := sdkClient(api)
	if client == nil || client.Options().Credentials == nil { // the SDK sets it to nil for anonymous access
		return nil
	}
	return awss3.NewPresignClient(client, awss3.WithPresignClientFromClientOptions(func(o *awss3.Options) {
		// Otherwise the client would have to send a header that requests a checksum.
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	}))
}

// lifetime returns the lifetime of a URL signed now, in whole seconds.
func lifetime(d vfs.Direct) time.Duration {
	if d.Until.IsZero() {
		return d.For
	}
	return min(d.For, time.Until(d.Until).Truncate(time.Second))
}

// direct returns the object without its bytes, and a URL of S3 for them, valid for
// left. The object exists and meets req at this moment; the URL is valid for the key,
// whatever object that has later.
func (o *objectCall) direct(left time.Duration) (*vfs.Object, error) {
	// Sign before the HeadObject, which may take long: the URL's lifetime begins here.
	// The HeadObject checks the owner of the bucket; in a URL, that would need a header
	// from the client.
	signed, err := o.presign.PresignGetObject(o.ctx, &awss3.GetObjectInput{
		Bucket:                     &o.bucket,
		Key:                        &o.key,
		ResponseContentType:        stringOrNil(o.req.Direct.ContentType),
		ResponseContentDisposition: stringOrNil(o.req.Direct.ContentDisposition),
		ResponseCacheControl:       stringOrNil(o.req.Direct.CacheControl),
	}, awss3.WithPresignExpires(left))
	if err != nil {
		return nil, o.fail(err)
	}
	if signed.Method != http.MethodGet || len(signed.SignedHeader) != 1 {
		return nil, o.fail(fmt.Errorf("%w: the URL would need more than a plain GET", vfs.ErrUnsupported))
	}
	info, err := o.head()
	if err != nil {
		return nil, err
	}
	span, err := o.req.Resolve(o.op, info)
	if err != nil {
		return nil, err
	}
	return &vfs.Object{Info: info, Span: span, Body: http.NoBody, Location: signed.URL}, nil
}

func stringOrNil(s string) *string {
	if s == "" {
		return nil
	}
	return aws.String(s) // only this allocates
}
