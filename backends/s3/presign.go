package s3

import (
	"fmt"
	"net/http"

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

// direct returns the object without its bytes, and a URL of S3's own for them. It is
// there, and as req wants it, at this moment: the URL is good for its key, whatever
// that holds when it is used.
func (o *look) direct() (*vfs.Object, error) {
	info, err := o.head()
	if err != nil {
		return nil, err
	}
	span, err := o.req.Resolve(o.op, info)
	if err != nil {
		return nil, err
	}
	// The owner of the bucket was checked by the look above. To check it once more, a
	// client would have to send a header.
	signed, err := o.presign.PresignGetObject(o.ctx, &awss3.GetObjectInput{
		Bucket:                     &o.bucket,
		Key:                        &o.key,
		ResponseContentType:        stringOrNil(o.req.Direct.ContentType),
		ResponseContentDisposition: stringOrNil(o.req.Direct.ContentDisposition),
		ResponseCacheControl:       stringOrNil(o.req.Direct.CacheControl),
	}, awss3.WithPresignExpires(o.req.Direct.For))
	if err != nil {
		return nil, o.fail(err)
	}
	if signed.Method != http.MethodGet || len(signed.SignedHeader) != 1 {
		return nil, o.fail(fmt.Errorf("%w: a URL that takes more than a plain GET", vfs.ErrUnsupported))
	}
	o.release()
	return &vfs.Object{Info: info, Span: span, Body: http.NoBody, Location: signed.URL}, nil
}

func stringOrNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
