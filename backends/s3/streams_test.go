package s3_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// opened opens the object "file" and reads its first n bytes.
func opened(t *testing.T, b vfs.Backend, n int) *vfs.Object {
	t.Helper()
	obj, err := b.Open(t.Context(), name("file"), vfs.Request{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { obj.Body.Close() })
	if _, err := io.ReadFull(obj.Body, make([]byte, n)); err != nil {
		t.Fatal(err)
	}
	return obj
}

// More readers than calls may be in flight hold bodies without reading them: all other
// callers are served, with one request each.
func TestSlowReadersKeepNobodyWaiting(t *testing.T) {
	const readers = 300
	data := numbers(70_000)
	s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) { send(w, r, data, stubTag) })
	b := s.backend(s3.Options{})
	var slow []*vfs.Object
	for range readers {
		slow = append(slow, opened(t, b, 1))
	}
	if _, got, err := fetch(t.Context(), b, vfs.Request{}); err != nil || got != data {
		t.Errorf("with %d slow readers: %d bytes, %v", readers, len(got), err)
	}
	if _, err := b.Stat(t.Context(), name("file"), vfs.Request{}); err != nil {
		t.Errorf("with %d slow readers: %v", readers, err)
	}
	for _, obj := range slow {
		if rest, err := io.ReadAll(obj.Body); err != nil || string(rest) != data[1:] {
			t.Errorf("a slow reader: %d bytes, %v", len(rest), err)
		}
	}
	if n := len(s.requests()); n != readers+2 {
		t.Errorf("%d requests, want one per call", n)
	}
}

// Beyond the limit, the body that has rested longest gives way, and later continues
// where it was.
func TestRestingBodyGivesWay(t *testing.T) {
	data := numbers(200_000)
	s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		w.Header().Set("X-Amz-Version-Id", "v1")
		send(w, r, data, stubTag)
	})
	b := s.backend(s3.Options{MaxBodies: 2})
	first, second := opened(t, b, 1000), opened(t, b, 2000)
	if _, err := io.ReadFull(first.Body, make([]byte, 500)); err != nil { // now second rests longest
		t.Fatal(err)
	}
	third := opened(t, b, 0)
	if rest, err := io.ReadAll(first.Body); err != nil || string(rest) != data[1500:] {
		t.Errorf("first: %d bytes, %v", len(rest), err)
	}
	if n := len(s.requests()); n != 3 {
		t.Errorf("%d requests before the body that gave way is read again, want 3", n)
	}
	if rest, err := io.ReadAll(second.Body); err != nil || string(rest) != data[2000:] {
		t.Errorf("second: %d bytes, %v", len(rest), err)
	}
	if rest, err := io.ReadAll(third.Body); err != nil || string(rest) != data {
		t.Errorf("third: %d bytes, %v", len(rest), err)
	}
	if n := len(s.requests()); n != 4 {
		t.Fatalf("%d requests, want 4: %q", n, s.requests())
	}
	again := s.request(3)
	if from, _, _ := cutRange(again.Header.Get("Range"), 1<<40); from < 2000 || again.Header.Get("If-Match") != stubTag || again.URL.Query().Get("versionId") != "v1" {
		t.Errorf("the rest was requested with Range %q, If-Match %q, version %q", again.Header.Get("Range"), again.Header.Get("If-Match"), again.URL.Query().Get("versionId"))
	}
}

// If a body gave way and its object was replaced meanwhile, reading fails: a body never
// mixes two versions. A body that was closed meanwhile makes no request.
func TestBodyThatGaveWay(t *testing.T) {
	f := newFake(map[string]string{"file": numbers(100_000)})
	b := newBackend(t, f, s3.Options{MaxBodies: 1})
	replaced, closed := opened(t, b, 10), opened(t, b, 20)
	last := opened(t, b, 30)
	f.put("file", strings.Repeat("x", 100_000))
	f.taken()
	if err := closed.Body.Close(); err != nil {
		t.Error(err)
	}
	if calls := f.taken(); len(calls) != 0 {
		t.Errorf("closing made calls: %v", calls)
	}
	if n, err := io.Copy(io.Discard, replaced.Body); !errors.Is(err, vfs.ErrChanged) || n != 0 {
		t.Errorf("replaced: %d bytes, %v", n, err)
	}
	last.Body.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reads != 0 {
		t.Errorf("%d bodies were not closed", f.reads)
	}
}

