package s3_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
)

// bucket is the name of every fake bucket.
const bucket = "the-bucket"

// A fake is a bucket in memory that answers like AWS S3. It counts calls, and a hook
// may answer instead.
type fake struct {
	mu      sync.Mutex
	objects map[string]fakeObject
	uploads map[string]*fakeUpload // by id
	calls   []call
	reads   int // bodies that were returned and not closed

	began     int     // uploads so far
	changes   int     // of objects
	partSizes []int64 // of parts, in the order in which they came
	forget    bool    // keep no bytes of parts

	pageSize int  // maximum keys per page; 0 means as requested
	hides    bool // omits what is below an object from listings with a delimiter, as MinIO does

	// get, if set, answers a GetObject; it may call fake.answerGet.
	get func(ctx context.Context, in *awss3.GetObjectInput) (*awss3.GetObjectOutput, error)
	// list, if set, modifies a listing.
	list func(out *awss3.ListObjectsV2Output)
	// during, if set, runs at the start of every call.
	during func(ctx context.Context, op string) error
	// headed, if set, runs after a HeadObject has found its object.
	headed func()
	// fail, if set, is called before every call and may make it fail.
	fail func(op string) error
}

type fakeObject struct {
	data        string
	modified    time.Time
	contentType string
	encoding    *string
	meta        map[string]string
}

func (o fakeObject) etag() string {
	sum := md5.Sum([]byte(o.data))
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

// A call records a call of the fake.
type call struct{ op, key, byteRange, ifMatch, ifNoneMatch string }

var modified = time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)

func newFake(objects map[string]string) *fake {
	f := &fake{objects: map[string]fakeObject{}, uploads: map[string]*fakeUpload{}}
	for key, data := range objects {
		f.objects[key] = fakeObject{data: data, modified: modified, contentType: "text/plain"}
	}
	return f
}

func (f *fake) record(ctx context.Context, c call, bucketName *string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f.mu.Lock()
	f.calls = append(f.calls, c)
	f.mu.Unlock()
	if f.during != nil {
		if err := f.during(ctx, c.op); err != nil {
			return err
		}
	}
	if f.fail != nil {
		if err := f.fail(c.op); err != nil {
			return err
		}
	}
	if aws.ToString(bucketName) != bucket {
		return apiError(404, "NoSuchBucket")
	}
	return nil
}

// taken returns the calls so far and clears them.
func (f *fake) taken() []call {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

func (f *fake) ops() string {
	var ops []string
	for _, c := range f.taken() {
		ops = append(ops, c.op)
	}
	return strings.Join(ops, " ")
}

func (f *fake) object(key string) (fakeObject, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o, ok := f.objects[key]
	return o, ok
}

func (f *fake) put(key, data string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.objects[key] = fakeObject{data: data, modified: modified.Add(time.Hour), contentType: "text/plain"}
}

func (f *fake) GetObject(ctx context.Context, in *awss3.GetObjectInput, _ ...func(*awss3.Options)) (*awss3.GetObjectOutput, error) {
	c := call{"GetObject", *in.Key, aws.ToString(in.Range), aws.ToString(in.IfMatch), aws.ToString(in.IfNoneMatch)}
	if err := f.record(ctx, c, in.Bucket); err != nil {
		return nil, err
	}
	if f.get != nil {
		return f.get(ctx, in)
	}
	return f.answerGet(ctx, in)
}

func (f *fake) answerGet(ctx context.Context, in *awss3.GetObjectInput) (*awss3.GetObjectOutput, error) {
	o, ok := f.object(*in.Key)
	if !ok {
		return nil, apiError(404, "NoSuchKey")
	}
	switch {
	case in.IfMatch != nil && *in.IfMatch != o.etag():
		return nil, apiError(412, "PreconditionFailed")
	case in.IfMatch == nil && in.IfUnmodifiedSince != nil && o.modified.After(*in.IfUnmodifiedSince):
		return nil, apiError(412, "PreconditionFailed")
	case in.IfNoneMatch != nil && *in.IfNoneMatch == o.etag(),
		in.IfNoneMatch == nil && in.IfModifiedSince != nil && !o.modified.After(*in.IfModifiedSince):
		return nil, apiError(304, "NotModified", "ETag", o.etag(), "Last-Modified", o.modified.Format(http.TimeFormat))
	}
	size := int64(len(o.data))
	first, last := int64(0), size-1
	var contentRange *string
	if in.Range != nil {
		var ok bool
		if first, last, ok = cutRange(*in.Range, size); !ok {
			return nil, apiError(416, "InvalidRange")
		}
		contentRange = aws.String(fmt.Sprintf("bytes %d-%d/%d", first, last, size))
	}
	f.mu.Lock()
	f.reads++
	f.mu.Unlock()
	return &awss3.GetObjectOutput{
		Body:          &fakeBody{ctx: ctx, f: f, r: strings.NewReader(o.data[first : last+1])},
		ContentLength: aws.Int64(last - first + 1),
		ContentRange:  contentRange,
		ContentType:   &o.contentType, ContentEncoding: o.encoding, Metadata: o.meta,
		ETag:         aws.String(o.etag()),
		LastModified: &o.modified,
	}, nil
}

// cutRange parses a Range header like S3, which cannot satisfy an empty range or a
// range of an empty object.
func cutRange(header string, size int64) (first, last int64, ok bool) {
	a, b, _ := strings.Cut(strings.TrimPrefix(header, "bytes="), "-")
	if a == "" {
		n, _ := strconv.ParseInt(b, 10, 64)
		return max(size-n, 0), size - 1, n > 0 && size > 0
	}
	first, _ = strconv.ParseInt(a, 10, 64)
	last = size - 1
	if b != "" {
		n, _ := strconv.ParseInt(b, 10, 64)
		last = min(n, last)
	}
	return first, last, first < size
}

type fakeBody struct {
	ctx    context.Context
	f      *fake
	r      io.Reader
	closed sync.Once
}

func (b *fakeBody) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	return b.r.Read(p)
}

