// Package gcs is what Google Cloud Storage can do beyond the CDK's portable interface:
// conditions by generation. See [blob.Service].
package gcs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"cloud.google.com/go/storage"
	cdk "gocloud.dev/blob"
	"gocloud.dev/gcerrors"
	"google.golang.org/api/googleapi"

	"github.com/bailiwick-fs/bailiwick/backends/blob"
	"github.com/bailiwick-fs/bailiwick/backends/internal/keyed"
)

// Service is the [blob.Service] of a bucket of gcsblob. An ETag of vfs.Info consists of
// an object's generation and metageneration: the service's own ETags are no strong ones.
// With a client that reads through the JSON API, Open does not know the ContentTime.
var Service blob.Service = service{}

type service struct{}

func (service) Kind() string { return "gcs" }

func (service) Serves(bucket *cdk.Bucket) bool {
	var client *storage.Client
	return bucket.As(&client)
}

// Holds leaves out a prefix that the service reserves.
func (service) Holds(key string) bool {
	return !strings.HasPrefix(key, ".well-known/acme-challenge/")
}

func (service) StoredKey(o *cdk.ListObject) (string, bool) {
	var attrs storage.ObjectAttrs
	ok := o.As(&attrs)
	if o.IsDir {
		return attrs.Prefix, ok
	}
	return attrs.Name, ok
}

func (service) Context(ctx context.Context) context.Context { return ctx }

func tagOf(generation, metageneration int64) string {
	if generation == 0 {
		return ""
	}
	return fmt.Sprintf("%d-%d", generation, metageneration)
}

// conditions require the version with the tag. A tag that is none is never met.
func conditions(tag string) storage.Conditions {
	first, second, _ := strings.Cut(tag, "-")
	generation, err1 := strconv.ParseInt(first, 10, 64)
	metageneration, err2 := strconv.ParseInt(second, 10, 64)
	if err1 != nil || err2 != nil || generation <= 0 || metageneration <= 0 {
		return storage.Conditions{GenerationMatch: 1, MetagenerationMatch: 1}
	}
	return storage.Conditions{GenerationMatch: generation, MetagenerationMatch: metageneration}
}

func (service) Tag(a *cdk.Attributes) string {
	var attrs storage.ObjectAttrs
	if !a.As(&attrs) {
		return ""
	}
	return tagOf(attrs.Generation, attrs.Metageneration)
}

func (service) Opened(r *cdk.Reader) (blob.Opened, bool) {
	var raw *storage.Reader
	if !r.As(&raw) || raw.Attrs.Decompressed || raw.Remain() < 0 {
		return blob.Opened{}, false
	}
	o := blob.Opened{
		Tag:         tagOf(raw.Attrs.Generation, raw.Attrs.Metageneration),
		Size:        raw.Attrs.Size,
		Offset:      raw.Attrs.StartOffset,
		Length:      raw.Remain(),
		ModTime:     raw.Attrs.LastModified,
		ContentType: raw.Attrs.ContentType,
		Encoding:    raw.Attrs.ContentEncoding,
	}
	for k, v := range raw.Metadata() { // in the spelling of a header
		if strings.EqualFold(k, keyed.TimeKey) {
			o.ContentTime = v
		}
	}
	return o, true
}

// handle returns a hook that replaces the driver's handle of the object.
func handle(change func(*storage.ObjectHandle) *storage.ObjectHandle) blob.Hook {
	return func(as func(any) bool) error {
		var h **storage.ObjectHandle
		if !as(&h) {
			return blob.ErrHook
		}
		*h = change(*h)
		return nil
	}
}

// ReadIf also turns off the service's decompression.
func (service) ReadIf(tag string) blob.Hook {
	return handle(func(h *storage.ObjectHandle) *storage.ObjectHandle {
		h = h.ReadCompressed(true)
		if tag != "" {
			h = h.If(conditions(tag))
		}
		return h
	})
}

func (service) WriteIf(tag string) blob.Hook {
	return handle(func(h *storage.ObjectHandle) *storage.ObjectHandle { return h.If(conditions(tag)) })
}

func (s service) RemoveIf(tag string) blob.Hook { return s.WriteIf(tag) }

func (service) ListAfter(after string) blob.Hook {
	return func(as func(any) bool) error {
		var q *storage.Query
		if !as(&q) {
			return blob.ErrHook
		}
		q.StartOffset = q.Prefix + after
		return nil
	}
}

func (service) Code(err error) gcerrors.ErrorCode {
	switch {
	case errors.Is(err, storage.ErrBucketNotExist):
		return gcerrors.Unknown
	case errors.Is(err, storage.ErrObjectNotExist):
		return gcerrors.NotFound
	}
	ge, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		return gcerrors.Code(err)
	}
	switch ge.Code {
	case http.StatusNotFound:
		return gcerrors.NotFound
	case http.StatusForbidden:
		return gcerrors.PermissionDenied
	case http.StatusPreconditionFailed, http.StatusConflict:
		return gcerrors.FailedPrecondition
	}
	return gcerrors.Unknown
}
