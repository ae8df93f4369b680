// Package backends opens a source that a user named: a directory path, "mem:",
// or "s3://bucket/prefix". A program that needs only one backend should import
// its package instead. This package depends on the AWS SDK, including the part
// that reads environment variables, files and the network.
//
// # S3
//
// [S3Source] describes the syntax of s3:// sources. They never contain
// credentials. The AWS SDK finds these in the variables AWS_ACCESS_KEY_ID,
// AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, the profile AWS_PROFILE of ~/.aws,
// single sign-on, a web identity, or the roles of ECS, EKS and EC2 (not of EC2
// with AWS_EC2_METADATA_DISABLED=true). The region comes from the source, or else
// from AWS_REGION or the profile; with an endpoint that specifies none it is
// us-east-1. AWS_CA_BUNDLE names additional certificates. Only the source sets the
// endpoint: AWS_ENDPOINT_URL is ignored, so that a variable never decides whose
// objects are served.
package backends

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"regexp"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/backends/layer/overlay"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// ErrSource is matched by every error of [Open] that is about the source. Such an error
// prints as one line that says what to do, and contains no secret. If it also matches
// [vfs.ErrUnavailable], the source may be correct: opening it may succeed later.
var ErrSource = errors.New("cannot open the source")

// A Source is an open backend. The caller of Open closes it.
type Source struct {
	vfs.Backend
	// Label is the name under which other stores record the source's objects; see
	// [Label].
	Label string
	// Notes tell an operator about the source, one line each.
	Notes []string
	// Unlisted says why a listing of all objects may omit readable ones; "" if it does
	// not. It is also one of the Notes.
	Unlisted string
	// IgnoredEndpoint says that AWS_ENDPOINT_URL, or the AWS profile, names an endpoint
	// that is not used; "" if not. It is also one of the Notes.
	IgnoredEndpoint string
	// Renewal says why a process that can neither run programs nor write below ~/.aws
	// could not renew the source's credentials when they expire; "" if it could.
	Renewal string
	close   func() error
}

// Walk calls the backend's Walk, if it is a driver.Walker.
func (s *Source) Walk(ctx context.Context, dir vfs.Name) iter.Seq2[vfs.Entry, error] {
	return driver.Walk(ctx, s.Backend, dir)
}

// CopyFrom calls the backend's CopyFrom, if it is a driver.Copier.
func (s *Source) CopyFrom(ctx context.Context, n vfs.Name, src vfs.Backend, from vfs.Info, opts vfs.PutOptions) (vfs.Info, error) {
	return driver.CopyFrom(ctx, s.Backend, n, src, from, opts)
}

// MoveFrom calls the backend's MoveFrom, if it is a driver.Mover.
func (s *Source) MoveFrom(ctx context.Context, n vfs.Name, src vfs.Backend, from vfs.Info, opts vfs.PutOptions) (vfs.Info, error) {
	return driver.MoveFrom(ctx, s.Backend, n, src, from, opts)
}

// Under returns the backend, for driver.Under.
func (s *Source) Under() vfs.Backend { return s.Backend }

// Close closes the Source: any later call of its backend may fail.
func (s *Source) Close() error { return s.close() }

// Options are the options of Open. The zero value is safe.
type Options struct {
	// Writable opens the source for writing. Without it, a directory is never changed.
	Writable bool
	Disk     disk.Options // for a directory
}

// scheme matches the start of a source that is not a path.
var scheme = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*)://`)

// Open opens a source:
//
//   - "mem:" is an empty backend in memory.
//   - "s3://bucket/prefix" means the objects of a bucket below a prefix, see
//     [S3Source]. Open asks the service, within 8 seconds, whether they can be read.
//   - Any other source that begins with a scheme and "://" is an error.
//   - Everything else is the path of a directory; "./mem:" is a directory called
//     "mem:".
//
// ctx applies only to the opening.
func Open(ctx context.Context, source string, opts Options) (*Source, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if source == "" {
		return nil, sourceError(source, "name a directory, mem: for an empty source in memory, or s3://BUCKET/PREFIX")
	}
	src, err := openKind(ctx, source, opts)
	if err != nil {
		return nil, err
	}
	if src.Label, err = Label(source); err != nil {
		return nil, errors.Join(err, src.Close())
	}
	return src, nil
}

