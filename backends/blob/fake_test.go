package blob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"
)

// A fake is a driver in memory whose calls can be made to go wrong. The functions may be
// set before it is used.
type fake struct {
	mu      sync.Mutex
	objects map[string]*object
	version int

	ops    []string
	before func(op, key string) error // nil lets the call pass
	after  func(op, key string)
	body   func(data []byte) io.Reader // nil is all of data
	noTags bool
	pages  func(keys []string) [][]string // nil is one page in order
}

type object struct {
	data  []byte
	attrs driver.Attributes
}

var errMissing = errors.New("no such key")

func newFake(objects map[string]string) *fake {
	f := &fake{objects: map[string]*object{}}
	for key, data := range objects {
		f.store(key, []byte(data), nil)
	}
	return f
}

func (f *fake) store(key string, data []byte, meta map[string]string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.version++
	attrs := driver.Attributes{Size: int64(len(data)), ModTime: time.Unix(1e9, 0), ETag: fmt.Sprintf(`"v%d"`, f.version), Metadata: meta}
	if f.noTags {
		attrs.ETag = ""
	}
	f.objects[key] = &object{data, attrs}
}

func (f *fake) find(op, key string) (*object, error) {
	f.mu.Lock()
	f.ops = append(f.ops, op)
	f.mu.Unlock()
	if f.before != nil {
		if err := f.before(op, key); err != nil {
			return nil, err
		}
	}
	f.mu.Lock()
	o := f.objects[key]
	f.mu.Unlock()
	if f.after != nil {
		f.after(op, key)
	}
	if o == nil {
		return nil, errMissing
	}
	return o, nil
}

// taken returns the operations so far, and forgets them.
func (f *fake) taken() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	ops := f.ops
	f.ops = nil
	return ops
}

func (f *fake) ErrorCode(err error) gcerrors.ErrorCode {
	if err == errMissing {
		return gcerrors.NotFound
	}
	return gcerrors.Unknown
}

func (f *fake) As(any) bool             { return false }
func (f *fake) ErrorAs(error, any) bool { return false }
func (f *fake) Close() error            { return nil }

func (f *fake) Attributes(_ context.Context, key string) (*driver.Attributes, error) {
	o, err := f.find("attributes", key)
	if err != nil {
		return nil, err
	}
	return &o.attrs, nil
}

func (f *fake) ListPaged(_ context.Context, opts *driver.ListOptions) (*driver.ListPage, error) {
	if _, err := f.find("list", opts.Prefix); err != nil && err != errMissing {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	pages := [][]string{slices.Sorted(maps.Keys(f.objects))}
	if f.pages != nil {
		pages = f.pages(pages[0])
	}
	at := len(opts.PageToken)
	page := &driver.ListPage{}
	if at+1 < len(pages) {
		page.NextPageToken = bytes.Repeat([]byte("x"), at+1)
	}
	for _, key := range pages[at] {
		if rest, ok := strings.CutPrefix(key, opts.Prefix); ok && !strings.Contains(rest, "/") {
			page.Objects = append(page.Objects, &driver.ListObject{Key: key, Size: f.objects[key].attrs.Size})
		}
	}
	return page, nil
}

type fakeReader struct {
	io.Reader
	attrs driver.ReaderAttributes
}

func (r *fakeReader) Close() error                         { return nil }
func (r *fakeReader) Attributes() *driver.ReaderAttributes { return &r.attrs }
func (r *fakeReader) As(any) bool                          { return false }

func (f *fake) NewRangeReader(_ context.Context, key string, offset, length int64, opts *driver.ReaderOptions) (driver.Reader, error) {
	o, err := f.find("read", key)
	if err != nil {
		return nil, err
	}
	data := o.data[offset:]
	if length >= 0 {
		data = data[:min(length, int64(len(data)))]
	}
	var r io.Reader = bytes.NewReader(data)
	if f.body != nil {
		r = f.body(data)
	}
	return &fakeReader{r, driver.ReaderAttributes{Size: o.attrs.Size, ModTime: o.attrs.ModTime}}, nil
}

type fakeWriter struct {
	bytes.Buffer
	f    *fake
	ctx  context.Context
	key  string
	meta map[string]string
}

func (f *fake) NewTypedWriter(ctx context.Context, key, _ string, opts *driver.WriterOptions) (driver.Writer, error) {
	return &fakeWriter{f: f, ctx: ctx, key: key, meta: opts.Metadata}, nil
}

func (w *fakeWriter) Close() error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if _, err := w.f.find("write", w.key); err != nil && err != errMissing {
		return err
	}
	w.f.store(w.key, w.Bytes(), w.meta)
	return nil
}

func (f *fake) Copy(context.Context, string, string, *driver.CopyOptions) error {
	return errors.ErrUnsupported
}

func (f *fake) Delete(_ context.Context, key string, _ *driver.DeleteOptions) error {
	if _, err := f.find("delete", key); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.objects, key)
	return nil
}

func (f *fake) SignedURL(context.Context, string, *driver.SignedURLOptions) (string, error) {
	return "", errors.ErrUnsupported
}
