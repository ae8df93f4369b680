package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	cdk "gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"

	"github.com/bailiwick-fs/bailiwick/backends/blob"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

func name(t *testing.T, s string) vfs.Name {
	t.Helper()
	n, err := vfs.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// open returns a Backend over the fake, which nothing else changes.
func open(t *testing.T, f *fake) *blob.Backend {
	t.Helper()
	return newBackend(t, cdk.NewBucket(f), blob.Options{Writable: true, Exclusive: true})
}

// TestNew: options that contradict each other, or promise what nothing keeps, fail.
func TestNew(t *testing.T) {
	dir := t.TempDir()
	memory := memblob.OpenBucket(nil)
	defer memory.Close()
	files, err := fileblob.OpenBucket(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	for _, tt := range []struct {
		what   string
		bucket *cdk.Bucket
		opts   blob.Options
	}{
		{"no bucket", nil, blob.Options{}},
		{"writable without conditions", memory, blob.Options{Writable: true}},
		{"a Service of another driver", memory, blob.Options{Service: foreign{}}},
		{"an invalid prefix", memory, blob.Options{Prefix: "a/"}},
		{"a prefix that climbs", memory, blob.Options{Prefix: "../a"}},
		{"a directory of another driver", memory, blob.Options{Dir: dir}},
		{"files without their directory", files, blob.Options{}},
		{"files in another directory", files, blob.Options{Dir: t.TempDir()}},
		{"files in a missing directory", files, blob.Options{Dir: dir + "/missing"}},
	} {
		if b, err := blob.New(tt.bucket, tt.opts); err == nil || b != nil {
			t.Errorf("%s: %v, %v", tt.what, b, err)
		}
	}
}

type foreign struct{ blob.Service }

func (foreign) Kind() string            { return "foreign" }
func (foreign) Serves(*cdk.Bucket) bool { return false }

// TestZeroValue: it refuses.
func TestZeroValue(t *testing.T) {
	var b blob.Backend
	n := name(t, "a")
	_, opened := b.Open(t.Context(), n, vfs.Request{})
	_, looked := b.Stat(t.Context(), n, vfs.Request{})
	_, put := b.Put(t.Context(), n, strings.NewReader("x"), vfs.PutOptions{})
	removed := b.Remove(t.Context(), n, vfs.Cond{})
	var listed, walked error
	for _, listed = range b.List(t.Context(), vfs.Root, "") {
	}
	for _, walked = range b.Walk(t.Context(), vfs.Root) {
	}
	for call, err := range map[string]error{"Open": opened, "Stat": looked, "Put": put, "Remove": removed, "List": listed, "Walk": walked, "Close": b.Close()} {
		if (err == nil) != (call == "Close") {
			t.Errorf("%s: %v", call, err)
		}
	}
}

// TestChangedMeanwhile: an object that is replaced between the request for its attributes
// and the one for its bytes is served as one version. If it is replaced each time, Open
// fails.
func TestChangedMeanwhile(t *testing.T) {
	for _, moment := range []string{"attributes", "read"} {
		f := newFake(map[string]string{"a": "old"})
		changes := 1
		f.after = func(op, key string) {
			if op == moment && changes > 0 {
				changes--
				f.store(key, []byte("new"), nil)
			}
		}
		b := open(t, f)
		obj, err := b.Open(t.Context(), name(t, "a"), vfs.Request{})
		if err != nil {
			t.Fatalf("changed after %s: %v", moment, err)
		}
		data, err := io.ReadAll(obj.Body)
		obj.Body.Close()
		now, _ := b.Stat(t.Context(), name(t, "a"), vfs.Request{})
		if string(data) != "new" || err != nil || obj.Info.ETag != now.ETag {
			t.Errorf("changed after %s: %q, %v, ETag %q, want those of the new version, %q", moment, data, err, obj.Info.ETag, now.ETag)
		}
		changes = 1000
		if _, err := b.Open(t.Context(), name(t, "a"), vfs.Request{}); !errors.Is(err, vfs.ErrUnavailable) {
			t.Errorf("changed after each %s: %v", moment, err)
		}
	}
}

// TestBrokenBody: a body never ends early with a plain io.EOF.
func TestBrokenBody(t *testing.T) {
	whole := strings.Repeat("0123456789", 1000)
	cut := errors.New("connection reset by peer")
	for _, tt := range []struct {
		what string
		body func([]byte) io.Reader
		want error
	}{
		{"too short", func(p []byte) io.Reader { return bytes.NewReader(p[:len(p)-1]) }, vfs.ErrChanged},
		{"too long", func(p []byte) io.Reader { return io.MultiReader(bytes.NewReader(p), strings.NewReader("x")) }, vfs.ErrChanged},
		{"wrong, by its checksum", func(p []byte) io.Reader { return io.MultiReader(bytes.NewReader(p), iotest.ErrReader(cut)) }, vfs.ErrChanged},
		{"without an end", func(p []byte) io.Reader {
			return io.MultiReader(bytes.NewReader(p), readerFunc(func([]byte) (int, error) { return 0, nil }))
		}, vfs.ErrChanged},
		{"empty", func([]byte) io.Reader { return bytes.NewReader(nil) }, vfs.ErrChanged},
		{"broken off", func(p []byte) io.Reader { return io.MultiReader(bytes.NewReader(p[:10]), iotest.ErrReader(cut)) }, vfs.ErrUnavailable},
	} {
		f := newFake(map[string]string{"a": whole})
		f.body = tt.body
		for _, r := range []vfs.Range{{}, vfs.RangeBetween(10, 99), vfs.RangeSuffix(50)} {
			obj, err := open(t, f).Open(t.Context(), name(t, "a"), vfs.Request{Range: r})
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(obj.Body)
			obj.Body.Close()
			if !errors.Is(err, tt.want) || int64(len(data)) >= obj.Span.Length {
				t.Errorf("%s, range %v: %d bytes, %v, want %v", tt.what, r, len(data), err, tt.want)
			}
			if _, err := obj.Body.Read(make([]byte, 1)); err == nil {
				t.Errorf("%s: a closed body can be read", tt.what)
			}
		}
	}
}

// TestNoTags: versions that cannot be told apart are not served.
func TestNoTags(t *testing.T) {
	f := newFake(nil)
	f.noTags = true
	f.store("a", []byte("x"), nil)
	if _, err := open(t, f).Open(t.Context(), name(t, "a"), vfs.Request{}); !errors.Is(err, vfs.ErrFailed) || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open: %v", err)
	}
}

// TestOrder: a listing whose pages are out of order fails, and does not lose entries.
func TestOrder(t *testing.T) {
	f := newFake(map[string]string{"a": "1", "b": "2", "c": "3"})
	list := func() (keys []string, failed error) {
		for e, err := range open(t, f).List(t.Context(), vfs.Root, "") {
			if err != nil {
				return keys, err
			}
			keys = append(keys, e.Key())
		}
		return keys, nil
	}
	f.pages = func(keys []string) [][]string { return [][]string{{keys[2], keys[0]}, {keys[1]}} }
	if keys, err := list(); !errors.Is(err, vfs.ErrUnavailable) && !slices.Equal(keys, []string{"a", "b", "c"}) {
		t.Errorf("pages out of order: %q, %v", keys, err)
	}
	f.pages = nil
	if keys, err := list(); err != nil || !slices.Equal(keys, []string{"a", "b", "c"}) {
		t.Errorf("%q, %v", keys, err)
	}
}

// TestFaults fails each call of the driver in turn: nothing is served or stored that the
// caller is told has failed, and no error looks like a missing object.
func TestFaults(t *testing.T) {
	down := errors.New("the service is down")
	n := name(t, "a")
	for _, tt := range []struct {
		what string
		do   func(b *blob.Backend) error
	}{
		{"open", func(b *blob.Backend) error {
			obj, err := b.Open(t.Context(), n, vfs.Request{})
			if err == nil {
				err = obj.Body.Close()
			}
			return err
		}},
		{"stat", func(b *blob.Backend) error { _, err := b.Stat(t.Context(), n, vfs.Request{}); return err }},
		{"list", func(b *blob.Backend) (failed error) {
			for _, err := range b.List(t.Context(), vfs.Root, "") {
				failed = err
			}
			return failed
		}},
		{"put", func(b *blob.Backend) error {
			_, err := b.Put(t.Context(), n, strings.NewReader("new"), vfs.PutOptions{})
			return err
		}},
		{"remove", func(b *blob.Backend) error { return b.Remove(t.Context(), n, vfs.Cond{}) }},
	} {
		f := newFake(map[string]string{"a": "old"})
		if err := tt.do(open(t, f)); err != nil {
			t.Fatalf("%s: %v", tt.what, err)
		}
		calls := len(f.taken())
		for i := range calls {
			f := newFake(map[string]string{"a": "old"})
			at := 0
			f.before = func(string, string) error {
				if at++; at == i+1 {
					return down
				}
				return nil
			}
			err := tt.do(open(t, f))
			f.before = nil
			data, missing := "", f.objects["a"] == nil
			if !missing {
				data = string(f.objects["a"].data)
			}
			switch {
			case err == nil && (tt.what == "put" && data == "new" || tt.what == "remove" && missing):
				// Only the request that looks at the result failed.
			case !errors.Is(err, vfs.ErrUnavailable) || errors.Is(err, fs.ErrNotExist) || data != "old":
				t.Errorf("%s, with call %d of %d failing: %v, the object is %q", tt.what, i+1, calls, err, data)
			}
		}
	}
}

// TestCanceledPut: neither a body that fails nor a canceled context lets the driver
// complete the object, at whatever byte.
func TestCanceledPut(t *testing.T) {
	for _, after := range []int{0, 1, 100, 64 << 10, 1 << 20} {
		f := newFake(nil)
		b := open(t, f)
		ctx, cancel := context.WithCancel(t.Context())
		body := io.MultiReader(bytes.NewReader(make([]byte, after)), readerFunc(func([]byte) (int, error) {
			cancel()
			return 0, io.EOF
		}))
		if _, err := b.Put(ctx, name(t, "a"), body, vfs.PutOptions{}); !errors.Is(err, context.Canceled) {
			t.Errorf("canceled after %d bytes: %v", after, err)
		}
		body = io.MultiReader(bytes.NewReader(make([]byte, after)), iotest.ErrReader(fs.ErrNotExist))
		_, err := b.Put(t.Context(), name(t, "a"), body, vfs.PutOptions{})
		if err == nil || vfs.ReasonOf(err) != "" {
			t.Errorf("a body that fails after %d bytes: %v, reason %q", after, err, vfs.ReasonOf(err))
		}
		if ops := f.taken(); slices.Contains(ops, "write") || len(f.objects) > 0 {
			t.Errorf("after %d bytes, the driver did %q", after, ops)
		}
	}
}

// A driver that has no room, as of files, says so, and is no failure that could go away by
// itself.
func TestPutWithoutRoom(t *testing.T) {
	f := newFake(nil)
	f.before = func(op, _ string) error {
		if op == "write" {
			return &fs.PathError{Op: "write", Path: "/somewhere/a", Err: syscall.ENOSPC}
		}
		return nil
	}
	if _, err := open(t, f).Put(t.Context(), name(t, "a"), strings.NewReader("x"), vfs.PutOptions{}); !errors.Is(err, vfs.ErrFull) || errors.Is(err, vfs.ErrUnavailable) {
		t.Errorf("%v, want ErrFull", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestEscapedNames: a name that some drivers store under another key is refused by all.
func TestEscapedNames(t *testing.T) {
	b := open(t, newFake(map[string]string{"x__0x41__": "x", "xA": "y"}))
	for _, s := range []string{"x__0x41__", "__0x2f__/a", "a/b__0x"} {
		_, opened := b.Open(t.Context(), name(t, s), vfs.Request{})
		_, put := b.Put(t.Context(), name(t, s), strings.NewReader("x"), vfs.PutOptions{})
		for call, err := range map[string]error{"Open": opened, "Put": put} {
			if vfs.ReasonOf(err) != reason.Unholdable {
				t.Errorf("%s of %q: %v, reason %q", call, s, err, vfs.ReasonOf(err))
			}
		}
	}
}

// The drivers store a slash after two dots as an escape sequence, and so such a key as
// another one.
func TestNamesBeforeSlash(t *testing.T) {
	b, dir := openFiles(t, fileblob.Options{})
	write(t, filepath.Join(dir, "a..", "b"), "x")
	if _, err := b.Put(t.Context(), name(t, "a../c"), strings.NewReader("y"), vfs.PutOptions{}); vfs.ReasonOf(err) != reason.Unholdable {
		t.Errorf("Put: %v", err)
	}
	if _, err := b.Stat(t.Context(), name(t, "a../b"), vfs.Request{}); vfs.ReasonOf(err) != reason.Unholdable {
		t.Errorf("Stat: %v", err)
	}
	for _, dir := range []string{"a..", "a../d"} {
		for _, err := range b.List(t.Context(), name(t, dir), "") {
			if vfs.ReasonOf(err) != reason.Unholdable {
				t.Errorf("List of %q: %v", dir, err)
			}
		}
	}
	if _, err := b.Put(t.Context(), name(t, "c.."), strings.NewReader("y"), vfs.PutOptions{}); err != nil {
		t.Errorf("an object's name may end in two dots: %v", err)
	}
}

// The zero Backend has no bucket: it grants nothing.
func TestZeroBackend(t *testing.T) {
	n, err := vfs.ParseName("a")
	if err != nil {
		t.Fatal(err)
	}
	for what, do := range map[string]func(b *blob.Backend) error{
		"Open":   func(b *blob.Backend) error { _, err := b.Open(t.Context(), n, vfs.Request{}); return err },
		"Stat":   func(b *blob.Backend) error { _, err := b.Stat(t.Context(), n, vfs.Request{}); return err },
		"Remove": func(b *blob.Backend) error { return b.Remove(t.Context(), n, vfs.Cond{}) },
		"Put": func(b *blob.Backend) error {
			_, err := b.Put(t.Context(), n, strings.NewReader("x"), vfs.PutOptions{})
			return err
		},
	} {
		func() {
			defer func() { _ = recover() }() // a panic grants nothing either
			if do(&blob.Backend{}) == nil {
				t.Errorf("%s of the zero Backend succeeded", what)
			}
		}()
	}
}
