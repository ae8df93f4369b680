package s3

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/bailiwick-fs/bailiwick/backends/internal/keyed"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

var (
	_ driver.Copier  = (*Backend)(nil)
	_ driver.Locator = (*Backend)(nil)
)

// maxCopy is the maximum size of an object for CopyObject.
const maxCopy = 5 << 30

// CopyFrom copies an object of src with one CopyObject, if src is a Backend of the same
// service: no bytes pass through this process. It fails with vfs.ErrUnsupported under a
// condition, for objects over 5 GiB, and if the service refuses, for example because
// the object has changed since; the caller then uses Put with the object's bytes.
//
// The copy has the content type, coding and time given in opts, and otherwise none of
// the metadata, as after a Put.
func (b *Backend) CopyFrom(ctx context.Context, n vfs.Name, src vfs.Backend, from vfs.Info, opts vfs.PutOptions) (vfs.Info, error) {
	client, source := b.sameService(driver.Under(src))
	opts.Cond.Unsafe = false
	if !b.writable || keyed.LosesEncoding(&opts) || source == nil || !opts.Cond.IsZero() || from.ETag == "" || from.Size > maxCopy {
		return driver.Unsupported{}.Put(ctx, n, nil, opts)
	}
	if namesMarker(n) {
		return vfs.Info{}, driver.Refuse("put", n, reason.Unholdable)
	}
	key, err := source.key("open", from.Name)
	if err != nil {
		return vfs.Info{}, err
	}
	c, err := b.change(ctx, "put", n, vfs.Cond{})
	if err != nil {
		return vfs.Info{}, err
	}
	w := &writing{change: c, opts: opts, size: from.Size}
	w.mark = rand.Text()
	w.wait = finishWait
	refused := false
	etag, err := w.commit(func(ctx context.Context, _ clause) (*string, error) {
		ctx, cancel := context.WithTimeout(ctx, completeWait)
		defer cancel()
		out, err := client.CopyObject(ctx, &awss3.CopyObjectInput{
			Bucket:                    &w.bucket,
			Key:                       &w.key,
			ExpectedBucketOwner:       w.owner,
			ExpectedSourceBucketOwner: source.owner,
			CopySource:                aws.String(copySource(source.bucket, key)),
			CopySourceIfMatch:         aws.String(`"` + from.ETag + `"`),
			MetadataDirective:         types.MetadataDirectiveReplace,
			ContentType:               headerValue(opts.ContentType),
			ContentEncoding:           headerValue(opts.Encoding),
			Metadata:                  w.metadata(),
		})
		switch {
		case err == nil && out.CopyObjectResult != nil:
			return out.CopyObjectResult.ETag, nil
		case err == nil:
			return nil, nil
		}
		refused = refusesCopy(answerOf(err).status)
		if refused {
			return nil, nil
		}
		return nil, err
	})
	if refused {
		return driver.Unsupported{}.Put(ctx, n, nil, opts)
	}
	return w.stored(etag), err
}

// sameService returns the client if src is a Backend that can be copied from, or else
// nil.
func (b *Backend) sameService(src vfs.Backend) (*awss3.Client, *Backend) {
	source, ok := src.(*Backend)
	if !ok {
		return nil, nil
	}
	mine := sdkClient(b.api)
	if mine == nil || sdkClient(source.api) == nil || b.service() != source.service() {
		return nil, nil
	}
	return mine, source
}

// service returns a value that is equal for two Backends only if they use one service.
func (b *Backend) service() any {
	type address struct{ endpoint, region string }
	client := sdkClient(b.api)
	if client == nil {
		return b.api
	}
	o := client.Options()
	return address{aws.ToString(o.BaseEndpoint), o.Region}
}

// Locate implements driver.Locator. A bucket that has several names or endpoints has several
// Locations.
func (b *Backend) Locate(n vfs.Name) driver.Location {
	type store struct {
		service any
		bucket  string
	}
	return driver.LocationIn(store{b.service(), b.bucket}, b.prefix+n.String())
}

// copySource encodes a key for CopyObject. Some services read a plus sign as a space.
func copySource(bucket, key string) string {
	return strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(bucket + "/" + key))
}

// refusesCopy reports whether the status means with certainty that nothing was copied.
func refusesCopy(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooManyRequests:
		return false
	case http.StatusNotImplemented:
		return true
	}
	return status/100 == 4
}
