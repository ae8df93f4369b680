// Package s3 is what the CDK's driver s3blob can do beyond its portable interface. Use
// package backends/s3 in place of both unless the program already has such a bucket: it
// resumes bodies, verifies checksums, and sends fewer requests.
package s3

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	cdk "gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/bailiwick-fs/bailiwick/backends/blob"
	"github.com/bailiwick-fs/bailiwick/backends/internal/keyed"
)

// Service is the [blob.Service] of a bucket of s3blob. It does not serve a bucket that
// was opened with the legacy listing.
var Service blob.Service = service{}

type service struct{}

func (service) Kind() string { return "s3" }

func (service) Serves(bucket *cdk.Bucket) bool {
	var client *awss3.Client
	return bucket.As(&client)
}

// Holds leaves out MinIO's suffix for directory markers: it lists "x__XLDIR__" as "x/".
func (service) Holds(key string) bool {
	for elem := range strings.SplitSeq(key, "/") {
		if strings.HasSuffix(elem, "__XLDIR__") {
			return false
		}
	}
	return true
}

func (service) StoredKey(o *cdk.ListObject) (string, bool) {
	if o.IsDir {
		var p types.CommonPrefix
		ok := o.As(&p)
		return aws.ToString(p.Prefix), ok
	}
	var obj types.Object
	ok := o.As(&obj)
	return aws.ToString(obj.Key), ok
}

func (service) Context(ctx context.Context) context.Context { return ctx }

func (service) Tag(a *cdk.Attributes) string { return keyed.OpaqueTag(a.ETag) }

func (service) Opened(r *cdk.Reader) (blob.Opened, bool) {
	var out awss3.GetObjectOutput
	if !r.As(&out) || out.ContentLength == nil {
		return blob.Opened{}, false
	}
	o := blob.Opened{
		Tag:         keyed.OpaqueTag(aws.ToString(out.ETag)),
		Size:        *out.ContentLength,
		Length:      *out.ContentLength,
		ModTime:     aws.ToTime(out.LastModified),
		ContentType: aws.ToString(out.ContentType),
		Encoding:    aws.ToString(out.ContentEncoding),
		ContentTime: out.Metadata[keyed.TimeKey],
	}
	if out.ContentRange == nil {
		return o, true
	}
	part, ok := keyed.ParseContentRange(*out.ContentRange)
	o.Size, o.Offset = part.Size, part.First
	return o, ok && part.Last-part.First+1 == o.Length
}

func quote(tag string) *string { return aws.String(`"` + tag + `"`) }

func (service) ReadIf(tag string) blob.Hook {
	return func(as func(any) bool) error {
		var in *awss3.GetObjectInput
		if !as(&in) {
			return blob.ErrHook
		}
		if tag != "" {
			in.IfMatch = quote(tag)
		}
		// The SDK compares the checksum with the body at its end.
		in.ChecksumMode = types.ChecksumModeEnabled
		return nil
	}
}

func (service) WriteIf(tag string) blob.Hook {
	return func(as func(any) bool) error {
		var in *transfermanager.UploadObjectInput
		if !as(&in) {
			return blob.ErrHook
		}
		in.IfMatch = quote(tag)
		return nil
	}
}

func (service) RemoveIf(tag string) blob.Hook {
	return func(as func(any) bool) error {
		var in *awss3.DeleteObjectInput
		if !as(&in) {
			return blob.ErrHook
		}
		in.IfMatch = quote(tag)
		return nil
	}
}

func (service) ListAfter(after string) blob.Hook {
	return func(as func(any) bool) error {
		var in *awss3.ListObjectsV2Input
		if !as(&in) {
			return blob.ErrHook
		}
		in.StartAfter = aws.String(aws.ToString(in.Prefix) + after)
		return nil
	}
}

// Code goes by the code, and otherwise by the status: an answer to HEAD has no code.
func (service) Code(err error) gcerrors.ErrorCode {
	if ae, ok := errors.AsType[smithy.APIError](err); ok {
		switch ae.ErrorCode() {
		case "NoSuchBucket":
			return gcerrors.Unknown
		case "NoSuchKey", "ObjectParentIsFile", "XMinioParentIsObject":
			return gcerrors.NotFound
		case "ConditionalRequestConflict", "OperationAborted":
			return gcerrors.FailedPrecondition
		case "KeyTooLongError", "InvalidObjectName", "XMinioInvalidObjectName", "ExistingObjectIsDirectory", "XMinioObjectExistsAsDirectory":
			return gcerrors.InvalidArgument
		}
	}
	re, ok := errors.AsType[*awshttp.ResponseError](err)
	if !ok {
		return gcerrors.Code(err)
	}
	switch re.HTTPStatusCode() {
	case http.StatusNotFound:
		return gcerrors.NotFound
	case http.StatusForbidden:
		return gcerrors.PermissionDenied
	case http.StatusPreconditionFailed:
		return gcerrors.FailedPrecondition
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return gcerrors.Unimplemented
	}
	return gcerrors.Unknown
}
