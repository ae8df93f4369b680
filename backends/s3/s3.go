// Package s3 serves the objects of a bucket, or of a prefix in it, and with
// Options.Writable stores them. [NewClient] makes a client, and [New] a [Backend] over
// it; programs that take an s3:// source from a user call backends.Open instead.
//
// One call is one S3 request: Open sends a GetObject, Stat a HeadObject, List a
// ListObjectsV2 per page, and Put of a small object a PutObject. The methods document
// any further requests.
//
// A key consists of the backend's fixed prefix and a vfs.Name: bucket and prefix never
// come from a request. The service's answers are not trusted either: a range other than
// the requested one, a listed key from elsewhere or a body that ends early is never
// passed on.
//
// The package does not protect against those who can write to the bucket, since they
// decide what is served. A service that sends wrong bytes of the right length is
// detected only if it sends a checksum, which it does only for whole objects.
package s3

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// API is the part of the SDK's client that the backend needs. Its calls must be safe
// for concurrent use and respect their context, also while the body of a GetObject is
// read. [NewClient] makes a suitable client.
type API interface {
	GetObject(context.Context, *awss3.GetObjectInput, ...func(*awss3.Options)) (*awss3.GetObjectOutput, error)
	HeadObject(context.Context, *awss3.HeadObjectInput, ...func(*awss3.Options)) (*awss3.HeadObjectOutput, error)
	ListObjectsV2(context.Context, *awss3.ListObjectsV2Input, ...func(*awss3.Options)) (*awss3.ListObjectsV2Output, error)
	HeadBucket(context.Context, *awss3.HeadBucketInput, ...func(*awss3.Options)) (*awss3.HeadBucketOutput, error)

	// These are called only with Options.Writable.
	PutObject(context.Context, *awss3.PutObjectInput, ...func(*awss3.Options)) (*awss3.PutObjectOutput, error)
	DeleteObject(context.Context, *awss3.DeleteObjectInput, ...func(*awss3.Options)) (*awss3.DeleteObjectOutput, error)
	CreateMultipartUpload(context.Context, *awss3.CreateMultipartUploadInput, ...func(*awss3.Options)) (*awss3.CreateMultipartUploadOutput, error)
	UploadPart(context.Context, *awss3.UploadPartInput, ...func(*awss3.Options)) (*awss3.UploadPartOutput, error)
	CompleteMultipartUpload(context.Context, *awss3.CompleteMultipartUploadInput, ...func(*awss3.Options)) (*awss3.CompleteMultipartUploadOutput, error)
	AbortMultipartUpload(context.Context, *awss3.AbortMultipartUploadInput, ...func(*awss3.Options)) (*awss3.AbortMultipartUploadOutput, error)
	ListMultipartUploads(context.Context, *awss3.ListMultipartUploadsInput, ...func(*awss3.Options)) (*awss3.ListMultipartUploadsOutput, error)
}

var (
	_ API = (*awss3.Client)(nil)
	_ API = (*Client)(nil)
)

// objectAPI is the part of API that reads objects.
type objectAPI interface {
	GetObject(context.Context, *awss3.GetObjectInput, ...func(*awss3.Options)) (*awss3.GetObjectOutput, error)
	HeadObject(context.Context, *awss3.HeadObjectInput, ...func(*awss3.Options)) (*awss3.HeadObjectOutput, error)
}

// Options select the objects of a Backend and set its limits.
type Options struct {
	// Bucket is the name of the bucket, or the alias of an access point.
	Bucket string

	// Prefix is the directory in the bucket to serve, with or without a slash at its
	// end. "" means the whole bucket. Nothing beside it can be reached, even if its
	// name begins with the prefix.
	Prefix string

	// ExpectedBucketOwner, if set, is the account that must own the bucket: a bucket
	// that was deleted and recreated by another account is then refused.
	ExpectedBucketOwner string

	// MaxInFlight is the maximum number of concurrent S3 calls; 0 means 256. Reading an
	// object's body is not a call. A call beyond the limit waits for a second, or for
	// half a minute if it continues an upload or an object's body, and then fails with
	// vfs.ErrUnavailable.
	MaxInFlight int

	// MaxBodies is the maximum number of open bodies; 0 means 1024. Each takes a
	// connection. Beyond the limit, the body that has waited longest for its reader
	// loses its connection to the next one. When it is read again, it continues with
	// one more call, for the remaining bytes of the same version: so a slow reader
	// keeps nobody else waiting. Only a body without an ETag keeps its connection,
	// since it could not be resumed.
	MaxBodies int

	// IdleTimeout is how long a body may send nothing before its connection is closed
	// and the remaining bytes are requested again; 0 means 30 seconds. A body being
	// sent to S3 is given up if S3 accepts nothing, or does not answer, for that time.
	IdleTimeout time.Duration

	// Writable enables Put and Remove. Without it, no request that changes the bucket
	// is ever sent.
	Writable bool

	// PartSize is the number of bytes sent to S3 in one piece: a larger object is sent
	// as a multipart upload. 0 means 8 MiB; the minimum is 5 MiB. A Put holds one part
	// in memory, and up to four of 8 MiB while few others run.
	PartSize int
}

