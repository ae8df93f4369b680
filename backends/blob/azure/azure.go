// Package azure is what Azure Blob Storage can do beyond the CDK's portable interface:
// conditions by ETag. See [blob.Service].
package azure

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	azureblob "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	cdk "gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/bailiwick-fs/bailiwick/backends/blob"
	"github.com/bailiwick-fs/bailiwick/backends/internal/keyed"
)

// Service is the [blob.Service] of a bucket of azureblob. It cannot begin a listing in the
// middle. Names are refused if they have one of the characters ", #, % and ?, which the
// driver escapes, so that it does not find what others store under such a name; and if an
// element ends in a dot, which the service removes.
var Service blob.Service = service{}

type service struct{}

func (service) Kind() string { return "azure" }

func (service) Serves(bucket *cdk.Bucket) bool {
	var client *container.Client
	return bucket.As(&client)
}

func (service) Holds(key string) bool {
	for elem := range strings.SplitSeq(key, "/") {
		if strings.HasSuffix(elem, ".") {
			return false
		}
	}
	return !strings.ContainsAny(key, `"#%?`)
}

func (service) StoredKey(o *cdk.ListObject) (string, bool) {
	if o.IsDir {
		var p container.BlobPrefix
		ok := o.As(&p)
		return value(p.Name), ok
	}
	var item container.BlobItem
	ok := o.As(&item)
	return value(item.Name), ok
}

// Context keeps net/http from decompressing bodies by itself: their size and ETag are
// those of the stored bytes.
func (service) Context(ctx context.Context) context.Context {
	return policy.WithHTTPHeader(ctx, http.Header{"Accept-Encoding": {"identity"}})
}

func (service) Tag(a *cdk.Attributes) string { return keyed.OpaqueTag(a.ETag) }

func (service) Opened(r *cdk.Reader) (blob.Opened, bool) {
	var out azureblob.DownloadStreamResponse
	if !r.As(&out) || out.ContentLength == nil || out.ETag == nil || out.LastModified == nil {
		return blob.Opened{}, false
	}
	o := blob.Opened{
		Tag:         keyed.OpaqueTag(string(*out.ETag)),
		Size:        *out.ContentLength,
		Length:      *out.ContentLength,
		ModTime:     *out.LastModified,
		ContentType: value(out.ContentType),
		Encoding:    value(out.ContentEncoding),
	}
	for k, v := range out.Metadata {
		if strings.EqualFold(k, keyed.TimeKey) {
			o.ContentTime = value(v)
		}
	}
	if out.ContentRange == nil {
		return o, true
	}
	part, ok := keyed.ParseContentRange(*out.ContentRange)
	o.Size, o.Offset = part.Size, part.First
	return o, ok && part.Last-part.First+1 == o.Length
}

// conditions require the version with the tag.
func conditions(tag string) *azureblob.AccessConditions {
	quoted := azcore.ETag(`"` + tag + `"`)
	return &azureblob.AccessConditions{ModifiedAccessConditions: &azureblob.ModifiedAccessConditions{IfMatch: &quoted}}
}

func (service) ReadIf(tag string) blob.Hook {
	return func(as func(any) bool) error {
		var opts *azureblob.DownloadStreamOptions
		if !as(&opts) {
			return blob.ErrHook
		}
		if tag != "" {
			opts.AccessConditions = conditions(tag)
		}
		return nil
	}
}

func (service) WriteIf(tag string) blob.Hook {
	return func(as func(any) bool) error {
		var opts *azblob.UploadStreamOptions
		if !as(&opts) {
			return blob.ErrHook
		}
		opts.AccessConditions = conditions(tag)
		return nil
	}
}

func (service) RemoveIf(tag string) blob.Hook {
	return func(as func(any) bool) error {
		var opts *azureblob.DeleteOptions
		if !as(&opts) {
			return blob.ErrHook
		}
		opts.AccessConditions = conditions(tag)
		return nil
	}
}

// ListAfter returns nil: the service's StartFrom has other rules for prefixes.
func (service) ListAfter(string) blob.Hook { return nil }

func (service) Code(err error) gcerrors.ErrorCode {
	re, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok {
		if code := gcerrors.Code(err); code != gcerrors.NotFound {
			return code
		}
		return gcerrors.Unknown // an unknown host
	}
	switch bloberror.Code(re.ErrorCode) {
	case bloberror.BlobNotFound:
		return gcerrors.NotFound
	case bloberror.ContainerNotFound, bloberror.ContainerBeingDeleted:
		return gcerrors.Unknown
	case bloberror.ConditionNotMet, bloberror.TargetConditionNotMet, bloberror.BlobAlreadyExists:
		return gcerrors.FailedPrecondition
	case bloberror.InvalidResourceName, bloberror.OutOfRangeInput:
		return gcerrors.InvalidArgument
	}
	switch re.StatusCode {
	case http.StatusNotFound:
		return gcerrors.NotFound
	case http.StatusForbidden:
		return gcerrors.PermissionDenied
	case http.StatusPreconditionFailed:
		return gcerrors.FailedPrecondition
	}
	return gcerrors.Unknown
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
