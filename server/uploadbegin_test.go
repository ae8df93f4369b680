package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/internal/memcatalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// countedPuts counts the bytes that Put gets.
type countedPuts struct {
	vfs.Backend
	got   atomic.Int64
	ended atomic.Bool
}

func (b *countedPuts) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	return b.Backend.Put(ctx, n, &countedBody{body, b}, opts)
}

type countedBody struct {
	r io.Reader
	b *countedPuts
}

func (c *countedBody) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.b.got.Add(int64(n))
	if err == io.EOF {
		c.b.ended.Store(true)
	}
	return n, err
}

// TestUploadRowFirst holds the row of an upload up. Meanwhile the backend gets the body,
// but neither its end nor so much that it could keep a part of it after a crash. If the
// row fails, there is no object.
func TestUploadRowFirst(t *testing.T) {
	const most = 1 << 20
	for _, size := range []int{0, 1, 1000, most - 1, most, most + 1, 3 * most} {
		for _, fault := range []error{nil, errors.New("broken")} {
			t.Run(fmt.Sprint(size, fault), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := &countedPuts{Backend: mem.New()}
					s := newUploadsOver(t, b, server.UploadConfig{})
					begun := make(chan struct{})
					s.catalog.Fail = func(method string) error {
						if method != "begin" {
							return nil
						}
						<-begun
						return fault
					}
					status := 0
					done := make(chan struct{})
					go func() {
						defer close(done)
						status = serveBody(s.handler, "POST", "/", strings.Repeat("x", size), http.Header{"Content-Disposition": {"attachment; filename=a"}}).Code
					}()
					synctest.Wait()
					// A Read that waits for the end has not returned what it already has.
					if got := b.got.Load(); got > most || size >= most && got < most || b.ended.Load() {
						t.Errorf("without a row, the backend has %d bytes, complete: %t", got, b.ended.Load())
					}
					close(begun)
					<-done
					want, uploads := 201, 1
					if fault != nil {
						want, uploads = 503, 0
					}
					if status != want {
						t.Errorf("status %d, want %d", status, want)
					}
					if fault != nil && b.ended.Load() {
						t.Error("without a row, the backend was told that the body is complete")
					}
					if got := s.agree(t, "in the end"); got != uploads {
						t.Errorf("%d uploads, want %d", got, uploads)
					}
				})
			})
		}
	}
}

// TestUploadCanceledWhileBegun: a client that leaves while the row is being added leaves no
// row behind, even if the catalog added it and reports the cancellation.
func TestUploadCanceledWhileBegun(t *testing.T) {
	for _, lost := range []bool{false, true} {
		s := newUploads(t, server.UploadConfig{})
		ctx, leave := context.WithCancel(t.Context())
		s.catalog.Fail = func(method string) error {
			switch {
			case method != "begin":
				return nil
			case lost:
				leave()
				return &memcatalog.Lost{Err: ctx.Err()}
			}
			leave()
			return ctx.Err()
		}
		r := httptest.NewRequestWithContext(ctx, "POST", "/", strings.NewReader("content"))
		r.Header.Set("Content-Disposition", "attachment; filename=a")
		func() {
			defer func() {
				if v := recover(); v != nil && v != http.ErrAbortHandler {
					panic(v)
				}
			}()
			s.handler.ServeHTTP(httptest.NewRecorder(), r)
		}()
		s.catalog.Fail = nil
		for rec, err := range s.catalog.Stale(t.Context(), time.Now().Add(time.Hour)) {
			t.Errorf("lost %t: %v is left, %v", lost, rec.State, err)
		}
		if got := s.agree(t, "in the end"); got != 0 {
			t.Errorf("lost %t: %d uploads", lost, got)
		}
	}
}

// TestUploadFormCommitsAtOnce: a catalog syncs changes that arrive at once together, so
// the rows of a form become ready at once, not one after the other.
func TestUploadFormCommitsAtOnce(t *testing.T) {
	var parts []formPart
	for i := range 5 {
		parts = append(parts, filePart(fmt.Sprint(i), "content"))
	}
	synctest.Test(t, func(t *testing.T) {
		s := newUploads(t, server.UploadConfig{})
		var commits atomic.Int64
		proceed := make(chan struct{})
		s.catalog.Fail = func(method string) error {
			if method == "commit" {
				commits.Add(1)
				<-proceed
			}
			return nil
		}
		var group sync.WaitGroup
		group.Go(func() {
			w := serveBody(s.handler, "POST", "/", form(parts...), http.Header{"Content-Type": {"multipart/form-data; boundary=" + boundary}})
			if w.Code != 201 || bytes.Count(w.Body.Bytes(), []byte(`"id"`)) != len(parts) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			for i := range parts {
				if at := strings.Index(w.Body.String(), fmt.Sprintf(`"name":"%d"`, i)); at < 0 || i > 0 && at < strings.Index(w.Body.String(), fmt.Sprintf(`"name":"%d"`, i-1)) {
					t.Errorf("the files are not in the order of the form: %s", w.Body)
				}
			}
		})
		synctest.Wait()
		if n := commits.Load(); n != int64(len(parts)) {
			t.Errorf("%d rows become ready at once, want %d", n, len(parts))
		}
		close(proceed)
		group.Wait()
	})
}

// TestUploadCatalogPanics: a panic of the catalog ends the request, but not the process, and
// leaves nothing behind.
func TestUploadCatalogPanics(t *testing.T) {
	for _, method := range []string{"begin", "commit"} {
		for n := range 3 {
			s := newUploads(t, server.UploadConfig{})
			var calls atomic.Int64
			s.catalog.Fail = func(called string) error {
				if called == method && calls.Add(1) == int64(n+1) {
					panic("on purpose")
				}
				return nil
			}
			what := fmt.Sprintf("%s, call %d", method, n+1)
			body := form(filePart("a", "a"), filePart("b", "b"), filePart("c", "c"))
			w := serveBody(s.handler, "POST", "/", body, http.Header{"Content-Type": {"multipart/form-data; boundary=" + boundary}})
			if w.Code != 500 {
				t.Errorf("%s: %d", what, w.Code)
			}
			if got := s.agree(t, what); got != 0 {
				t.Errorf("%s: %d uploads are left", what, got)
			}
		}
	}
}
