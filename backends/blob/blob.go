package blob

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	cdk "gocloud.dev/blob"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A Backend serves the objects of a bucket. It is safe for concurrent use. The zero
// Backend refuses every call.
type Backend struct {
	bucket  *cdk.Bucket
	prefix  string  // of every key: "" or ending in a slash
	service Service // nil for a driver without one
	files   *files  // nil unless the bucket is a directory
	caps    vfs.Caps

	// mu is held while a change of a bucket without a Service is checked and made.
	mu   sync.RWMutex
	last time.Time // the latest time given to a file
}

var _ driver.Walker = (*Backend)(nil)

// Options are the options of New. The zero value is a read-only Backend of a whole
// bucket.
type Options struct {
	// Prefix selects the objects below a directory of the bucket, "" all of them. It must
	// be a valid name. Use it in place of the CDK's PrefixedBucket, which serves what is
	// beside the directory, too, if its prefix does not end in a slash.
	Prefix string

	// Service is what the bucket's driver can do beyond the portable interface. Packages
	// azure, gcs and s3 have one for each.
	Service Service

	// Dir is the directory of a fileblob bucket, which needs it, and no other bucket does.
	Dir string

	// Writable makes Put and Remove work. It needs a Service, or Exclusive.
	Writable bool

	// Exclusive declares that nothing but this Backend changes the bucket: no other
	// Backend, no other process. Then a lock in this process enforces the conditions that
	// the driver does not. A Service makes it unnecessary and ignores it.
	Exclusive bool
}

// New returns a Backend over bucket, which the caller closes after the last use of the
// Backend. It makes no request. It fails if the options contradict each other or do not
// fit the bucket; in particular if Writable is set and nothing enforces conditions, for
// a Service of another driver, and for a fileblob bucket without its directory or on a
// system whose file names have several spellings.
func New(bucket *cdk.Bucket, opts Options) (*Backend, error) {
	switch {
	case bucket == nil:
		return nil, errors.New("blob: New without a bucket")
	case opts.Writable && opts.Service == nil && !opts.Exclusive:
		return nil, errors.New("blob: nothing enforces the conditions of a change: set Options.Service, or Options.Exclusive if nothing else writes to the bucket")
	case opts.Service != nil && !opts.Service.Serves(bucket):
		return nil, fmt.Errorf("blob: the bucket is not one of %s: its driver needs another Service", opts.Service.Kind())
	}
	b := &Backend{bucket: bucket, service: opts.Service}
	if opts.Prefix != "" {
		n, err := vfs.ParseName(opts.Prefix)
		if err != nil {
			return nil, fmt.Errorf("blob: %q is no valid prefix: %s", opts.Prefix, vfs.ReasonOf(err).Detail())
		}
		b.prefix = n.String() + "/"
	}
	var err error
	if b.files, err = newFiles(bucket, opts.Dir, b.prefix); err != nil {
		return nil, err
	}
	// The files of a directory need not have attributes.
	b.caps = vfs.Caps{Kind: "blob", Writable: opts.Writable, Ranges: true, Walks: b.files == nil, Encodings: b.files == nil}
	if b.service != nil {
		b.caps.Kind = b.service.Kind()
	}
	return b, nil
}

// Caps returns what the bucket supports.
func (b *Backend) Caps() vfs.Caps { return b.caps }

// Close releases the directory of a fileblob bucket. It does not close the bucket.
func (b *Backend) Close() error {
	if b.files == nil {
		return nil
	}
	return b.files.root.Close()
}

// escapeMark begins every escape sequence of the CDK's drivers. They use one for the slash
// of climbs, which is also the end of a directory's name such as "a..".
const (
	escapeMark = "__0x"
	climbs     = "../"
)

// key returns the key of the object n. A key with a text that the drivers treat as an
// escape sequence is refused: some store it under the name of another key.
func (b *Backend) key(op string, n vfs.Name) (string, error) {
	switch {
	case n.IsZero():
		return "", driver.Refuse(op, n, reason.NameEmpty)
	case b.bucket == nil:
		return "", &vfs.Error{Op: op, Name: n.String(), Err: errZero}
	case n.IsRoot():
		return "", driver.Refuse(op, n, reason.Missing)
	}
	key, err := vfs.ParseName(b.prefix + n.String())
	if err != nil || !b.holds(key.String(), op != "list") {
		return "", driver.Refuse(op, n, reason.Unholdable)
	}
	return key.String(), nil
}

// holds reports whether the driver stores the key as itself, or, if it is not an
// object's, keys below it.
func (b *Backend) holds(key string, object bool) bool {
	switch {
	case strings.Contains(key, escapeMark), strings.Contains(key, climbs), !object && strings.HasSuffix(key, ".."):
		return false
	case b.files != nil:
		return fileHolds(key, object)
	case b.service != nil:
		return b.service.Holds(key)
	}
	return true
}

// A call is one call of a Backend's method.
type call struct {
	*Backend
	ctx context.Context
	op  string
	n   vfs.Name
	key string
}

func (b *Backend) call(ctx context.Context, op string, n vfs.Name) (*call, error) {
	key, err := b.key(op, n)
	if err != nil {
		return nil, err
	}
	c := &call{b, ctx, op, n, key}
	if err := ctx.Err(); err != nil {
		return nil, c.fail(err)
	}
	return c, nil
}
