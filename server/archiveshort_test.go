package server_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/layer/cache"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A dawdling is the response to a client that reads at a rate.
type dawdling struct {
	header http.Header
	rate   int // bytes per second
	bytes  int
}

func (w *dawdling) Header() http.Header { return w.header }
func (w *dawdling) WriteHeader(int)     {}

func (w *dawdling) Write(p []byte) (int, error) {
	time.Sleep(time.Duration(len(p)) * time.Second / time.Duration(w.rate))
	w.bytes += len(p)
	return len(p), nil
}

// slowReads is a backend whose bodies take a while to read from.
type slowReads struct {
	vfs.Backend
	each time.Duration
}

func (b slowReads) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	obj, err := b.Backend.Open(ctx, n, req)
	if err == nil {
		obj.Body = slowRead{obj.Body, b.each}
	}
	return obj, err
}

type slowRead struct {
	io.ReadCloser
	each time.Duration
}

func (b slowRead) Read(p []byte) (int, error) {
	time.Sleep(b.each)
	return b.ReadCloser.Read(p)
}

// While others wait for an archive, a client that reads slowly does not keep its own. One whose
// store is slow does.
func TestArchiveSlowReaders(t *testing.T) {
	const size = 16 << 20
	b, err := mem.FromMap(map[string]string{"d/large": strings.Repeat("x", size)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		slots, rate int
		store       time.Duration // that it takes for a read
		whole       bool
	}{
		{1, 32 << 10, 0, false}, {2, 32 << 10, 0, true}, {1, 256 << 10, 0, true}, {1, 1 << 30, 0, true}, {1, 1 << 30, 10 * time.Second, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			rec := &recorder{}
			j := jailOver(t, slowReads{b, c.store}, allow("**"))
			h := server.New(j, server.Config{List: true, Archive: server.Archives{Slots: server.NewSlots(c.slots)}, Recorder: rec, Logger: quiet})
			w := &dawdling{header: http.Header{}, rate: c.rate}
			begin := time.Now()
			func() {
				defer func() {
					if v := recover(); v != nil && v != http.ErrAbortHandler {
						panic(v)
					}
				}()
				h.ServeHTTP(w, httptest.NewRequest("GET", "/d/?zip", nil))
			}()
			if whole := w.bytes > size; whole != c.whole || !whole && time.Since(begin) > 2*time.Minute {
				t.Errorf("%+v: %d bytes in %v", c, w.bytes, time.Since(begin))
			}
		})
	}
}

// A gatedLists is a backend that calls a function before each List.
type gatedLists struct {
	vfs.Backend
	list func()
}

func (b *gatedLists) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	b.list()
	return b.Backend.List(ctx, dir, after)
}

// One client keeps others neither from searching nor from archives, and searches and archives do
// not wait for each other.
func TestSearchesAndArchivesPerClient(t *testing.T) {
	for what, target := range map[string]string{"searches": "/?q=a&deep=1", "archives": "/?zip"} {
		t.Run(what, func(t *testing.T) {
			entered, leave := make(chan struct{}), make(chan struct{})
			b := &gatedLists{jailFS(map[string]string{"a.txt": "a"}), func() {
				entered <- struct{}{}
				<-leave
			}}
			h := server.New(jailOver(t, b, allow("**")), server.Config{List: true, Logger: quiet})
			results := make(chan int, 100)
			ask := func(client int, target string) {
				r := httptest.NewRequest("GET", target, nil)
				r.RemoteAddr = fmt.Sprintf("192.0.2.%d:1", client)
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				results <- w.Code
			}
			running := 0
			// begin reports whether a request gets as far as the store.
			begin := func(client int, target string) bool {
				go ask(client, target)
				select {
				case <-entered:
					running++
					return true
				case status := <-results:
					if status != 503 {
						t.Errorf("%s of client %d: %d", target, client, status)
					}
					return false
				}
			}
			for begin(1, target) {
				if running > 100 {
					t.Fatal("one client is not bounded")
				}
			}
			if !begin(2, target) {
				t.Errorf("with %d of one client, another one gets none", running)
			}
			for client := 3; begin(client, target); client++ {
				if client > 100 {
					t.Fatal("nothing is bounded")
				}
			}
			other := map[string]string{"searches": "/?zip", "archives": "/?q=a&deep=1"}[what]
			if !begin(1, other) {
				t.Errorf("all %s keep a client from %s", what, other)
			}
			close(leave)
			go func() {
				for range entered {
				}
			}()
			for range running {
				if status := <-results; status != 200 {
					t.Errorf("afterwards: %d", status)
				}
			}
			close(entered)
		})
	}
}

