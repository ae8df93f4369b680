package server_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// fileWriter records what the handler passes to ReadFrom.
type fileWriter struct {
	*httptest.ResponseRecorder
	from []io.Reader
}

func (w *fileWriter) ReadFrom(r io.Reader) (int64, error) {
	w.from = append(w.from, r)
	return io.Copy(w.ResponseRecorder, r)
}

// A large file on disk reaches the connection in the only form that net/http and the net
// package turn into sendfile: an *os.File inside a single LimitedReader, through a writer
// that forwards ReadFrom. The access log is on.
func TestLargeFilesReachSendfile(t *testing.T) {
	dir := t.TempDir()
	data := strings.Repeat("0123456789abcdef", 1<<16)
	if err := os.WriteFile(filepath.Join(dir, "big.bin"), []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := disk.New(dir, disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	rec := &recorder{}
	h := server.New(jailOver(t, b, allow("**")), server.Config{Recorder: rec})
	for _, c := range []struct{ sent, want string }{{"", data}, {"bytes=5-900000", data[5:900_001]}} {
		r := httptest.NewRequest("GET", "/big.bin", nil)
		if c.sent != "" {
			r.Header.Set("Range", c.sent)
		}
		w := &fileWriter{ResponseRecorder: httptest.NewRecorder()}
		h.ServeHTTP(w, r)
		if sha256.Sum256(w.Body.Bytes()) != sha256.Sum256([]byte(c.want)) {
			t.Errorf("%q: %d bytes, which differ", c.sent, w.Body.Len())
		}
		if len(w.from) != 1 {
			t.Fatalf("ReadFrom was called %d times", len(w.from))
		}
		limited, ok := w.from[0].(*io.LimitedReader)
		if !ok {
			t.Fatalf("ReadFrom got a %T, want an *io.LimitedReader", w.from[0])
		}
		if _, ok := limited.R.(*os.File); !ok {
			t.Errorf("the LimitedReader holds a %T, want an *os.File", limited.R)
		}
	}
	for _, a := range rec.wait(t, 2) {
		if a.Bytes < 900_000-5 {
			t.Errorf("recorded %d bytes", a.Bytes)
		}
	}
}

// A lateBackend returns bodies that fail at their end, or do not end there.
type lateBackend struct {
	vfs.Backend
	err   error
	extra string
}

type lateBody struct {
	io.Reader
	io.Closer
}

func (b lateBackend) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	obj, err := b.Backend.Open(ctx, n, req)
	if err == nil {
		tail := io.Reader(strings.NewReader(b.extra))
		if b.err != nil {
			tail = broken{b.err}
		}
		obj.Body = lateBody{io.MultiReader(obj.Body, tail), obj.Body}
	}
	return obj, err
}

// The last chunk is sent only after the body has ended. A backend that detects at the end
// that the data was damaged can still break the response.
func TestLastChunkWaitsForTheEnd(t *testing.T) {
	for _, size := range []int{1, 1000, 32 << 10, 100_000} {
		for name, b := range map[string]lateBackend{
			"error": {err: errors.New("checksum")}, "changed": {err: vfs.ErrChanged}, "too long": {extra: "x"},
		} {
			b.Backend = jailFS(map[string]string{"a": strings.Repeat("x", size)})
			url := start(t, server.New(jailOver(t, b, allow("**")), server.Config{Logger: quiet}))
			res, err := client.Get(url + "/a")
			if err != nil {
				continue // no header arrived either
			}
			got, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err == nil || len(got) >= size || size-len(got) > 32<<10 {
				t.Errorf("%s, %d bytes: received %d, %v", name, size, len(got), err)
			}
		}
		url := start(t, server.New(jailOver(t, lateBackend{Backend: jailFS(map[string]string{"a": strings.Repeat("x", size)})}, allow("**")), server.Config{}))
		if r := get(t, "GET", url+"/a"); len(r.Body) != size {
			t.Errorf("%d of %d bytes", len(r.Body), size)
		}
	}
}

// Middleware may wrap the ResponseWriter so that only its three basic methods remain. The
// response is still complete.
func TestWrapped(t *testing.T) {
	h := server.New(jail(t, yard, yardPolicy()), server.Config{})
	url := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
	}))
	if r := get(t, "GET", url+"/ok.txt"); r.Status != 200 || r.Body != "ok" || r.Header.Get("Content-Length") != "2" {
		t.Errorf("%d %q", r.Status, r.Body)
	}
}
