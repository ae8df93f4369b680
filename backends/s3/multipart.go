package s3

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/bailiwick-fs/bailiwick/backends/internal/put"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

const (
	// completeWait bounds the assembly of the parts, which on a server that keeps
	// files takes as long as copying them.
	completeWait = 5 * time.Minute
	abortWait    = 10 * time.Second
)

// An upload is a Put of more than one part.
type upload struct {
	*writing
	id    string
	parts []*types.CompletedPart

	group *errgroup.Group // sends the parts
	live  context.Context // ends with the first part that fails
	// sending ends some time after live: a part whose connection is cut can come
	// to be behind the abort, and with it the whole upload again.
	sending context.Context

	free   chan []byte // buffers that were sent
	length int         // of each buffer
	own    int         // buffers there are, free or in use
	spares int         // those of them that have a token of buffers.spare

	aborted bool
}

var errNoUpload = fmt.Errorf("%w: S3 began an upload and did not say which", vfs.ErrUnavailable)

// multipart stores a body of which first holds the first n bytes.
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
	ctx, cancel := context.WithCancel(w.ctx)
	u.group, u.live = errgroup.WithContext(ctx)
	sending, cut := grace(u.live)
	u.sending = sending
	done := false
	// It runs also when the body, which is another's code, panics.
	defer func() {
		cancel()
		_ = u.group.Wait()
		cut()
		if !done {
			u.abort()
		}
	}()
	w.body.r = &liveReader{u.live, w.body.r}
	if err := u.sendParts(first, n); err != nil {
		return vfs.Info{}, err
	}
	w.abandon = u.abort
	etag, err := u.complete()
	done = err == nil
	return w.stored(etag), err
}

// spare spares the sending of a large body for nothing. What cannot be seen now
// S3 decides at the end.
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
		Metadata:            map[string]string{markKey: u.mark},
		// Without it, versitygw refuses parts that have a checksum.
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

// refused is fail for a request that comes before the last: what it says is
// missing is the bucket or the upload.
func (u *upload) refused(err error) error {
	if a := answerOf(err); a.status == http.StatusNotFound {
		return u.fail(describe(a, vfs.ErrUnavailable, err))
	}
	return u.fail(err)
}

// sendParts reads the body and sends it, some parts at a time. The first part is
// in buf, and has n bytes.
func (u *upload) sendParts(buf []byte, n int) error {
	for i := 0; ; i++ {
		if i == maxParts || u.size > maxObject {
			return u.fail(errTooLarge)
		}
		u.start(int32(i+1), buf, n)
		if u.body.ended() {
			break
		}
		if buf = u.buffer(int(partSize(u.buffers.part, i+1, u.opts))); buf == nil {
			break
		}
		var err error
		if n, err = u.read(buf); u.live.Err() != nil {
			break
		} else if err != nil {
			return err
		}
	}
	if err := u.group.Wait(); err != nil {
		return u.refused(err)
	}
	return nil
}

// start sends a part in the background, and then gives the buffer back.
func (u *upload) start(number int32, buf []byte, n int) {
	part := &types.CompletedPart{PartNumber: &number}
	u.parts = append(u.parts, part)
	u.group.Go(func() error {
		defer func() { u.free <- buf }()
		return u.sendPart(part, buf[:n])
	})
}

func (u *upload) sendPart(part *types.CompletedPart, data []byte) error {
	if err := u.acquireWithin(u.live, u.wait); err != nil {
		return err
	}
	defer u.release()
	// It is given, and not left to the client, which would send it behind the
	// body, in a form that many services do not know.
	part.ChecksumCRC32 = aws.String(crc32Of(data))
	return u.sendBody(u.sending, data, func(ctx context.Context, p *payload) error {
		out, err := u.api.UploadPart(ctx, &awss3.UploadPartInput{
			Bucket:              &u.bucket,
			Key:                 &u.key,
			ExpectedBucketOwner: u.owner,
			UploadId:            &u.id,
			PartNumber:          part.PartNumber,
			Body:                p,
			ContentLength:       aws.Int64(int64(len(data))),
			ChecksumCRC32:       part.ChecksumCRC32,
		})
		if err != nil {
			return err
		}
		part.ETag = out.ETag
		return nil
	})
}

// crc32Of is the checksum as S3 spells it.
func crc32Of(data []byte) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(data)))
}

// buffer returns one for the next part, of size bytes, or nil if a part failed.
func (u *upload) buffer(size int) []byte {
	if size != u.length {
		for range u.own {
			u.buffers.put(<-u.free)
		}
		u.releaseSpares()
		u.own, u.length = 0, size
	}
	select {
	case buf := <-u.free:
		return buf
	default:
	}
	if u.mayGrow() {
		u.own++
		return u.buffers.get(size)
	}
	select {
	case buf := <-u.free:
		return buf
	case <-u.live.Done():
		return nil
	}
}

// mayGrow reports whether u may have one buffer more.
func (u *upload) mayGrow() bool {
	switch {
	case u.own == 0:
		return true
	case (u.own+1)*u.length > partBuffers*u.buffers.part:
		return false
	}
	select {
	case u.buffers.spare <- struct{}{}:
		u.spares++
		return true
	default:
		return false
	}
}

// releaseBuffers gives back what was sent. A buffer that was in the hands of a
// body that failed is left to the garbage collector.
func (u *upload) releaseBuffers() {
	for range len(u.free) {
		u.buffers.put(<-u.free)
	}
	u.releaseSpares()
}

func (u *upload) releaseSpares() {
	for ; u.spares > 0; u.spares-- {
		<-u.buffers.spare
	}
}

// complete makes the object of the parts.
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

// abort drops the parts, also where the caller has gone. If that fails, they stay
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

// A liveReader reads no more once a part failed.
type liveReader struct {
	live context.Context
	r    io.Reader
}

func (l *liveReader) Read(p []byte) (int, error) {
	if err := l.live.Err(); err != nil {
		return 0, err
	}
	return l.r.Read(p)
}