// A codedBackend has objects that are stored with a content coding.
type codedBackend struct {
	vfs.Backend
	codings map[string]string
}

func (b codedBackend) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	obj, err := b.Backend.Open(ctx, n, req)
	if err == nil {
		obj.Info.Encoding = b.codings[n.String()]
	}
	return obj, err
}

func (b codedBackend) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	info, err := b.Backend.Stat(ctx, n, req)
	if err == nil {
		info.Encoding = b.codings[n.String()]
	}
	return info, err
}

// The bytes of an object that is stored with a content coding have a name that says so.
func TestArchiveCodedObjects(t *testing.T) {
	codings := map[string]string{"a.txt": "gzip", "b.tar.GZ": "gzip", "c.css": "br", "d/e.js": "zstd", "f.txt": "aws-chunked", "g.txt": ""}
	files := map[string]string{}
	for name := range codings {
		files[name] = "bytes of " + name
	}
	b := codedBackend{jailFS(files), codings}
	base := start(t, server.New(jailOver(t, b, allow("**")), server.Config{List: true, Logger: quiet}))
	r := get(t, "GET", base+"/?zip")
	_, got := unzip(t, r.Body)
	want := map[string]string{"a.txt.gz": "a.txt", "b.tar.GZ": "b.tar.GZ", "c.css.br": "c.css", "d/e.js.zst": "d/e.js", "f.txt": "f.txt", "g.txt": "g.txt"}
	if r.Status != 200 || len(got) != len(want) || r.Header.Get("Content-Length") != fmt.Sprint(len(r.Body)) {
		t.Errorf("%d, %d of %s bytes, %v", r.Status, len(r.Body), r.Header.Get("Content-Length"), got)
	}
	for name, stored := range want {
		if got[name] != files[stored] {
			t.Errorf("%s: %q", name, got[name])
		}
	}
	for _, other := range []string{"a.txt.gz", "a.txt.gz/b"} {
		files := map[string]string{"a.txt": "coded", other: "another"}
		base := start(t, server.New(jailOver(t, codedBackend{jailFS(files), codings}, allow("**")), server.Config{List: true, Logger: quiet}))
		if r, err := try("GET", base+"/?zip", nil); err == nil {
			t.Errorf("beside %s: %d, %d bytes", other, r.Status, len(r.Body))
		}
	}
}

// An archive has what the store has, also where a cache still has what was there before.
func TestArchiveOverCache(t *testing.T) {
	m := mem.New()
	put := func(name, content string) {
		t.Helper()
		if _, err := m.Put(t.Context(), parsed(t, name), strings.NewReader(content), vfs.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	put("a.txt", "old")
	put("b.txt", "the same")
	c, err := cache.New(m, filepath.Join(t.TempDir(), "cache"), cache.Options{TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	base := start(t, server.New(jailOver(t, c, allow("**")), server.Config{List: true, Logger: quiet}))
	for path, status := range map[string]int{"/a.txt": 200, "/b.txt": 200, "/c.txt": 404} {
		if r := get(t, "GET", base+path); r.Status != status {
			t.Fatalf("%s: %d", path, r.Status)
		}
	}
	put("a.txt", "new and longer")
	put("c.txt", "new")
	if r := get(t, "GET", base+"/a.txt"); r.Body != "old" {
		t.Fatalf("the cache asks: %q", r.Body)
	}
	r, err := try("GET", base+"/?zip", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, got := unzip(t, r.Body)
	if got["a.txt"] != "new and longer" || got["b.txt"] != "the same" || got["c.txt"] != "new" {
		t.Errorf("%v", got)
	}
	if r := get(t, "GET", base+"/a.txt"); r.Body != "new and longer" {
		t.Errorf("afterwards: %q", r.Body)
	}
}
