package s3

import (
	"context"
	"crypto/rand"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/bailiwick-fs/bailiwick/backends/internal/keyed"
	"github.com/bailiwick-fs/bailiwick/backends/internal/put"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// Put stores body under n. A body that fits into one part takes one PutObject. Anything
// larger is a multipart upload, which is invisible until it is complete, and which is
// aborted if it fails. The whole body has been read, and its size checked, before the
// request that makes it visible.
//
// A name with an element that ends in "__XLDIR__" is refused with reason.Unholdable,
// since MinIO treats it as another name.
//
// S3 itself enforces an If-None-Match of "*" and an If-Match of one strong tag, so that
// of many concurrent creates of a name exactly one succeeds. For other conditions, Put
// first sends one HeadObject, and then has S3 require that the object is unchanged. A
// failed condition costs a HeadObject, for the version in the error.
//
// An answer of S3 can get lost. Put then checks with one HeadObject whether the current
// object is its own, which it recognizes by the metadata "bailiwick-put", random for
// each call. If that cannot be determined, Put fails with vfs.ErrUnavailable, and the
// object may still appear: only in this case can a failed Put have changed something.
//
// The Info has no ModTime, since S3 does not return it. The ContentTime is stored in
// the metadata "mtime", in the format of rclone.
//
// Canceling ctx ends Put between two reads of body and aborts an upload. Requests in
// progress get another 2 seconds: otherwise Put could not tell whether the object was
// stored, and a part that was cut off can outlive the abort. The caller has to end a
// Read of body that blocks.
func (b *Backend) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	if !b.writable || keyed.LosesEncoding(&opts) {
		return driver.Unsupported{}.Put(ctx, n, body, opts)
	}
	if namesMarker(n) {
		return vfs.Info{}, driver.Refuse("put", n, reason.Unholdable)
	}
	c, err := b.change(ctx, "put", n, opts.Cond)
	if err != nil {
		return vfs.Info{}, err
	}
	w := &writing{change: c, opts: opts, body: &lookahead{r: put.Body(ctx, body, opts)}}
	return w.run()
}

// namesMarker reports whether n has an element with MinIO's suffix for directory
// markers: MinIO stores the key "x/" under this name, so an object stored as
// "x__XLDIR__" would be listed as "x/".
func namesMarker(n vfs.Name) bool {
	for elem := range n.Elements() {
		if strings.HasSuffix(elem, "__XLDIR__") {
			return true
		}
	}
	return false
}

// A writing is one call of Put.
type writing struct {
	*change
	opts vfs.PutOptions
	body *lookahead
	size int64 // bytes read so far
}

// markKey is the metadata key by which a Put recognizes its own object.
const markKey = "bailiwick-put"

func (w *writing) run() (vfs.Info, error) {
	w.mark = rand.Text()
	// Check first, so that no body is sent in vain.
	if err := w.prepare(); err != nil {
		return vfs.Info{}, err
	}
	if w.opts.SizeKnown && w.opts.Size > maxObject {
		return vfs.Info{}, w.fail(errTooLarge)
	}
	first, n, err := w.readFirst()
	if err != nil {
		return vfs.Info{}, err
	}
	if w.body.ended() {
		defer w.buffers.put(first)
		return w.putObject(first[:n])
	}
	return w.multipart(first, n)
}

// readFirst reads the first part into a buffer, which the caller returns. A small body
// does not get a large buffer.
func (w *writing) readFirst() (first []byte, n int, err error) {
	// If a body panics, its buffers are left to the garbage collector.
	size := int(partSize(w.buffers.part, 0, w.opts))
	if !w.opts.SizeKnown || w.opts.Size <= smallBuffer {
		first = w.buffers.get(smallBuffer)
		n, err = w.read(first)
		if err != nil || w.body.ended() {
			return w.keep(first, n, err)
		}
		small := first
		first = w.buffers.get(size)
		copy(first, small)
		w.buffers.put(small)
	} else {
		first = w.buffers.get(size)
	}
	more, err := w.read(first[n:])
	return w.keep(first, n+more, err)
}

// keep returns its arguments, or releases the buffer if there is an error.
func (w *writing) keep(buf []byte, n int, err error) ([]byte, int, error) {
	if err != nil {
		w.buffers.put(buf)
		return nil, 0, err
	}
	return buf, n, nil
}

// read fills p from the body.
func (w *writing) read(p []byte) (int, error) {
	n, err := w.body.fill(p)
	w.size += int64(n)
	if err != nil {
		// A body's error, even if it is "file does not exist", is not a refusal.
		return n, &vfs.Error{Op: w.op, Name: w.n.String(), Err: err}
	}
	if err := w.ctx.Err(); err != nil {
		return n, w.fail(err)
	}
	return n, nil
}

// putObject stores data, which is the whole body.
func (w *writing) putObject(data []byte) (vfs.Info, error) {
	etag, err := w.commit(func(ctx context.Context, c clause) (*string, error) {
		in := &awss3.PutObjectInput{
			Bucket:              &w.bucket,
			Key:                 &w.key,
			ExpectedBucketOwner: w.owner,
			ContentLength:       aws.Int64(int64(len(data))),
			ContentType:         headerValue(w.opts.ContentType),
			ContentEncoding:     headerValue(w.opts.Encoding),
			Metadata:            w.metadata(),
			IfMatch:             c.ifMatch(),
			IfNoneMatch:         c.ifNoneMatch(),
		}
		var out *awss3.PutObjectOutput
		err := w.sendBody(ctx, data, func(ctx context.Context, p *payload) (err error) {
			in.Body = p
			out, err = w.api.PutObject(ctx, in)
			return err
		})
		if err != nil {
			return nil, err
		}
		return out.ETag, nil
	})
	return w.stored(etag), err
}

// metadata returns the metadata to store with the object.
func (w *writing) metadata() map[string]string {
	m := map[string]string{markKey: w.mark}
	if t := w.opts.ContentTime; !t.IsZero() {
		m[keyed.TimeKey] = keyed.FormatTime(t)
	}
	return m
}

// stored returns the Info of the stored object.
func (w *writing) stored(etag string) vfs.Info {
	return vfs.Info{
		Name: w.n, Size: w.size, ETag: etag, ContentTime: w.opts.ContentTime,
		ContentType: aws.ToString(headerValue(w.opts.ContentType)), Encoding: aws.ToString(headerValue(w.opts.Encoding)),
	}
}

// headerValue returns s if it is valid in a header, else nil.
func headerValue(s string) *string {
	if !keyed.ValidHeader(s) {
		return nil
	}
	return &s
}
