// Package s3 serves the objects of a bucket, or of a prefix in it, and with
// Options.Writable stores them. [NewClient] makes a client, [New] a [Backend] of it;
// programs that take an s3:// source from a user call backends.Open instead.
//
// One call is one S3 request: Open a GetObject,
// Stat a HeadObject, a page of List a ListObjectsV2, Put of a small object a
// PutObject. What goes beyond is named at the methods.
//
// A key is the backend's fixed prefix and a vfs.Name, nothing else: the bucket
// and the prefix never come from a request. What the service answers is not
// trusted either: a range that is not the one that was asked for, a listed key
// from elsewhere or a body that ends early is never passed on.
//
// What is not protected: whoever can write to the bucket decides what is
// served, and a service that sends other bytes of the right length is found out
// only where it sends a checksum, which it does for whole objects alone.
package s3

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// API is what the backend needs of S3, as the SDK's client has it. Its calls
// are safe for concurrent use, and heed their context, also while the body of a
// GetObject is read. [NewClient] makes one that is set up as it should be.
type API interface {
	GetObject(context.Context, *awss3.GetObjectInput, ...func(*awss3.Options)) (*awss3.GetObjectOutput, error)
	HeadObject(context.Context, *awss3.HeadObjectInput, ...func(*awss3.Options)) (*awss3.HeadObjectOutput, error)
	ListObjectsV2(context.Context, *awss3.ListObjectsV2Input, ...func(*awss3.Options)) (*awss3.ListObjectsV2Output, error)
	HeadBucket(context.Context, *awss3.HeadBucketInput, ...func(*awss3.Options)) (*awss3.HeadBucketOutput, error)

	// These are called with Options.Writable alone.
	PutObject(context.Context, *awss3.PutObjectInput, ...func(*awss3.Options)) (*awss3.PutObjectOutput, error)
	DeleteObject(context.Context, *awss3.DeleteObjectInput, ...func(*awss3.Options)) (*awss3.DeleteObjectOutput, error)
	CreateMultipartUpload(context.Context, *awss3.CreateMultipartUploadInput, ...func(*awss3.Options)) (*awss3.CreateMultipartUploadOutput, error)
	UploadPart(context.Context, *awss3.UploadPartInput, ...func(*awss3.Options)) (*awss3.UploadPartOutput, error)
	CompleteMultipartUpload(context.Context, *awss3.CompleteMultipartUploadInput, ...func(*awss3.Options)) (*awss3.CompleteMultipartUploadOutput, error)
	AbortMultipartUpload(context.Context, *awss3.AbortMultipartUploadInput, ...func(*awss3.Options)) (*awss3.AbortMultipartUploadOutput, error)
	ListMultipartUploads(context.Context, *awss3.ListMultipartUploadsInput, ...func(*awss3.Options)) (*awss3.ListMultipartUploadsOutput, error)
}

var _ API = (*awss3.Client)(nil)

// Options say which objects a Backend has, and how long it waits for them.
type Options struct {
	// Bucket is the name of the bucket, or the alias of an access point.
	Bucket string

	// Prefix is the directory in the bucket that is served, with or without a
	// slash at its end. "" is the whole bucket. What lies beside it is out of
	// reach, also where its name begins alike.
	Prefix string

	// ExpectedBucketOwner is the account that the bucket must belong to, if
	// set: a bucket that was deleted and made anew by another is then refused.
	ExpectedBucketOwner string

	// MaxInFlight is how many calls of S3 may run at a time; 0 is 256. Reading
	// from an object's body is no call. A call past the limit waits a second, or
	// half a minute where it goes on with an upload or an object's body, and is
	// then vfs.ErrUnavailable.
	MaxInFlight int

	// MaxBodies is how many objects' bodies may be open at a time; 0 is 1024, and
	// each takes a connection. Past the limit, the body that has waited longest
	// for its reader loses its connection to the next one. When it is read again,
	// it goes on by one call more, for the remaining bytes of the same version:
	// so a slow reader keeps nobody else waiting. Only a body that has no ETag
	// keeps its connection, as there would be nothing to go on by.
	MaxBodies int

	// IdleTimeout is how long a body may send nothing before its connection is
	// given up and the rest asked for anew; 0 is 30 seconds. One that is sent to
	// S3 is given up where S3 takes nothing of it, or does not answer, for so long.
	IdleTimeout time.Duration

	// Writable lets Put and Remove work. Without it, nothing that changes the
	// bucket is ever sent.
	Writable bool

	// PartSize is how many bytes are sent to S3 in one piece: a larger object
	// goes as a multipart upload. 0 is 8 MiB, the least is 5 MiB. A Put holds a
	// piece in memory, and up to four of 8 MiB while few others run.
	PartSize int
}

