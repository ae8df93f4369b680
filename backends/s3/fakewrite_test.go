package s3_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// A fakeUpload is an unfinished multipart upload.
type fakeUpload struct {
	key, contentType string
	encoding         *string
	meta             map[string]string
	initiated        time.Time
	parts            map[int32]string
}

func (f *fake) PutObject(ctx context.Context, in *awss3.PutObjectInput, _ ...func(*awss3.Options)) (*awss3.PutObjectOutput, error) {
	if err := f.record(ctx, writeCall("PutObject", in.Key, in.IfMatch, in.IfNoneMatch), in.Bucket); err != nil {
		return nil, err
	}
	data, err := readBody(in.Body, aws.ToInt64(in.ContentLength))
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.holds(*in.Key, in.IfMatch, in.IfNoneMatch); err != nil {
		return nil, err
	}
	o := fakeObject{data, f.now(), typeOr(in.ContentType), in.ContentEncoding, in.Metadata}
	f.objects[*in.Key] = o
	return &awss3.PutObjectOutput{ETag: aws.String(o.etag())}, nil
}

func (f *fake) DeleteObject(ctx context.Context, in *awss3.DeleteObjectInput, _ ...func(*awss3.Options)) (*awss3.DeleteObjectOutput, error) {
	if err := f.record(ctx, writeCall("DeleteObject", in.Key, in.IfMatch, nil), in.Bucket); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.holds(*in.Key, in.IfMatch, nil); err != nil {
		return nil, err
	}
	delete(f.objects, *in.Key)
	return &awss3.DeleteObjectOutput{}, nil
}

func (f *fake) CreateMultipartUpload(ctx context.Context, in *awss3.CreateMultipartUploadInput, _ ...func(*awss3.Options)) (*awss3.CreateMultipartUploadOutput, error) {
	if err := f.record(ctx, writeCall("CreateMultipartUpload", in.Key, nil, nil), in.Bucket); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.began++
	id := fmt.Sprintf("upload-%03d", f.began)
	f.uploads[id] = &fakeUpload{*in.Key, typeOr(in.ContentType), in.ContentEncoding, in.Metadata, time.Now(), map[int32]string{}}
	return &awss3.CreateMultipartUploadOutput{UploadId: &id}, nil
}