// Defaults of Options, and fixed limits.
const (
	defaultInFlight = 256 // NewClient keeps as many connections
	defaultBodies   = 1024
	defaultIdle     = 30 * time.Second
	slotWait        = time.Second
	finishWait      = 30 * time.Second // maximum wait for a slot during an upload
)

// A Backend serves the objects below a prefix of a bucket. It is safe for concurrent
// use and need not be closed.
//
// S3 has no directories: the name of one is a missing object.
type Backend struct {
	api       API
	objects   objectAPI
	closeEnds bool // closing a body ends its request and its reads
	bucket    string
	prefix    string // "" or ending in a slash
	owner     *string
	idle      time.Duration
	slots     chan struct{}
	streams   streams
	writable  bool
	buffers   *buffers
	presign   *awss3.PresignClient // nil without credentials
	minio     atomic.Bool          // the service is MinIO, see Unlisted
}

var _ driver.Walker = (*Backend)(nil)

// New returns a Backend that uses api, and for reading objects requests of its own if
// api is a [Client]. It does no I/O: see [Backend.Check]. It fails if
// the bucket's name is invalid, or the prefix is not a valid vfs.Name.
func New(api API, opts Options) (*Backend, error) {
	if c, ok := api.(*Client); api == nil || ok && (c == nil || c.Client == nil) {
		return nil, errors.New("s3: no client, or one that NewClient did not make")
	}
	// The SDK sends any string: on servers that store buckets as directories, the
	// bucket ".." has meant the directory above all buckets.
	if !validBucket(opts.Bucket) {
		return nil, fmt.Errorf("s3: %q is not a valid bucket name", opts.Bucket)
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
		return nil, fmt.Errorf("s3: PartSize must be between %d and %d bytes", minPart, maxPart)
	}
	b := &Backend{
		api:      api,
		objects:  api,
		bucket:   opts.Bucket,
		prefix:   prefix,
		idle:     opts.IdleTimeout,
		writable: opts.Writable,
		buffers:  newBuffers(cmp.Or(opts.PartSize, defaultPart)),
	}
	if b.idle == 0 {
		b.idle = defaultIdle
	}
	if client, ok := api.(*Client); ok {
		if lean := newLeanClient(client, opts.Bucket); lean != nil {
			b.objects, b.closeEnds = lean, client.http != nil // net/http's bodies
		}
	}
	b.presign = newPresigner(api)
	b.slots = make(chan struct{}, cmp.Or(opts.MaxInFlight, defaultInFlight))
	b.streams.limit = cmp.Or(opts.MaxBodies, defaultBodies)
	if opts.ExpectedBucketOwner != "" {
		b.owner = aws.String(opts.ExpectedBucketOwner)
	}
	return b, nil
}

// Caps returns what a bucket supports.
func (b *Backend) Caps() vfs.Caps {
	return vfs.Caps{Kind: "s3", Ranges: true, Writable: b.writable, Direct: b.presign != nil, Walks: true, Copies: b.writable, Encodings: true}
}

// key returns the key of the object n. It concatenates prefix and name and checks the
// result as a whole, immediately before use: the SDK sends "../" unchanged, and some
// servers follow it into another bucket.
func (b *Backend) key(op string, n vfs.Name) (string, error) {
	switch {
	case n.IsZero():
		return "", driver.Refuse(op, n, reason.NameEmpty)
	case n.IsRoot():
		return "", driver.Refuse(op, n, reason.Missing)
	}
	key, err := vfs.ParseName(b.prefix + n.String())
	if err != nil {
		return "", driver.Refuse(op, n, reason.Unholdable)
	}
	return key.String(), nil
}

// acquire takes a slot for an S3 call, or fails with ErrUnavailable after a short wait.
// The caller returns it with release.
func (b *Backend) acquire(ctx context.Context) error { return b.acquireWithin(ctx, slotWait) }

// acquireWithin is acquire with a given wait, longer for calls that finish something.
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

// validBucket accepts old names with capitals and underscores, which some services
// still have. It rejects slashes and "..".
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
