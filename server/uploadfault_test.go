package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/catalog/reconcile"
	"github.com/bailiwick-fs/bailiwick/server/internal/memcatalog"
	"github.com/bailiwick-fs/bailiwick/testdata/length"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// agree sweeps all leftovers, and fails unless catalog and source then agree. It returns
// the number of uploads.
func (s *uploadSite) agree(t testing.TB, what string) int {
	t.Helper()
	if _, err := reconcile.Sweep(t.Context(), s.jail, s.catalog, time.Now().Add(time.Hour), nil); err != nil {
		t.Errorf("%s: sweeping: %v", what, err)
	}
	var sum reconcile.Summary
	for p, err := range reconcile.Check(t.Context(), s.jail, s.catalog, reconcile.Options{Deep: true}, &sum) {
		t.Errorf("%s: %s %s, %v", what, p.Kind, p.Name, err)
	}
	return sum.Ready
}

// TestUploadFaults fails call n of catalog and backend, for every n, before the call has
// any effect and after it has had its full effect. A failed request leaves nothing visible,
// and nothing at all after a sweep.
func TestUploadFaults(t *testing.T) {
	broken := errors.New("broken")
	two := form(filePart("a", strings.Repeat("a", 5000)), filePart("b", "b"))
	for _, lost := range []bool{false, true} {
		for _, request := range []string{"raw", "form", "delete"} {
			for n, failed := 1, true; failed; n++ {
				failed = false
				armed, calls := false, 0
				var mu sync.Mutex // the row is added while the body arrives
				fail := func() error {
					mu.Lock()
					defer mu.Unlock()
					if !armed {
						return nil
					}
					if calls++; calls != n {
						return nil
					}
					failed = true
					if lost {
						return &memcatalog.Lost{Err: broken}
					}
					return broken
				}
				s := newUploadsOver(t, faultyWrites{mem.New(), fail}, server.UploadConfig{})
				s.catalog.Fail = func(string) error { return fail() }
				what := fmt.Sprintf("%s, call %d, lost %t", request, n, lost)

				var status, want int
				switch request {
				case "raw":
					armed = true
					status = serveBody(s.handler, "POST", "/", "content", http.Header{"Content-Disposition": {"attachment; filename=a"}}).Code
					want = 1
				case "form":
					armed = true
					status = serveBody(s.handler, "POST", "/", two, http.Header{"Content-Type": {"multipart/form-data; boundary=" + boundary}}).Code
					want = 2
				case "delete":
					w := serveBody(s.handler, "POST", "/", "content", http.Header{"Content-Disposition": {"attachment; filename=a"}})
					armed = true
					status = serveBody(s.handler, "DELETE", w.Header().Get("Location"), "", http.Header{}).Code
					want = 1
				}
				armed = false
				got := s.agree(t, what)
				switch {
				case request == "delete" && status == 204:
					want = 0
				case request == "delete" && lost:
					want = got // the client cannot know whether it was deleted
				case request != "delete" && status != 201:
					want = 0
				}
				if !failed && status >= 300 || failed && status != 503 && status != 204 {
					t.Errorf("%s: %d", what, status)
				}
				if got != want {
					t.Errorf("%s: %d, but there are %d uploads", what, status, got)
				}
			}
		}
	}
}

// faultyWrites fails a Put or Remove if fail returns an error, before or after it has taken
// effect.
type faultyWrites struct {
	vfs.Backend
	fail func() error
}

func (f faultyWrites) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	err := f.fail()
	var lost *memcatalog.Lost
	if err == nil || errors.As(err, &lost) {
		info, putErr := f.Backend.Put(ctx, n, body, opts)
		if putErr != nil || err == nil {
			return info, putErr
		}
	}
	return vfs.Info{}, &vfs.Error{Op: "put", Name: n.String(), Err: err}
}

