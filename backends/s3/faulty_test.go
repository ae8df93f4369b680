package s3_test

import (
	"context"
	"errors"
	"sync"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
)

// errNoAnswer imitates the SDK's error for a broken connection: an error without an
// answer.
var errNoAnswer = errors.New("connection reset by peer")

// A faulty is an API of which some calls fail: either before they reach the service, or
// after it, so that they take effect but the answer is lost.
type faulty struct {
	api    s3.API
	before func(i int, op string) bool
	after  func(i int, op string) bool

	mu  sync.Mutex
	ops []string
}

// never is for a faulty without faults.
func never(int, string) bool { return false }

func (f *faulty) taken() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ops
}

func pass[I, O any](ctx context.Context, f *faulty, op string, in *I, call func(context.Context, *I, ...func(*awss3.Options)) (*O, error), opts []func(*awss3.Options)) (*O, error) {
	f.mu.Lock()
	i := len(f.ops)
	f.ops = append(f.ops, op)
	f.mu.Unlock()
	if f.before(i, op) {
		return nil, errNoAnswer
	}
	out, err := call(ctx, in, opts...)
	if f.after(i, op) {
		return nil, errNoAnswer
	}
	return out, err
}

func (f *faulty) GetObject(ctx context.Context, in *awss3.GetObjectInput, opts ...func(*awss3.Options)) (*awss3.GetObjectOutput, error) {
	return pass(ctx, f, "GetObject", in, f.api.GetObject, opts)
}

func (f *faulty) HeadObject(ctx context.Context, in *awss3.HeadObjectInput, opts ...func(*awss3.Options)) (*awss3.HeadObjectOutput, error) {
	return pass(ctx, f, "HeadObject", in, f.api.HeadObject, opts)
}

func (f *faulty) ListObjectsV2(ctx context.Context, in *awss3.ListObjectsV2Input, opts ...func(*awss3.Options)) (*awss3.ListObjectsV2Output, error) {
	return pass(ctx, f, "ListObjectsV2", in, f.api.ListObjectsV2, opts)
}

func (f *faulty) HeadBucket(ctx context.Context, in *awss3.HeadBucketInput, opts ...func(*awss3.Options)) (*awss3.HeadBucketOutput, error) {
	return pass(ctx, f, "HeadBucket", in, f.api.HeadBucket, opts)
}

func (f *faulty) PutObject(ctx context.Context, in *awss3.PutObjectInput, opts ...func(*awss3.Options)) (*awss3.PutObjectOutput, error) {
	return pass(ctx, f, "PutObject", in, f.api.PutObject, opts)
}

func (f *faulty) DeleteObject(ctx context.Context, in *awss3.DeleteObjectInput, opts ...func(*awss3.Options)) (*awss3.DeleteObjectOutput, error) {
	return pass(ctx, f, "DeleteObject", in, f.api.DeleteObject, opts)
}

func (f *faulty) CreateMultipartUpload(ctx context.Context, in *awss3.CreateMultipartUploadInput, opts ...func(*awss3.Options)) (*awss3.CreateMultipartUploadOutput, error) {
	return pass(ctx, f, "CreateMultipartUpload", in, f.api.CreateMultipartUpload, opts)
}

func (f *faulty) UploadPart(ctx context.Context, in *awss3.UploadPartInput, opts ...func(*awss3.Options)) (*awss3.UploadPartOutput, error) {
	return pass(ctx, f, "UploadPart", in, f.api.UploadPart, opts)
}

func (f *faulty) CompleteMultipartUpload(ctx context.Context, in *awss3.CompleteMultipartUploadInput, opts ...func(*awss3.Options)) (*awss3.CompleteMultipartUploadOutput, error) {
	return pass(ctx, f, "CompleteMultipartUpload", in, f.api.CompleteMultipartUpload, opts)
}

func (f *faulty) AbortMultipartUpload(ctx context.Context, in *awss3.AbortMultipartUploadInput, opts ...func(*awss3.Options)) (*awss3.AbortMultipartUploadOutput, error) {
	return pass(ctx, f, "AbortMultipartUpload", in, f.api.AbortMultipartUpload, opts)
}

func (f *faulty) ListMultipartUploads(ctx context.Context, in *awss3.ListMultipartUploadsInput, opts ...func(*awss3.Options)) (*awss3.ListMultipartUploadsOutput, error) {
	return pass(ctx, f, "ListMultipartUploads", in, f.api.ListMultipartUploads, opts)
}
