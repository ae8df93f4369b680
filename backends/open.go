// Package backends opens a source that a user named: a directory path, "mem:",
// or "s3://bucket/prefix". A program that knows which backend it wants imports
// that one instead and carries no other; this package brings the AWS SDK along,
// with the part of it that reads variables, files and the network.
//
// # S3
//
// [S3Source] says what an s3:// source may hold. Credentials never stand in it:
// they come from where the AWS SDK looks for them, the variables
// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, the profile
// AWS_PROFILE of ~/.aws, single sign-on, a web identity, the roles of ECS, EKS
// and EC2 (not of EC2 with AWS_EC2_METADATA_DISABLED=true). The region comes from
// the source, else from AWS_REGION or the profile, and is us-east-1 at an
// endpoint that says none. AWS_CA_BUNDLE names further certificates. The endpoint
// comes from the source alone: AWS_ENDPOINT_URL is not heeded, so that a variable
// never decides whose objects are served.
package backends

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"regexp"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// ErrSource is what every error of [Open] matches that is about the source. It
// prints as one line that says what to do, and holds no secret. One that also
// matches [vfs.ErrUnavailable] need not be wrong: the same source may open later.
var ErrSource = errors.New("cannot open the source")

// A Source is an open backend. Whoever opened it closes it.
type Source struct {
	vfs.Backend
	// Label is what the source is known by where something is written down of its
	// objects, see [Label].
	Label string
	// Notes are what an operator should know of the source, a line each.
	Notes []string
	// Unlisted says why a search of all objects may miss some that can be read; "" if it
	// misses none. It is one of the Notes, too.
	Unlisted string
	// IgnoredEndpoint says that AWS_ENDPOINT_URL, or the AWS profile, names an endpoint that
	// is not used; "" if not. It is one of the Notes, too.
	IgnoredEndpoint string
	close           func() error
}

// Walk is that of the backend, if it is a driver.Walker.
func (s *Source) Walk(ctx context.Context, dir vfs.Name) iter.Seq2[vfs.Entry, error] {
	return driver.Walk(ctx, s.Backend, dir)
}

// CopyFrom is that of the backend, if it is a driver.Copier.
func (s *Source) CopyFrom(ctx context.Context, n vfs.Name, src vfs.Backend, from vfs.Info, opts vfs.PutOptions) (vfs.Info, error) {
	return driver.CopyFrom(ctx, s.Backend, n, src, from, opts)
}

// Under returns the backend, for driver.Under.
func (s *Source) Under() vfs.Backend { return s.Backend }

// Close ends the Source: every later call of its backend may fail.
func (s *Source) Close() error { return s.close() }

// Options are the options of Open. The zero value is safe.
type Options struct {
	// Writable asks for a source that can be written to. Without it, a directory
	// is never changed.
	Writable bool
	Disk     disk.Options // for a directory
}

// scheme is what a source that is no path begins with.
var scheme = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*)://`)

// Open opens a source:
//
//   - "mem:" is an empty backend in memory.
//   - "s3://bucket/prefix" is the objects of a bucket below a prefix, see
//     [S3Source]. The service is asked whether they can be read, within 8 seconds.
//   - What begins with another scheme and "://" is no path, and an error.
//   - All else is the path of a directory; "./mem:" is one called "mem:".
//
// ctx bounds the opening alone.
func Open(ctx context.Context, source string, opts Options) (*Source, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if source == "" {
		return nil, sourceError(source, "name a directory, mem: for an empty one in memory, or s3://BUCKET/PREFIX")
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

// openKind opens a source, whose label is still to be found.
func openKind(ctx context.Context, source string, opts Options) (*Source, error) {
	if source == "mem:" {
		return &Source{
			Backend: mem.New(),
			Notes:   []string{"objects are kept in memory, and gone when the program ends"},
			close:   func() error { return nil },
		}, nil
	}
	if m := scheme.FindStringSubmatch(source); m != nil {
		if m[1] == "s3" {
			return openS3(ctx, source, opts.Writable)
		}
		return nil, sourceError(source, fmt.Sprintf("there is no scheme %q: name a directory by its path, mem:, or s3://BUCKET/PREFIX (a path that looks like this takes ./ before it)", m[1]))
	}
	opts.Disk.Writable = opts.Disk.Writable || opts.Writable
	return openDir(source, opts.Disk)
}

// IsPath reports whether Open takes source for the path of a directory.
func IsPath(source string) bool { return source != "mem:" && !scheme.MatchString(source) }

func openDir(path string, opts disk.Options) (*Source, error) {
	st, err := os.Stat(path)
	if err == nil && !st.IsDir() {
		return nil, sourceError(path, "it is no directory: name the one that holds it, and allow the file")
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

// advice says what an error means for whoever named the source.
func advice(err error) string {
	switch {
	case errors.Is(err, disk.ErrNotWritable) && errors.Is(err, fs.ErrPermission):
		return "this user may not write to it: change its permissions, run as another user, or serve it without --write"
	case errors.Is(err, fs.ErrNotExist):
		return "it does not exist: check the path, or create the directory"
	case errors.Is(err, fs.ErrPermission):
		return "this user may not read it: change its permissions, or run as another user"
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
