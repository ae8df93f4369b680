package put_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/internal/put"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

func TestCheck(t *testing.T) {
	n, err := vfs.ParseName("a")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	current := &vfs.Info{Name: n, ETag: "v1", ModTime: now}
	tags := func(value string) vfs.Tags { return vfs.Tags{List: []vfs.Tag{{Value: value, Set: true}}} }
	anyTag := vfs.Tags{Any: true}
	tests := []struct {
		what           string
		cond           vfs.Cond
		missing, there error
	}{
		{"none", vfs.Cond{}, nil, nil},
		{"If-Match *", vfs.Cond{IfMatch: anyTag}, vfs.ErrPrecondition, nil},
		{"If-Match", vfs.Cond{IfMatch: tags("v1")}, vfs.ErrPrecondition, nil},
		{"If-Match of another tag", vfs.Cond{IfMatch: tags("v0")}, vfs.ErrPrecondition, vfs.ErrPrecondition},
		{"If-None-Match *", vfs.Cond{IfNoneMatch: anyTag}, nil, vfs.ErrExist},
		{"If-None-Match", vfs.Cond{IfNoneMatch: tags("v1")}, nil, vfs.ErrPrecondition},
		{"If-None-Match of another tag", vfs.Cond{IfNoneMatch: tags("v0")}, nil, nil},
		{"If-Unmodified-Since", vfs.Cond{IfUnmodifiedSince: now}, vfs.ErrPrecondition, nil},
		{"If-Unmodified-Since, before", vfs.Cond{IfUnmodifiedSince: now.Add(-time.Hour)}, vfs.ErrPrecondition, vfs.ErrPrecondition},
		{"If-Modified-Since, which applies only to reads", vfs.Cond{IfModifiedSince: now}, nil, nil},
	}
	for _, tt := range tests {
		if err := put.Check("put", n, tt.cond, nil); !errors.Is(err, tt.missing) {
			t.Errorf("%s of a missing object: %v, want %v", tt.what, err, tt.missing)
		}
		if err := put.Check("put", n, tt.cond, current); !errors.Is(err, tt.there) {
			t.Errorf("%s of an existing object: %v, want %v", tt.what, err, tt.there)
		}
	}
}

func TestBody(t *testing.T) {
	broken := errors.New("broken")
	size := func(n int64) vfs.PutOptions { return vfs.PutOptions{Size: n, SizeKnown: true} }
	tests := []struct {
		what string
		body io.Reader
		opts vfs.PutOptions
		ok   bool
		want error // nil means any error, if not ok
	}{
		{"any size", strings.NewReader("12345"), vfs.PutOptions{}, true, nil},
		{"its size", strings.NewReader("12345"), size(5), true, nil},
		{"its size, byte by byte", iotest.OneByteReader(strings.NewReader("12345")), size(5), true, nil},
		{"its size, the end with the data", iotest.DataErrReader(strings.NewReader("12345")), size(5), true, nil},
		{"nothing", strings.NewReader(""), size(0), true, nil},
		{"too short", strings.NewReader("1234"), size(5), false, io.ErrUnexpectedEOF},
		{"too short, the end with the data", iotest.DataErrReader(strings.NewReader("1234")), size(5), false, io.ErrUnexpectedEOF},
		{"too long", strings.NewReader("123456"), size(5), false, nil},
		{"too long for nothing", strings.NewReader("1"), size(0), false, nil},
		{"an invalid size", strings.NewReader(""), size(-1), false, nil},
		{"broken", io.MultiReader(strings.NewReader("1"), iotest.ErrReader(broken)), vfs.PutOptions{}, false, broken},
	}
	for _, tt := range tests {
		_, err := io.ReadAll(put.Body(t.Context(), tt.body, tt.opts))
		if (err == nil) != tt.ok || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want ok %t, %v", tt.what, err, tt.ok, tt.want)
		}
	}
}

// TestBodyEndless: an endless body is not read beyond its size.
func TestBodyEndless(t *testing.T) {
	n, err := io.Copy(io.Discard, put.Body(t.Context(), zeros{}, vfs.PutOptions{Size: 10, SizeKnown: true}))
	if err == nil || n > 1<<20 {
		t.Errorf("read %d bytes, %v", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := io.Copy(io.Discard, put.Body(ctx, zeros{}, vfs.PutOptions{})); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestStamp: the time is after the floor, whatever the resolution of the store, and no
// further in the future than necessary.
func TestStamp(t *testing.T) {
	stored := func(step time.Duration) func(time.Time) (time.Time, error) {
		return func(t time.Time) (time.Time, error) { return t.Truncate(step), nil }
	}
	now := time.Now()
	for _, step := range []time.Duration{1, 100, time.Microsecond, time.Millisecond, time.Second, 2 * time.Second} {
		for _, floor := range []time.Time{{}, now.Add(-time.Hour), now.Truncate(step), now.Add(time.Hour)} {
			got := put.Stamp(floor, stored(step))
			if !got.After(floor) {
				t.Errorf("steps of %v: %v, not after %v", step, got, floor)
			}
			soonest := floor
			if time.Now().After(floor) {
				soonest = time.Now()
			}
			if got.Sub(soonest) > 2*time.Second {
				t.Errorf("steps of %v: %v is far after %v", step, got, soonest)
			}
			if next := put.Stamp(got, stored(step)); !next.After(got) {
				t.Errorf("steps of %v: %v, then %v", step, got, next)
			}
		}
	}
	broken := func(time.Time) (time.Time, error) { return time.Time{}, errors.New("no times supported") }
	if got := put.Stamp(now, broken); !got.Equal(now) {
		t.Errorf("without support for times: %v, want the floor", got)
	}
}

// No Name can be one of a backend's reserved names.
func TestReserved(t *testing.T) {
	for _, s := range []string{put.Reserved, put.Reserved + "x", "dir/" + put.Reserved + "x", put.Reserved + "x/y"} {
		if n, err := vfs.ParseName(s); err == nil {
			t.Errorf("%q is the name %q", s, n)
		}
		if n, err := vfs.ParseEscapedPath(strings.ReplaceAll(s, "\u2028", "%E2%80%A8")); err == nil {
			t.Errorf("%q is the name %q", s, n)
		}
	}
}
