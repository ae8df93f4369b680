package s3

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/bailiwick-fs/bailiwick/backends/internal/keyed"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Open returns the object n. It sends one GetObject, with the range and the validators of
// req, except in these cases:
//
//   - S3 cannot satisfy the range, or reports that If-Match failed: Open sends a
//     HeadObject, too, because its error contains the size and the version.
//   - The version of If-Range is not the current one: Open sends a second GetObject, for
//     the whole object.
//   - If-None-Match is "*", or the range is the last 0 bytes: Open sends a HeadObject
//     instead.
//   - req.Direct is set: Open sends a HeadObject instead.
//
// The cases can combine: a range can be unsatisfiable for a version that If-Range does not
// name.
//
// S3's evaluation of a condition only saves a body: req.Resolve decides.
//
// For vfs.ErrNotModified, the size in the error's Info is -1, since S3 does not send it
// then, and the ETag is the one that matched.
func (b *Backend) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	o, err := b.newObjectCall(ctx, "open", n, req)
	if err != nil {
		return nil, err
	}
	if err := b.streams.enter(ctx, slotWait); err != nil {
		return nil, o.fail(err)
	}
	if err := b.acquire(ctx); err != nil {
		b.streams.leave()
		return nil, o.fail(err)
	}
	obj, err := o.open()
	b.release()
	if err == nil {
		if body, ok := obj.Body.(*body); ok {
			body.slotted = true
			body.rest()
			return obj, nil
		}
	}
	b.streams.leave()
	return obj, err
}

// Stat describes the object n with one HeadObject.
func (b *Backend) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	req.Range = vfs.Range{}
	o, err := b.newObjectCall(ctx, "stat", n, req)
	if err != nil {
		return vfs.Info{}, err
	}
	if err := b.acquire(ctx); err != nil {
		return vfs.Info{}, o.fail(err)
	}
	defer b.release()
	info, err := o.head()
	if err != nil {
		return vfs.Info{}, err
	}
	if _, err := o.req.Resolve("stat", info); err != nil {
		return vfs.Info{}, err
	}
	return info, nil
}

// An objectCall is one call of Open, Stat, Put or Remove.
type objectCall struct {
	*Backend
	ctx context.Context
	op  string
	n   vfs.Name
	key string
	req vfs.Request
	in  awss3.GetObjectInput // of get, so that it is no allocation of its own
}

func (b *Backend) newObjectCall(ctx context.Context, op string, n vfs.Name, req vfs.Request) (*objectCall, error) {
	key, err := b.key(op, n)
	if err != nil {
		return nil, err
	}
	if req.Cond.Now.IsZero() {
		req.Cond.Now = time.Now()
	}
	return &objectCall{Backend: b, ctx: ctx, op: op, n: n, key: key, req: req}, nil
}

// A result is the result of a request of Open: an object, an error for the caller, or
// neither if only a GetObject without range and conditions can decide.
type result struct {
	obj *vfs.Object
	err error
}

func (r result) inconclusive() bool { return r.obj == nil && r.err == nil }

func (o *objectCall) open() (*vfs.Object, error) {
	if left := lifetime(o.req.Direct); left > 0 && o.presign != nil {
		return o.direct(left)
	}
	var r result
	if o.req.Cond.IfNoneMatch.Any || o.req.Range == vfs.RangeSuffix(0) {
		r = o.openByHead()
	} else {
		r = o.get(newPlan(o.req))
	}
	if r.inconclusive() {
		r = o.get(plan{})
	}
	if r.inconclusive() {
		return nil, o.fail(fmt.Errorf("%w: S3 sent a part instead of the whole object", vfs.ErrUnavailable))
	}
	return r.obj, r.err
}

