package s3

import (
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// newPresigner returns what signs URLs as api signs its requests, nil where api signs
// none: a URL that anybody could make is no grant.
func newPresigner(api API) *awss3.PresignClient {
	client, ok := api.(*awss3.Client)
	if !ok || client.Options().Credentials == nil { // the SDK makes nil of anonymous ones
		return nil
	}
	return awss3.NewPresignClient(client, awss3.WithPresignClientFromClientOptions(func(o *awss3.Options) {
		// Else the client would have to send a header that asks for a checksum.
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	}))
}

// lifetime is how long a URL that is signed now is good for, in whole seconds.
func lifetime(d vfs.Direct) time.Duration {
	if d.Until.IsZero() {
		return d.For
	}
	return min(d.For, time.Until(d.Until).Truncate(time.Second))
}

// direct returns the object without its bytes, and a URL of S3's own for them, which is
// good for so long. It is there, and as req wants it, at this moment: the URL is good for
// its key, whatever that holds when it is used.
func (o *objectCall) direct(left time.Duration) (*vfs.Object, error) {
	// It is signed before the HeadObject, which may take long: the URL's time begins here. The
	// HeadObject checks the owner of the bucket, for which a client would have to send a header.
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
		return nil, o.fail(fmt.Errorf("%w: a URL that takes more than a plain GET", vfs.ErrUnsupported))
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
	return &s
}
