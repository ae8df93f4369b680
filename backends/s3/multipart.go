package s3

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/bailiwick-fs/bailiwick/backends/internal/put"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

const (
	// completeWait bounds the assembly of the parts, which can take as long as copying
	// them on a server that stores files.
	completeWait = 5 * time.Minute
	abortWait    = 10 * time.Second
)

// An upload is a Put of more than one part.
type upload struct {
	*writing
	id    string
	parts []*types.CompletedPart

	free   chan []byte // buffers whose parts have been sent
	length int         // size of each buffer
	own    int         // number of buffers, free or in use
	spares int         // number of those with a token of buffers.spare

	aborted bool
}

var errNoUpload = fmt.Errorf("%w: S3 began an upload but returned no id", vfs.ErrUnavailable)

// multipart stores a body whose first n bytes are in first.
func (w *writing) multipart(first []byte, n int) (_ vfs.Info, err error) {
	w.wait = finishWait
	u := &upload{writing: w, free: make(chan []byte, partBuffers), length: len(first), own: 1}
	defer u.releaseBuffers()
	if err := u.spare(); err != nil {
		return vfs.Info{}, err
	}
	if err := u.create(); err != nil {
		return vfs.Info{}, err
	}
	parts := u.newPartSender()
	done := false
	// This also runs if the body, which is the caller's code, panics.
	defer func() {
		parts.stop()
		if !done {
			u.abort()
		}
	}()
	w.body.r = &liveReader{parts.live, w.body.r}
	if err := u.sendParts(parts, first, n); err != nil {
		return vfs.Info{}, err
	}
	w.abandon = u.abort
	etag, err := u.complete()
	done = err == nil
	return w.stored(etag), err
}

// spare avoids sending a large body in vain: it checks the condition now. S3 enforces
// the rest at the end.
func (u *upload) spare() error {
	if u.cond.IsZero() || !u.direct {
		return nil
	}
	current, _, err := u.see(u.ctx)
	switch {
	case u.ctx.Err() != nil:
		return u.fail(u.ctx.Err())
	case err != nil:
		return nil
	}
	return put.Check(u.op, u.n, u.cond, current)
}

func (u *upload) create() error {
	if err := u.acquireWithin(u.ctx, u.wait); err != nil {
		return u.fail(err)
	}
	defer u.release()
	out, err := u.api.CreateMultipartUpload(u.ctx, &awss3.CreateMultipartUploadInput{
		Bucket:              &u.bucket,
		Key:                 &u.key,
		ExpectedBucketOwner: u.owner,
		ContentType:         headerValue(u.opts.ContentType),
		ContentEncoding:     headerValue(u.opts.Encoding),
		Metadata:            u.metadata(),
		// Without this, versitygw refuses parts that have a checksum.
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
	})
	if err != nil {
		return u.refused(err)
	}
	if u.id = aws.ToString(out.UploadId); u.id == "" {
		return u.fail(errNoUpload)
	}
	return nil
}

// refused is fail for a request before the last one: if something is missing, it is the
// bucket or the upload.
func (u *upload) refused(err error) error {
	if a := answerOf(err); a.status == http.StatusNotFound {
		return u.fail(describe(a, vfs.ErrUnavailable, err))
	}
	return u.fail(err)
}

// complete makes the object from the parts.
func (u *upload) complete() (etag string, err error) {
	parts := make([]types.CompletedPart, len(u.parts))
	for i, p := range u.parts {
		parts[i] = *p
	}
	return u.commit(func(ctx context.Context, c clause) (*string, error) {
		ctx, cancel := context.WithTimeout(ctx, completeWait)
		defer cancel()
		out, err := u.api.CompleteMultipartUpload(ctx, &awss3.CompleteMultipartUploadInput{
			Bucket:              &u.bucket,
			Key:                 &u.key,
			ExpectedBucketOwner: u.owner,
			UploadId:            &u.id,
			MultipartUpload:     &types.CompletedMultipartUpload{Parts: parts},
			IfMatch:             c.ifMatch(),
			IfNoneMatch:         c.ifNoneMatch(),
		})
		if err != nil {
			return nil, err
		}
		return out.ETag, nil
	})
}

// abort discards the parts, even if the caller is gone. If that fails, they remain
// until SweepUploads.
func (u *upload) abort() {
	if u.aborted {
		return
	}
	u.aborted = true
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.ctx), abortWait)
	defer cancel()
	if err := u.acquireWithin(ctx, abortWait); err != nil {
		return
	}
	defer u.release()
	_ = u.abortUpload(ctx, u.key, u.id)
}

func (b *Backend) abortUpload(ctx context.Context, key, id string) error {
	_, err := b.api.AbortMultipartUpload(ctx, &awss3.AbortMultipartUploadInput{
		Bucket:              &b.bucket,
		Key:                 &key,
		ExpectedBucketOwner: b.owner,
		UploadId:            &id,
	})
	return err
}