func (f faultyWrites) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	err := f.fail()
	var lost *memcatalog.Lost
	if err == nil || errors.As(err, &lost) {
		removeErr := f.Backend.Remove(ctx, n, cond)
		if removeErr != nil || err == nil {
			return removeErr
		}
	}
	return &vfs.Error{Op: "remove", Name: n.String(), Err: err}
}

// TestUploadBackendFails: a client learns that storage is full or unavailable, but not the
// error of the backend.
func TestUploadBackendFails(t *testing.T) {
	for _, tt := range []struct {
		fault  vfstest.Fault
		status int
	}{
		{vfstest.Fault{Op: "put", Err: vfs.ErrFull}, 507},
		{vfstest.Fault{Op: "put", Err: vfs.ErrUnavailable}, 503},
		{vfstest.Fault{Op: "put", Err: errors.New("/srv/secret: broken")}, 503},
		{vfstest.Fault{Op: "body", After: 3, Err: errors.New("broken")}, 503},
		{vfstest.Fault{Op: "body", After: 3, Short: true}, 503},
		{vfstest.Fault{Op: "put", Err: vfs.ErrPrecondition}, 503},
	} {
		s := newUploadsOver(t, vfstest.NewFaults(mem.New(), tt.fault), server.UploadConfig{})
		w := serveBody(s.handler, "POST", "/", strings.Repeat("content", 10_000), http.Header{"Content-Disposition": {"attachment; filename=a"}})
		if w.Code != tt.status || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%+v: %d %q", tt.fault, w.Code, w.Body)
		}
		s.wantEmpty(t, fmt.Sprintf("%+v", tt.fault))
	}
}

// TestUploadsAtOnce uploads, reads and deletes from many clients at the same time.
func TestUploadsAtOnce(t *testing.T) {
	s := uploadsInMemory(t, server.UploadConfig{Intake: server.Intake{Slots: server.NewSlots(100)}})
	var group sync.WaitGroup
	for i := range 100 {
		group.Go(func() {
			content := strings.Repeat(fmt.Sprint(i, " "), 5000)
			r := postForm(t, s.url, form(filePart("a", content), filePart("b", "b")))
			if r.Status != 201 {
				t.Errorf("POST: %d %q", r.Status, r.Body)
				return
			}
			files := r.files(t)
			if r := get(t, "GET", s.url+"/"+files[0].ID); r.Body != content {
				t.Errorf("GET: %d, %d bytes", r.Status, len(r.Body))
			}
			if i%2 == 0 {
				if r := get(t, "DELETE", s.url+"/"+files[1].ID); r.Status != 204 {
					t.Errorf("DELETE: %d", r.Status)
				}
			}
		})
	}
	group.Wait()
	if n := s.agree(t, "at the end"); n != 150 {
		t.Errorf("%d uploads, want 150", n)
	}
}

// TestUploadDeletedOnce: of several concurrent DELETEs of an object, exactly one succeeds.
func TestUploadDeletedOnce(t *testing.T) {
	s := uploadsInMemory(t, server.UploadConfig{})
	for range 20 {
		f := postRaw(t, s.url, "a", "x")
		var group sync.WaitGroup
		var done, missing atomic.Int64
		for range 8 {
			group.Go(func() {
				switch r := get(t, "DELETE", s.url+"/"+f.ID); r.Status {
				case 204:
					done.Add(1)
				case 404:
					missing.Add(1)
				default:
					t.Errorf("DELETE: %d %q", r.Status, r.Body)
				}
			})
		}
		group.Wait()
		if done.Load() != 1 || missing.Load() != 7 {
			t.Errorf("%d got 204, %d got 404", done.Load(), missing.Load())
		}
	}
	s.wantEmpty(t, "at the end")
}

