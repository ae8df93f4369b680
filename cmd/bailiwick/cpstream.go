package main

import (
	"context"
	"io"
	"iter"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// counted is a source whose bytes are counted as they are read.
type counted struct {
	vfs.Backend
	copying *copying
}

func (b counted) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	obj, err := b.Backend.Open(ctx, n, req)
	if err != nil {
		return nil, err
	}
	// A File would be read past the count.
	obj.File = nil
	obj.Body = countedBody{counter{obj.Body, b.copying.progress}, obj.Body}
	return obj, nil
}

// Walk implements driver.Walker.
func (b counted) Walk(ctx context.Context, dir vfs.Name) iter.Seq2[vfs.Entry, error] {
	return driver.Walk(ctx, b.Backend, dir)
}

type countedBody struct {
	io.Reader
	io.Closer
}

// A counter adds what is read to a progress.
type counter struct {
	io.Reader
	progress *cli.Progress
}

func (r counter) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.progress.Bytes.Add(int64(n))
	return n, err
}
