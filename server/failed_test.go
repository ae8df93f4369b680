package server_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// unwilling is a backend on which every call fails with err.
type unwilling struct {
	vfs.Backend
	err error
}

func (f unwilling) fail(op string, n vfs.Name) error {
	if e, ok := f.err.(*vfs.Error); ok {
		return e
	}
	return &vfs.Error{Op: op, Name: n.String(), Err: fmt.Errorf("%w: S3 answered 400 InvalidArgument", f.err)}
}

func (f unwilling) Open(_ context.Context, n vfs.Name, _ vfs.Request) (*vfs.Object, error) {
	return nil, f.fail("open", n)
}

func (f unwilling) Stat(_ context.Context, n vfs.Name, _ vfs.Request) (vfs.Info, error) {
	return vfs.Info{}, f.fail("stat", n)
}

func (f unwilling) List(_ context.Context, n vfs.Name, _ string) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) { yield(vfs.Entry{}, f.fail("list", n)) }
}

func (f unwilling) Put(_ context.Context, n vfs.Name, _ io.Reader, _ vfs.PutOptions) (vfs.Info, error) {
	return vfs.Info{}, f.fail("put", n)
}

func (f unwilling) Remove(_ context.Context, n vfs.Name, _ vfs.Cond) error {
	return f.fail("remove", n)
}

// TestFailureForGood: a response has Retry-After only if a retry can help, and never the
// text of the error.
func TestFailureForGood(t *testing.T) {
	for _, c := range []struct {
		err     error
		status  int
		retries bool
	}{
		{vfs.ErrUnavailable, 503, true},
		{vfs.ErrFailed, 500, false},
		{vfs.ErrUnsupported, 500, false},
	} {
		jail := jailOver(t, unwilling{mem.New(), c.err}, allow("**"))
		url := start(t, server.New(jail, server.Config{List: true, Write: true, Logger: quiet}))
		for _, target := range []string{"GET /file", "HEAD /file", "GET /", "GET /dir/", "PUT /file", "DELETE /file"} {
			method, path, _ := strings.Cut(target, " ")
			r := get(t, method, url+path)
			if r.Status != c.status || (r.Header.Get("Retry-After") != "") != c.retries {
				t.Errorf("%v: %s: %d with Retry-After %q", c.err, target, r.Status, r.Header.Get("Retry-After"))
			}
			if strings.Contains(r.Body, "S3") || strings.Contains(r.Body, "Invalid") {
				t.Errorf("%v: %s: the response has %q", c.err, target, r.Body)
			}
		}
	}
}

// TestRetryAfter: the response tells the client how long to wait if the backend knows,
// in whole seconds, and never that a hidden name would have to wait.
func TestRetryAfter(t *testing.T) {
	for _, c := range []struct {
		wait time.Duration
		want string
	}{{0, "5"}, {time.Millisecond, "1"}, {2500 * time.Millisecond, "3"}} {
		busy := &vfs.Error{Op: "open", Err: vfs.ErrUnavailable, RetryAfter: c.wait}
		jail := jailOver(t, unwilling{mem.New(), busy}, allow("file"))
		url := start(t, server.New(jail, server.Config{Logger: quiet}))
		if r := get(t, "GET", url+"/file"); r.Status != 503 || r.Header.Get("Retry-After") != c.want {
			t.Errorf("wait of %v: %d with Retry-After %q, want %q", c.wait, r.Status, r.Header.Get("Retry-After"), c.want)
		}
		if r := get(t, "GET", url+"/other"); r.Status != 404 || r.Header.Get("Retry-After") != "" {
			t.Errorf("a hidden name: %d with Retry-After %q", r.Status, r.Header.Get("Retry-After"))
		}
	}
}