// While all bodies are being read, a call waits for the first to rest, for at most a
// second. A body without an ETag keeps its slot.
func TestNoBodyRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(map[string]string{"file": numbers(100_000)})
		stall(f, 1, 50_000)
		b := newBackend(t, f, s3.Options{MaxBodies: 1})
		obj := opened(t, b, 50_000)
		read := make(chan error)
		go func() {
			_, err := obj.Body.Read(make([]byte, 1000))
			read <- err
		}()
		synctest.Wait()
		start := time.Now()
		if _, err := b.Open(t.Context(), name("file"), vfs.Request{}); !errors.Is(err, vfs.ErrUnavailable) || time.Since(start) != time.Second {
			t.Errorf("%v after %v, want a failure after a second", err, time.Since(start))
		}
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() {
			_, err := b.Open(ctx, name("file"), vfs.Request{})
			gone <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("a canceled caller: %v", err)
		}
		// The stalled stream is given up and requested again, and then rests.
		time.Sleep(29 * time.Second)
		served := make(chan error)
		go func() {
			_, _, err := fetch(t.Context(), b, vfs.Request{})
			served <- err
		}()
		if err := <-read; err != nil {
			t.Errorf("reading: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("once a body rests: %v", err)
		}
		if _, err := b.Stat(t.Context(), name("file"), vfs.Request{}); err != nil {
			t.Errorf("a call that opens no body: %v", err)
		}
		if rest, err := io.ReadAll(obj.Body); err != nil || len(rest) != 49_000 {
			t.Errorf("the body that gave way: %d bytes, %v", len(rest), err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		f := newFake(map[string]string{"file": numbers(100_000)})
		f.get = func(ctx context.Context, in *awss3.GetObjectInput) (*awss3.GetObjectOutput, error) {
			out, err := f.answerGet(ctx, in)
			out.ETag = nil
			return out, err
		}
		b := newBackend(t, f, s3.Options{MaxBodies: 1})
		obj := opened(t, b, 10)
		if _, err := b.Open(t.Context(), name("file"), vfs.Request{}); !errors.Is(err, vfs.ErrUnavailable) {
			t.Errorf("with a body without an ETag: %v", err)
		}
		if rest, err := io.ReadAll(obj.Body); err != nil || len(rest) != 99_990 {
			t.Errorf("the body yields %d bytes, %v", len(rest), err)
		}
	})
}

// Many readers over few connections, in any order: all get their bytes, and the number
// of connections never exceeds the limit.
func TestManyReadersFewBodies(t *testing.T) {
	const limit = 3
	objects := map[string]string{}
	for i := range 24 {
		objects[fmt.Sprint("object-", i)] = strings.Repeat(fmt.Sprintf("%03d,", i), 50_000)
	}
	f := newFake(objects)
	most := 0
	f.get = func(ctx context.Context, in *awss3.GetObjectInput) (*awss3.GetObjectOutput, error) {
		out, err := f.answerGet(ctx, in)
		f.mu.Lock()
		most = max(most, f.reads)
		f.mu.Unlock()
		return out, err
	}
	b := newBackend(t, f, s3.Options{MaxBodies: limit, MaxInFlight: 2})
	var wg, opened sync.WaitGroup
	opened.Add(len(objects))
	for key, want := range objects {
		wg.Go(func() {
			obj, err := b.Open(t.Context(), name(key), vfs.Request{})
			opened.Done()
			if err != nil {
				t.Errorf("%s: %v", key, err)
				return
			}
			defer obj.Body.Close()
			opened.Wait() // so that most of the bodies have given way
			buf := make([]byte, 50_000)
			for off := 0; off < len(want); {
				n, err := obj.Body.Read(buf[:1+rand.IntN(len(buf))])
				if err != nil || string(buf[:n]) != want[off:off+n] {
					t.Errorf("%s: at %d: %d bytes, %v", key, off, n, err)
					return
				}
				off += n
			}
			if n, err := obj.Body.Read(buf); n != 0 || err != io.EOF {
				t.Errorf("%s: after its end: %d bytes, %v", key, n, err)
			}
		})
	}
	wg.Wait()
	if most > limit {
		t.Errorf("%d bodies were open at a time, want at most %d", most, limit)
	}
	f.mu.Lock()
	left := f.reads
	f.mu.Unlock()
	if left != 0 {
		t.Errorf("%d bodies were not closed", left)
	}
	if ops := f.taken(); !slices.ContainsFunc(ops, func(c call) bool { return c.ifMatch != "" }) {
		t.Error("no body gave way")
	}
}

// The body of an empty object that gave way has ended: there are no bytes to request.
func TestEmptyBodyGivesWay(t *testing.T) {
	f := newFake(map[string]string{"file": ""})
	b := newBackend(t, f, s3.Options{MaxBodies: 1})
	first, second := opened(t, b, 0), opened(t, b, 0)
	f.taken()
	for what, obj := range map[string]*vfs.Object{"the body that gave way": first, "the other one": second} {
		if rest, err := io.ReadAll(obj.Body); err != nil || len(rest) != 0 {
			t.Errorf("%s: %q, %v", what, rest, err)
		}
	}
	if calls := f.taken(); len(calls) != 0 {
		t.Errorf("reading made calls: %v", calls)
	}
}