// get sends one GetObject according to p.
func (o *objectCall) get(p plan) result {
	ctx, cancel := o.cancellable(o.ctx)
	o.in = o.input(&o.key)
	p.apply(&o.in)
	out, err := o.objects.GetObject(ctx, &o.in)
	if err != nil {
		if cancel != nil {
			cancel()
		}
		return o.refused(p, err)
	}
	info, part, err := o.read(p, out)
	var span vfs.Span
	if err == nil {
		span, err = o.req.Resolve(o.op, info)
	}
	stale := err == nil && part.Partial && !span.Partial // If-Range failed
	if err == nil && !stale && part.Partial && span != part {
		err = o.fail(fmt.Errorf("%w: S3 sent a different range than requested", vfs.ErrUnavailable))
	}
	if err != nil || stale {
		drop(&stream{ReadCloser: out.Body, cancel: cancel}, part.Length)
		return result{err: err}
	}
	// A service may ignore a range. Then its body is the whole object.
	opened := &openedObject{
		Object: vfs.Object{Info: info, Span: part},
		body: body{
			source: source{b: o.Backend, ctx: o.ctx, key: o.key, tag: aws.ToString(out.ETag), version: aws.ToString(out.VersionId), size: info.Size},
			next:   part.Offset,
			end:    part.Offset + part.Length,
		},
	}
	opened.Body = &opened.body
	opened.body.attach(out.Body, cancel)
	return result{obj: &opened.Object}
}

// An openedObject is an object and its body, in one allocation.
type openedObject struct {
	vfs.Object
	body body
}

// refused interprets an error of GetObject under the plan p.
func (o *objectCall) refused(p plan, err error) result {
	a := answerOf(err)
	switch {
	case o.ctx.Err() != nil:
	case a.status == http.StatusNotModified && (p.ifNoneMatch != "" || !p.modifiedSince.IsZero()):
		return o.notModified(p, a)
	case a.status == http.StatusPreconditionFailed && p.ifRange:
		return result{}
	case a.status == http.StatusPreconditionFailed && p.ifMatch != "":
		return o.preconditionFailed()
	case a.status == http.StatusRequestedRangeNotSatisfiable && p.byteRange != "":
		// Some servers check the range before the condition. If the range turns out to
		// be satisfiable, either the condition made it irrelevant, or the object has
		// grown.
		return o.openByHead()
	}
	return result{err: o.fail(err)}
}

// notModified compares the answer with what is known about the version. versitygw omits
// the ETag, so the tag that matched stands for it. MinIO has compared dates although a
// tag had already decided.
func (o *objectCall) notModified(p plan, a answer) result {
	info := vfs.Info{Name: o.n, Size: -1, ETag: keyed.OpaqueTag(a.header.Get("ETag"))}
	if info.ETag == "" {
		info.ETag = keyed.OpaqueTag(p.ifNoneMatch)
	}
	if t, err := http.ParseTime(a.header.Get("Last-Modified")); err == nil {
		info.ModTime = t
	}
	req := o.req
	req.Range = vfs.Range{}
	if _, err := req.Resolve(o.op, info); err != nil {
		return result{err: err}
	}
	if !p.modifiedSince.IsZero() && info.ModTime.IsZero() {
		return result{err: &vfs.Error{Op: o.op, Name: o.n.String(), Err: vfs.ErrNotModified, Info: &info}}
	}
	return result{}
}

// openByHead sends a HeadObject for what a GetObject cannot tell. Its result is an
// error with Info, an empty object, or inconclusive.
func (o *objectCall) openByHead() result {
	info, err := o.head()
	if err != nil {
		return result{err: err}
	}
	span, err := o.req.Resolve(o.op, info)
	switch {
	case err != nil:
		return result{err: err}
	case info.Size == 0:
		return result{obj: &vfs.Object{Info: info, Span: span, Body: http.NoBody}}
	}
	return result{}
}

// preconditionFailed returns the error for an If-Match that S3 reports as failed. It
// gets the current version with HeadObject; if that meets the condition, it has
// appeared since.
func (o *objectCall) preconditionFailed() result {
	info, err := o.head()
	if err != nil {
		return result{err: err}
	}
	if _, err := o.req.Resolve(o.op, info); err != nil {
		return result{err: err}
	}
	return result{err: &vfs.Error{Op: o.op, Name: o.n.String(), Err: vfs.ErrPrecondition, Info: &info}}
}