func (b *fakeBody) Close() error {
	b.closed.Do(func() {
		b.f.mu.Lock()
		defer b.f.mu.Unlock()
		b.f.reads--
	})
	return nil
}

func (f *fake) HeadObject(ctx context.Context, in *awss3.HeadObjectInput, _ ...func(*awss3.Options)) (*awss3.HeadObjectOutput, error) {
	if err := f.record(ctx, call{op: "HeadObject", key: *in.Key}, in.Bucket); err != nil {
		return nil, err
	}
	o, ok := f.object(*in.Key)
	if !ok {
		return nil, apiError(404, "NotFound")
	}
	if f.headed != nil {
		f.headed()
	}
	return &awss3.HeadObjectOutput{
		ContentLength: aws.Int64(int64(len(o.data))),
		ContentType:   &o.contentType, ContentEncoding: o.encoding,
		ETag:         aws.String(o.etag()),
		LastModified: &o.modified,
		Metadata:     o.meta,
	}, nil
}

func (f *fake) HeadBucket(ctx context.Context, in *awss3.HeadBucketInput, _ ...func(*awss3.Options)) (*awss3.HeadBucketOutput, error) {
	if err := f.record(ctx, call{op: "HeadBucket"}, in.Bucket); err != nil {
		return nil, err
	}
	return &awss3.HeadBucketOutput{}, nil
}

func (f *fake) ListObjectsV2(ctx context.Context, in *awss3.ListObjectsV2Input, _ ...func(*awss3.Options)) (*awss3.ListObjectsV2Output, error) {
	if err := f.record(ctx, call{op: "ListObjectsV2", key: aws.ToString(in.Prefix)}, in.Bucket); err != nil {
		return nil, err
	}
	prefix, after := aws.ToString(in.Prefix), aws.ToString(in.StartAfter)
	passed := "" // a token is the last key or common prefix of the page before
	if in.ContinuationToken != nil {
		passed = *in.ContinuationToken
		after = ""
	}
	limit := int(aws.ToInt32(in.MaxKeys))
	if f.pageSize > 0 {
		limit = min(limit, f.pageSize)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	keys := make([]string, 0, len(f.objects))
	for key := range f.objects {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, cmp.Compare[string])
	out := &awss3.ListObjectsV2Output{EncodingType: in.EncodingType, IsTruncated: aws.Bool(false)}
	last := ""
	for _, key := range keys {
		rest, ok := strings.CutPrefix(key, prefix)
		if !ok || key <= after {
			continue
		}
		if f.hides && in.Delimiter != nil && f.beneathObject(key) {
			continue
		}
		item := key
		elem, _, isDir := strings.Cut(rest, aws.ToString(in.Delimiter))
		if isDir = isDir && in.Delimiter != nil; isDir {
			item = prefix + elem + "/"
		}
		if item <= passed || isDir && item == last {
			continue
		}
		if len(out.Contents)+len(out.CommonPrefixes) == limit {
			out.IsTruncated, out.NextContinuationToken = aws.Bool(true), &last
			break
		}
		last = item
		encoded := url.QueryEscape(item)
		if isDir {
			out.CommonPrefixes = append(out.CommonPrefixes, types.CommonPrefix{Prefix: &encoded})
			continue
		}
		o := f.objects[key]
		out.Contents = append(out.Contents, types.Object{
			Key: &encoded, Size: aws.Int64(int64(len(o.data))), LastModified: aws.Time(o.modified.Add(123 * time.Millisecond)), ETag: aws.String(o.etag()),
		})
	}
	if f.list != nil {
		f.list(out)
	}
	return out, nil
}

// beneathObject reports whether key lies below an object. The caller holds mu.
func (f *fake) beneathObject(key string) bool {
	for i, c := range key {
		if _, ok := f.objects[key[:i]]; ok && c == '/' {
			return true
		}
	}
	return false
}

// apiError returns the SDK's error for an answer with this status and code, and with
// these names and values of headers.
func apiError(status int, code string, header ...string) error {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	res := &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(bytes.NewReader(nil))}
	return &smithy.OperationError{
		ServiceID: "S3", OperationName: "Test",
		Err: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: res},
			Err:      &smithy.GenericAPIError{Code: code, Message: "about " + bucket},
		},
	}
}

func newBackend(t testing.TB, api s3.API, opts s3.Options) *s3.Backend {
	t.Helper()
	opts.Bucket = bucket
	b, err := s3.New(api, opts)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
