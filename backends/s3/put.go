package s3

import (
	"context"
	"crypto/rand"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/bailiwick-fs/bailiwick/backends/internal/put"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// Put stores body under n. What fits into one part is one PutObject. All else is
// a multipart upload, of which nothing is seen before it is complete, and which
// is aborted if it fails. The whole body has been read, and has its size, before
// the request that makes it visible.
//
// A name with an element that ends in "__XLDIR__" is refused with
// reason.Unholdable, since it is another one on MinIO.
//
// S3 itself holds an If-None-Match of "*" and an If-Match of one strong tag, so
// that of many that create a name one does. For other conditions Put looks first
// by one HeadObject, and then has S3 hold what it saw. A condition that fails
// costs a HeadObject, which says what is there.
//
// An answer of S3 can get lost on its way. Put then looks by one HeadObject
// whether what is there is its own, which it knows by the metadata
// "bailiwick-put" of the object, random for each call. If that cannot be told it
// fails with vfs.ErrUnavailable, and the object may still appear: this is the one
// case in which a Put that failed can have changed something.
//
// The Info has no ModTime, which S3 does not tell. The ContentTime is kept in the metadata
// "mtime", in the form that rclone reads and writes.
//
// Cancelling ctx ends Put between two reads of body, and aborts an upload. Requests
// that are under way are given another 2 seconds: Put could not say otherwise
// whether the object was stored, and a part that is cut can outlive the abort. A
// Read of body that blocks is for the caller to end.
func (b *Backend) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	if !b.writable {
		return driver.Unsupported{}.Put(ctx, n, body, opts)
	}
	if namesMarker(n) {
		return vfs.Info{}, refuse("put", n, reason.Unholdable)
	}
	c, err := b.change(ctx, "put", n, opts.Cond)
	if err != nil {
		return vfs.Info{}, err
	}
	w := &writing{change: c, opts: opts, body: &lookahead{r: put.Body(ctx, body, opts)}}
	return w.run()
}

// namesMarker reports whether n has an element by which MinIO means a directory marker:
// it keeps the key "x/" in a directory of this name, so what is stored as "x__XLDIR__"
// is listed as "x/" there.
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

// markKey is the metadata by which a Put knows its own object.
const markKey = "bailiwick-put"

func (w *writing) run() (vfs.Info, error) {
	w.mark = rand.Text()
	// Nobody should send a body for nothing.
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

// readFirst reads the first part into a buffer, which the caller gives back. A
// body that is small does not get a large one.
func (w *writing) readFirst() (first []byte, n int, err error) {
	// A body that panics leaves its buffers to the garbage collector.
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

// keep gives the buffer back if there is an error.
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
		// Even a body whose error is "file does not exist" is no refusal.
		return n, &vfs.Error{Op: w.op, Name: w.n.String(), Err: err}
	}
	if err := w.ctx.Err(); err != nil {
		return n, w.fail(err)
	}
	return n, nil
}

// putObject stores data, which is all of the body.
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

// metadata returns what is stored with the object.
func (w *writing) metadata() map[string]string {
	m := map[string]string{markKey: w.mark}
	if t := w.opts.ContentTime; !t.IsZero() {
		m[timeKey] = formatTime(t)
	}
	return m
}

// stored describes the object that was stored.
func (w *writing) stored(etag string) vfs.Info {
	return vfs.Info{
		Name: w.n, Size: w.size, ETag: etag, ContentTime: w.opts.ContentTime,
		ContentType: aws.ToString(headerValue(w.opts.ContentType)), Encoding: aws.ToString(headerValue(w.opts.Encoding)),
	}
}

// headerValue returns s if it can stand in a header, else nil.
func headerValue(s string) *string {
	if s == "" || len(s) > 255 {
		return nil
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return nil
		}
	}
	return &s
}