// TestUploadBusy: beyond the limit of concurrent bodies, clients are told to retry later.
func TestUploadBusy(t *testing.T) {
	begun := make(chan struct{})
	backend := vfstest.NewFaults(mem.New(), vfstest.Fault{Op: "put", Call: 1, Do: func() { close(begun) }})
	s := uploadsOver(t, backend, server.UploadConfig{Intake: server.Intake{Slots: server.NewSlots(1)}})
	body, feed := io.Pipe()
	done := make(chan reply, 1)
	go func() {
		done <- sendRequest(t, "POST", s.url+"/", body, "Content-Disposition", "attachment; filename=a")
	}()
	io.WriteString(feed, strings.Repeat("x", 1<<20))
	<-begun
	r := sendRequest(t, "POST", s.url+"/", strings.NewReader("y"), "Content-Disposition", "attachment; filename=b")
	if r.Status != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v", r.Status, r.Header)
	}
	feed.Close()
	if r := <-done; r.Status != 201 {
		t.Errorf("the first: %d %q", r.Status, r.Body)
	}
}

// A swallower discards what it is given, and records the peak of memory in use.
type swallower struct {
	vfs.Backend
	peak atomic.Uint64
}

func (s *swallower) Put(_ context.Context, n vfs.Name, body io.Reader, _ vfs.PutOptions) (vfs.Info, error) {
	buf := make([]byte, 32<<10)
	for size, noted := int64(0), int64(0); ; {
		m, err := body.Read(buf)
		size += int64(m)
		if size-noted >= 4<<20 {
			noted = size
			s.note()
		}
		if err == io.EOF {
			return vfs.Info{Name: n, Size: size}, nil
		}
		if err != nil {
			return vfs.Info{}, &vfs.Error{Op: "put", Name: n.String(), Err: err}
		}
	}
}

func (s *swallower) note() {
	inUse := heapInUse()
	for old := s.peak.Load(); inUse > old && !s.peak.CompareAndSwap(old, inUse); old = s.peak.Load() {
	}
}

func heapInUse() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// TestUploadMemory: the memory for an upload does not grow with its size, nor that for many
// with theirs.
func TestUploadMemory(t *testing.T) {
	one, many, each := int64(2<<30), 100, int64(64<<20)
	if length.Short() {
		one, each = 64<<20, 1<<20
	}
	for _, tt := range []struct {
		what  string
		count int
		size  int64
		asOne bool
		bound uint64
	}{
		{"one, raw", 1, one / 8, true, 32 << 20},
		{"one, in a form", 1, one, false, 32 << 20},
		{"many, in forms", many, each, false, 160 << 20},
	} {
		runtime.GC()
		base := heapInUse()
		sink := &swallower{Backend: mem.New()}
		s := uploadsOver(t, sink, server.UploadConfig{Intake: server.Intake{Slots: server.NewSlots(tt.count)}})
		head, tail := "", ""
		headers := []string{"Content-Disposition", "attachment; filename=a"}
		if !tt.asOne {
			head, tail, _ = strings.Cut(form(filePart("a", "CUT")), "CUT")
			headers = []string{"Content-Type", "multipart/form-data; boundary=" + boundary}
		}
		var group sync.WaitGroup
		for range tt.count {
			group.Go(func() {
				body := io.MultiReader(strings.NewReader(head), io.LimitReader(endless{}, tt.size), strings.NewReader(tail))
				r := sendRequest(t, "POST", s.url+"/", body, headers...)
				if r.Status != 201 || r.files(t)[0].Size != tt.size {
					t.Errorf("%s: %d %q", tt.what, r.Status, r.Body)
				}
			})
		}
		group.Wait()
		if peak := sink.peak.Load(); tt.size >= 4<<20 && (peak == 0 || peak > base+tt.bound) {
			t.Errorf("%s: %d MiB were in use, %d before", tt.what, peak>>20, base>>20)
		} else {
			t.Logf("%s: %d MiB at most for %d MiB each, %d before", tt.what, peak>>20, tt.size>>20, base>>20)
		}
	}
}

// endless is an infinite stream of zeros.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