// OpenOverlay opens several sources as one tree, by [overlay.New] with the zero Options:
// the first one is on top, and is the only one that Options.Writable opens for writing. A
// single source is opened as by Open. The Label is that of the first source; Notes are those
// of all. Sources that share objects are not detected.
func OpenOverlay(ctx context.Context, sources []string, opts Options) (*Source, error) {
	if len(sources) == 1 {
		return Open(ctx, sources[0], opts)
	}
	whole := &Source{}
	var opened []*Source
	var layers []vfs.Backend
	whole.close = func() error {
		var errs []error
		for _, src := range opened {
			errs = append(errs, src.Close())
		}
		return errors.Join(errs...)
	}
	for i, source := range sources {
		own := opts
		own.Writable, own.Disk.Writable = i == 0 && own.Writable, i == 0 && own.Disk.Writable
		src, err := Open(ctx, source, own)
		if err != nil {
			return nil, errors.Join(err, whole.Close())
		}
		opened, layers = append(opened, src), append(layers, src)
		whole.Notes = append(whole.Notes, src.Notes...)
		whole.Unlisted = cmp.Or(whole.Unlisted, src.Unlisted)
		whole.IgnoredEndpoint = cmp.Or(whole.IgnoredEndpoint, src.IgnoredEndpoint)
		whole.Renewal = cmp.Or(whole.Renewal, src.Renewal)
	}
	b, err := overlay.New(layers, overlay.Options{})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrSource, err), whole.Close())
	}
	whole.Backend, whole.Label = b, opened[0].Label
	return whole, nil
}

// openKind opens a source, without its label.
func openKind(ctx context.Context, source string, opts Options) (*Source, error) {
	if source == "mem:" {
		return &Source{
			Backend: mem.New(),
			Notes:   []string{"objects are kept in memory and are lost when the program ends"},
			close:   func() error { return nil },
		}, nil
	}
	if m := scheme.FindStringSubmatch(source); m != nil {
		if m[1] == "s3" {
			return openS3(ctx, source, opts.Writable)
		}
		return nil, sourceError(source, fmt.Sprintf("unknown scheme %q: name a directory by its path, mem:, or s3://BUCKET/PREFIX (write ./ before a path that looks like this)", m[1]))
	}
	opts.Disk.Writable = opts.Disk.Writable || opts.Writable
	return openDir(source, opts.Disk)
}

// IsPath reports whether Open treats source as the path of a directory.
func IsPath(source string) bool { return source != "mem:" && !scheme.MatchString(source) }

func openDir(path string, opts disk.Options) (*Source, error) {
	st, err := os.Stat(path)
	if err == nil && !st.IsDir() {
		return nil, sourceError(path, "it is not a directory: name the directory that contains it, and allow the file")
	}
	if err != nil {
		return nil, sourceError(path, advice(err))
	}
	b, err := disk.New(path, opts)
	if err != nil {
		return nil, sourceError(path, advice(err))
	}
	return &Source{Backend: b, Notes: b.Notes(), close: b.Close}, nil
}

// advice says what to do about an error.
func advice(err error) string {
	switch {
	case errors.Is(err, disk.ErrNotWritable) && errors.Is(err, fs.ErrPermission):
		return "this user has no permission to write to it: change its permissions, run as another user, or serve it without --write"
	case errors.Is(err, fs.ErrNotExist):
		return "it does not exist: check the path, or create the directory"
	case errors.Is(err, fs.ErrPermission):
		return "this user has no permission to read it: change its permissions, or run as another user"
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return err.Error()
}

func sourceError(source, advice string) error {
	return fmt.Errorf("%w %q: %s", ErrSource, source, advice)
}
