package copier

import (
	"context"
	"io"
	"iter"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// A countedBackend counts the bytes that are read from a source.
type countedBackend struct {
	vfs.Backend
	run *copyRun
}

func (b countedBackend) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	obj, err := b.Backend.Open(ctx, n, req)
	if err != nil {
		return nil, err
	}
	if ctx.Value(uncounted{}) != nil {
		return obj, nil
	}
	// Reading by File would bypass the count.
	obj.File, obj.Descriptor = nil, nil
	if read, ok := ctx.Value(wasRead{}).(*bool); ok {
		*read = true
	}
	obj.Body = countedBody{countingReader{obj.Body, b.run.progress}, obj.Body}
	return obj, nil
}

// Under implements driver.Under: what the store copies by itself is not read here.
func (b countedBackend) Under() vfs.Backend { return b.Backend }

// Walk implements driver.Walker.
func (b countedBackend) Walk(ctx context.Context, dir vfs.Name) iter.Seq2[vfs.Entry, error] {
	return driver.Walk(ctx, b.Backend, dir)
}

// wasRead is the key of a *bool in a context, which is set once an object is opened.
type wasRead struct{}

// uncounted marks a context whose reads do not count as progress, such as comparisons.
type uncounted struct{}

type countedBody struct {
	io.Reader
	io.Closer
}

// A countingReader adds the bytes that are read to a progress.
type countingReader struct {
	io.Reader
	progress *cli.Progress
}

func (r countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.progress.Bytes.Add(int64(n))
	return n, err
}