// head sends one HeadObject, without range and conditions: there is no body to save,
// and the answer contains everything needed.
func (o *objectCall) head() (vfs.Info, error) {
	info, _, err := o.headObject()
	return info, err
}

// headObject also returns the object's own metadata.
func (o *objectCall) headObject() (vfs.Info, map[string]string, error) {
	out, err := o.objects.HeadObject(o.ctx, &awss3.HeadObjectInput{
		Bucket:              &o.bucket,
		Key:                 &o.key,
		ExpectedBucketOwner: o.owner,
	})
	if err != nil {
		return vfs.Info{}, nil, o.fail(err)
	}
	if aws.ToInt64(out.ContentLength) < 0 || out.ContentLength == nil {
		return vfs.Info{}, nil, o.fail(errNoLength)
	}
	info := o.info(*out.ContentLength, out.LastModified, out.ETag, out.ContentType, out.ContentEncoding)
	info.ContentTime = keyed.ParseTime(out.Metadata[keyed.TimeKey])
	return info, out.Metadata, nil
}

var errNoLength = fmt.Errorf("%w: S3 gave no length", vfs.ErrUnavailable)

// read returns the Info that out describes, and which part of the object its body
// yields.
func (o *objectCall) read(p plan, out *awss3.GetObjectOutput) (info vfs.Info, part vfs.Span, err error) {
	if out.ContentLength == nil || *out.ContentLength < 0 {
		return info, part, o.fail(errNoLength)
	}
	part.Length = *out.ContentLength
	size := part.Length
	if out.ContentRange != nil {
		r, ok := keyed.ParseContentRange(*out.ContentRange)
		if !ok || p.byteRange == "" || r.Last-r.First+1 != part.Length {
			return info, part, o.fail(fmt.Errorf("%w: S3 sent an invalid Content-Range", vfs.ErrUnavailable))
		}
		size = r.Size
		part.Offset, part.Partial = r.First, size > 0
	}
	info = o.info(size, out.LastModified, out.ETag, out.ContentType, out.ContentEncoding)
	info.ContentTime = keyed.ParseTime(out.Metadata[keyed.TimeKey])
	return info, part, nil
}

func (o *objectCall) info(size int64, modified *time.Time, etag, contentType, encoding *string) vfs.Info {
	info := vfs.Info{Name: o.n, Size: size, ETag: keyed.OpaqueTag(aws.ToString(etag)), ContentType: aws.ToString(contentType)}
	if modified != nil {
		info.ModTime = modified.Truncate(time.Second)
	}
	// S3 returns this type if none was given.
	if info.ContentType == "binary/octet-stream" {
		info.ContentType = ""
	}
	info.Encoding = storedEncoding(aws.ToString(encoding))
	return info
}

// storedEncoding returns the coding in which an object is stored. "aws-chunked" only
// concerns the transfer, but some services keep it.
func storedEncoding(s string) string {
	var codings []string
	for c := range strings.SplitSeq(s, ",") {
		if c = strings.TrimSpace(c); c != "" && !strings.EqualFold(c, "aws-chunked") {
			codings = append(codings, c)
		}
	}
	return strings.Join(codings, ", ")
}

func (o *objectCall) fail(err error) error { return failure(o.ctx, o.op, o.n, err) }

// input returns the common parameters of every GetObject. ChecksumMode requests the
// checksum that the SDK compares with the body at its end.
func (b *Backend) input(key *string) awss3.GetObjectInput {
	return awss3.GetObjectInput{
		Bucket:              &b.bucket,
		Key:                 key,
		ExpectedBucketOwner: b.owner,
		ChecksumMode:        types.ChecksumModeEnabled,
	}
}
