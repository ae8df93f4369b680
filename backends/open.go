// Package backends opens a source that a user named: a directory path, or
// "mem:". A program that knows which backend it wants imports that one instead
// and carries no other.
package backends

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// ErrSource is what every error of [Open] matches that is about the source. It
// prints as one line that says what to do.
var ErrSource = errors.New("cannot open the source")

// A Source is an open backend. Whoever opened it closes it.
type Source struct {
	vfs.Backend
	// Notes are what an operator should know of the source, a line each.
	Notes []string
	close func() error
}

// Close ends the Source: every later call of its backend may fail.
func (s *Source) Close() error { return s.close() }

// Options are the options of Open. The zero value is safe.
type Options struct {
	Disk disk.Options // for a directory
}

// scheme is what a source that is no path begins with.
var scheme = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*)://`)

// Open opens a source:
//
//   - "mem:" is an empty backend in memory.
//   - What begins with a scheme and "://" is no path. No scheme is known yet.
//   - All else is the path of a directory; "./mem:" is one called "mem:".
//
// ctx bounds the opening alone.
func Open(ctx context.Context, source string, opts Options) (*Source, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if source == "" {
		return nil, refuse(source, "name a directory, or mem: for an empty one in memory")
	}
	if source == "mem:" {
		return &Source{
			Backend: mem.New(),
			Notes:   []string{"objects are kept in memory, and gone when the program ends"},
			close:   func() error { return nil },
		}, nil
	}
	if m := scheme.FindStringSubmatch(source); m != nil {
		if m[1] == "s3" {
			return nil, refuse(source, "this version does not know s3 yet: name a directory, or mem:")
		}
		return nil, refuse(source, fmt.Sprintf("there is no scheme %q: name a directory by its path, or mem: (a path that looks like this takes ./ before it)", m[1]))
	}
	return openDir(source, opts.Disk)
}

func openDir(path string, opts disk.Options) (*Source, error) {
	st, err := os.Stat(path)
	if err == nil && !st.IsDir() {
		return nil, refuse(path, "it is no directory: name the one that holds it, and allow the file")
	}
	if err != nil {
		return nil, refuse(path, advice(err))
	}
	b, err := disk.New(path, opts)
	if err != nil {
		return nil, refuse(path, advice(err))
	}
	return &Source{Backend: b, Notes: b.Notes(), close: b.Close}, nil
}

// advice says what an error means for whoever named the source.
func advice(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is nothing of this name: check the path, or make the directory"
	case errors.Is(err, fs.ErrPermission):
		return "this user may not read it: change its permissions, or run as another user"
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return err.Error()
}

func refuse(source, advice string) error {
	return fmt.Errorf("%w %q: %s", ErrSource, source, advice)
}
