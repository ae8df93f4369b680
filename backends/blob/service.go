package blob

import (
	"context"
	"fmt"
	"time"

	cdk "gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A Service is what a driver can do beyond the CDK's portable interface, through the
// driver's own types: name a version, and read, replace or remove only that version. Its
// methods are safe for concurrent use. The packages azure, gcs and s3 implement it.
//
// A tag names one version of an object. It is an ETag in the form of vfs.Info, and no
// two versions have the same.
type Service interface {
	// Kind is the Backend's Caps.Kind.
	Kind() string
	// Serves reports whether bucket uses the Service's driver.
	Serves(bucket *cdk.Bucket) bool
	// Holds reports whether driver and service store key, a valid name, as it is. A key
	// that the driver escapes has another place in a listing.
	Holds(key string) bool
	// StoredKey returns the key of a listed object, or of a listed prefix, as the service
	// stores it; false if it cannot tell.
	StoredKey(o *cdk.ListObject) (string, bool)

	// Context adds to the context of a read what the driver's requests need.
	Context(ctx context.Context) context.Context
	// Tag returns the tag of the version that a describes, "" if there is none.
	Tag(a *cdk.Attributes) string
	// Opened describes the version that r reads; false if it cannot tell.
	Opened(r *cdk.Reader) (Opened, bool)

	// ReadIf, WriteIf and RemoveIf return a hook that makes the request fail unless the
	// object has the version with the tag. The error's Code is then FailedPrecondition.
	// ReadIf also makes the service send the bytes as they are stored; it alone takes an
	// empty tag, for any version.
	ReadIf(tag string) Hook
	WriteIf(tag string) Hook
	RemoveIf(tag string) Hook

	// ListAfter returns a hook that lets a listing begin after the key that consists of
	// the listing's prefix and after, or before that. nil if the service has no such
	// option.
	ListAfter(after string) Hook

	// Code classifies an error of the bucket. NotFound is about the object: a missing
	// bucket, container or host is Unknown.
	Code(err error) gcerrors.ErrorCode
}

// A Hook is one of the CDK's callbacks, such as ReaderOptions.BeforeRead. It fails if
// the driver does not offer the type that the Service needs.
type Hook = func(as func(any) bool) error

// ErrHook is the error of a Hook to which the driver does not offer the type it needs.
var ErrHook = fmt.Errorf("%w: the driver does not offer the type that the Service needs", vfs.ErrFailed)

// Opened describes an open reader.
type Opened struct {
	Tag         string
	Size        int64 // of the whole object
	Offset      int64 // of the first byte that is read
	Length      int64 // number of bytes that are read
	ModTime     time.Time
	ContentType string
	Encoding    string // the content coding
	ContentTime string // the metadata "mtime"
}