// The defaults of Options, and what is not worth an option.
const (
	defaultInFlight = 256 // NewClient keeps as many connections
	defaultBodies   = 1024
	defaultIdle     = 30 * time.Second
	slotWait        = time.Second
	finishWait      = 30 * time.Second // for a slot, in the middle of an upload
)

// A Backend serves the objects below a prefix of a bucket. It is safe for
// concurrent use, and there is nothing to close.
//
// S3 has no directories: the name of one is a missing object.
type Backend struct {
	api      API
	bucket   string
	prefix   string // "" or ending in a slash
	owner    *string
	idle     time.Duration
	slots    chan struct{}
	streams  streams
	writable bool
	buffers  *buffers
	presign  *awss3.PresignClient // nil if there is nobody to sign as
	minio    atomic.Bool          // the service is MinIO, see Unlisted
}

var _ driver.Walker = (*Backend)(nil)

// New returns a Backend that asks api. It does no I/O: see [Backend.Check]. It
// fails if the bucket's name cannot be one, or the prefix is no vfs.Name.
func New(api API, opts Options) (*Backend, error) {
	if api == nil {
		return nil, errors.New("s3: no client")
	}
	// The SDK sends any string: bucket ".." has named what lies above all
	// buckets on servers that keep them as directories.
	if !validBucket(opts.Bucket) {
		return nil, fmt.Errorf("s3: %q cannot be the name of a bucket", opts.Bucket)
	}
	prefix := opts.Prefix
	if prefix != "" {
		prefix = strings.TrimSuffix(prefix, "/")
		if _, err := vfs.ParseName(prefix); err != nil {
			return nil, fmt.Errorf("s3: the prefix %q cannot be served: %s", opts.Prefix, vfs.ReasonOf(err).Detail())
		}
		prefix += "/"
	}
	if opts.MaxInFlight < 0 || opts.MaxBodies < 0 || opts.IdleTimeout < 0 {
		return nil, errors.New("s3: a limit is negative")
	}
	if opts.PartSize != 0 && opts.PartSize < minPart || opts.PartSize > maxPart {
		return nil, fmt.Errorf("s3: a part has between %d and %d bytes", minPart, maxPart)
	}
	b := &Backend{
		api:      api,
		bucket:   opts.Bucket,
		prefix:   prefix,
		idle:     opts.IdleTimeout,
		writable: opts.Writable,
		buffers:  newBuffers(cmp.Or(opts.PartSize, defaultPart)),
	}
	if b.idle == 0 {
		b.idle = defaultIdle
	}
	b.presign = newPresigner(api)
	b.slots = make(chan struct{}, cmp.Or(opts.MaxInFlight, defaultInFlight))
	b.streams.limit = cmp.Or(opts.MaxBodies, defaultBodies)
	if opts.ExpectedBucketOwner != "" {
		b.owner = aws.String(opts.ExpectedBucketOwner)
	}
	return b, nil
}

// Caps says what a bucket can do.
func (b *Backend) Caps() vfs.Caps {
	return vfs.Caps{Kind: "s3", Ranges: true, Writable: b.writable, Direct: b.presign != nil, Walks: true, Copies: b.writable}
}

// key returns the key of the object n. It is made by putting one string behind
// the other and then judged as a whole, right before it is used: the SDK sends
// "../" as it is, and some servers follow it into another bucket.
func (b *Backend) key(op string, n vfs.Name) (string, error) {
	switch {
	case n.IsZero():
		return "", refuse(op, n, reason.NameEmpty)
	case n.IsRoot():
		return "", refuse(op, n, reason.Missing)
	}
	key, err := vfs.ParseName(b.prefix + n.String())
	if err != nil {
		return "", refuse(op, n, reason.Unholdable)
	}
	return key.String(), nil
}

// acquire takes one of the slots for calls of S3, or fails with ErrUnavailable
// after a short wait. Callers give it back by release.
func (b *Backend) acquire(ctx context.Context) error { return b.acquireWithin(ctx, slotWait) }

// acquireWithin is acquire for calls that finish something: they wait longer.
func (b *Backend) acquireWithin(ctx context.Context, wait time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case b.slots <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case b.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return fmt.Errorf("%w: %d calls of S3 are in flight", vfs.ErrUnavailable, cap(b.slots))
	}
}

func (b *Backend) release() { <-b.slots }

// validBucket is wide enough for the old names, with capitals and underscores,
// that some services still have. It lets no slash and no ".." through.
func validBucket(s string) bool {
	if len(s) < 3 || len(s) > 255 || strings.Contains(s, "..") || s[0] == '.' || s[0] == '-' {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

func refuse(op string, n vfs.Name, r vfs.Reason) error {
	return &vfs.Error{Op: op, Name: n.String(), Reason: r, Err: fs.ErrNotExist}
}