func (f *fake) UploadPart(ctx context.Context, in *awss3.UploadPartInput, _ ...func(*awss3.Options)) (*awss3.UploadPartOutput, error) {
	if err := f.record(ctx, writeCall("UploadPart", in.Key, nil, nil), in.Bucket); err != nil {
		return nil, err
	}
	data, size := "", aws.ToInt64(in.ContentLength)
	if f.forget {
		if n, err := io.Copy(io.Discard, in.Body); err != nil || n != size {
			return nil, errors.Join(errLength, err)
		}
	} else {
		var err error
		if data, err = readBody(in.Body, size); err != nil {
			return nil, err
		}
		if aws.ToString(in.ChecksumCRC32) != sumOf(data) {
			return nil, apiError(400, "BadDigest")
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	u, err := f.upload(in.UploadId, in.Key)
	if err != nil {
		return nil, err
	}
	f.partSizes = append(f.partSizes, size)
	u.parts[*in.PartNumber] = data
	return &awss3.UploadPartOutput{ETag: aws.String(fakeObject{data: data}.etag())}, nil
}

func (f *fake) CompleteMultipartUpload(ctx context.Context, in *awss3.CompleteMultipartUploadInput, _ ...func(*awss3.Options)) (*awss3.CompleteMultipartUploadOutput, error) {
	if err := f.record(ctx, writeCall("CompleteMultipartUpload", in.Key, in.IfMatch, in.IfNoneMatch), in.Bucket); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	u, err := f.upload(in.UploadId, in.Key)
	if err != nil {
		return nil, err
	}
	if err := f.holds(*in.Key, in.IfMatch, in.IfNoneMatch); err != nil {
		return nil, err
	}
	var all strings.Builder
	for i, p := range in.MultipartUpload.Parts {
		data, ok := u.parts[*p.PartNumber]
		last := i == len(in.MultipartUpload.Parts)-1
		switch {
		case int(*p.PartNumber) != i+1, !ok, aws.ToString(p.ETag) != fakeObject{data: data}.etag():
			return nil, apiError(400, "InvalidPart")
		case !last && len(data) < 5<<20 && !f.forget:
			return nil, apiError(400, "EntityTooSmall")
		case !f.forget && aws.ToString(p.ChecksumCRC32) != sumOf(data):
			return nil, apiError(400, "InvalidPart")
		}
		all.WriteString(data)
	}
	delete(f.uploads, *in.UploadId)
	o := fakeObject{all.String(), f.now(), u.contentType, u.encoding, u.meta}
	f.objects[*in.Key] = o
	return &awss3.CompleteMultipartUploadOutput{ETag: aws.String(o.etag())}, nil
}

func (f *fake) AbortMultipartUpload(ctx context.Context, in *awss3.AbortMultipartUploadInput, _ ...func(*awss3.Options)) (*awss3.AbortMultipartUploadOutput, error) {
	if err := f.record(ctx, writeCall("AbortMultipartUpload", in.Key, nil, nil), in.Bucket); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.upload(in.UploadId, in.Key); err != nil {
		return nil, err
	}
	delete(f.uploads, *in.UploadId)
	return &awss3.AbortMultipartUploadOutput{}, nil
}

// ListMultipartUploads orders by key and id; AWS orders the uploads of one key by time.
func (f *fake) ListMultipartUploads(ctx context.Context, in *awss3.ListMultipartUploadsInput, _ ...func(*awss3.Options)) (*awss3.ListMultipartUploadsOutput, error) {
	if err := f.record(ctx, call{op: "ListMultipartUploads", key: aws.ToString(in.Prefix)}, in.Bucket); err != nil {
		return nil, err
	}
	limit := int(aws.ToInt32(in.MaxUploads))
	if f.pageSize > 0 {
		limit = min(limit, f.pageSize)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	place := func(id string) string { return f.uploads[id].key + "\x00" + id }
	marker := ""
	if in.KeyMarker != nil {
		marker = *in.KeyMarker + "\x00" + aws.ToString(in.UploadIdMarker)
	}
	ids := slices.SortedFunc(maps.Keys(f.uploads), func(a, b string) int { return strings.Compare(place(a), place(b)) })
	out := &awss3.ListMultipartUploadsOutput{EncodingType: in.EncodingType, IsTruncated: aws.Bool(false)}
	for _, id := range ids {
		u := f.uploads[id]
		if !strings.HasPrefix(u.key, aws.ToString(in.Prefix)) || marker != "" && place(id) <= marker {
			continue
		}
		if len(out.Uploads) == limit {
			last := out.Uploads[limit-1]
			out.IsTruncated, out.NextKeyMarker, out.NextUploadIdMarker = aws.Bool(true), last.Key, last.UploadId
			break
		}
		out.Uploads = append(out.Uploads, types.MultipartUpload{
			Key: aws.String(url.QueryEscape(u.key)), UploadId: &id, Initiated: aws.Time(u.initiated),
		})
	}
	return out, nil
}

// upload returns an unfinished upload. The caller holds mu.
func (f *fake) upload(id, key *string) (*fakeUpload, error) {
	u, ok := f.uploads[*id]
	if !ok || u.key != *key {
		return nil, apiError(404, "NoSuchUpload")
	}
	return u, nil
}

// holds evaluates the condition of a change like AWS. The caller holds mu.
func (f *fake) holds(key string, ifMatch, ifNoneMatch *string) error {
	o, ok := f.objects[key]
	switch {
	case ifMatch != nil && !ok:
		return apiError(404, "NoSuchKey")
	case ifMatch != nil && *ifMatch != o.etag(), ifNoneMatch != nil && ok:
		return apiError(412, "PreconditionFailed")
	case ifNoneMatch != nil && *ifNoneMatch != "*":
		return apiError(501, "NotImplemented")
	}
	return nil
}

// now returns a time after all previous ones. The caller holds mu.
func (f *fake) now() time.Time {
	f.changes++
	return modified.Add(time.Duration(f.changes) * time.Second)
}

func writeCall(op string, key, ifMatch, ifNoneMatch *string) call {
	return call{op: op, key: *key, ifMatch: aws.ToString(ifMatch), ifNoneMatch: aws.ToString(ifNoneMatch)}
}

var errLength = errors.New("the body's length differs from the announced one")

func readBody(body io.Reader, length int64) (string, error) {
	data, err := io.ReadAll(body)
	if err == nil && int64(len(data)) != length {
		err = errLength
	}
	return string(data), err
}

func typeOr(contentType *string) string {
	if contentType == nil {
		return "binary/octet-stream"
	}
	return *contentType
}

func sumOf(data string) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(data))))
}
