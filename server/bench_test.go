package server_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// BenchmarkGET requests a file over loopback on kept connections, from three servers: this
// package with the access log on; a bare handler that writes the same headers and bytes
// from memory, which is the best that net/http can do; and http.FileServerFS over an
// os.Root. The three alternate within one run, so other load on the machine affects all
// alike. The ratios are requests per second of this package to those of the other server.
func BenchmarkGET(b *testing.B) {
	for _, size := range []int{1 << 10, 100 << 10, 10 << 20} {
		for _, depth := range []int{1, 6} {
			b.Run(fmt.Sprintf("%dKiB/depth%d", size>>10, depth), func(b *testing.B) { benchmarkGET(b, size, depth) })
		}
	}
}

func benchmarkGET(b *testing.B, size, depth int) {
	dir := b.TempDir()
	name := strings.Repeat("directory/", depth-1) + "file.html"
	data := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		b.Fatal(err)
	}
	backend, err := disk.New(dir, disk.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer backend.Close()
	root, err := os.OpenRoot(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer root.Close()
	out, err := os.Create(filepath.Join(b.TempDir(), "access.jsonl"))
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	log := audit.NewLog(out, audit.LogOptions{})
	defer log.Close()

	jailed := server.New(jailOver(b, backend, vfs.Policy{Allow: vfs.Patterns("**/*.html", "**/*.css"), Deny: vfs.Patterns("drafts")}), server.Config{Recorder: log})
	header := httptest.NewRecorder()
	jailed.ServeHTTP(header, httptest.NewRequest("HEAD", "/"+name, nil))
	bare := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		for key, values := range header.Header() {
			h[key] = values
		}
		w.Write(data)
	})

	rivals := []*rival{
		newRival(b, jailed, name, size),
		newRival(b, bare, name, size),
		newRival(b, http.FileServerFS(root.FS()), name, size),
	}
	// A turn is short compared to changes of the load, and long compared to the timer's
	// resolution.
	turn := max(1, 64<<10/size)
	for b.Loop() {
		for _, r := range rivals {
			r.take(b, turn)
		}
	}
	b.ReportMetric(float64(rivals[0].elapsed.Nanoseconds())/float64(rivals[0].requests), "ns/GET")
	b.ReportMetric(rivals[1].perRequest()/rivals[0].perRequest(), "×bare")
	b.ReportMetric(rivals[2].perRequest()/rivals[0].perRequest(), "×FileServerFS")
}

// A rival is a server under measurement, with connections to it. The clients do as little
// as possible, since they share the processors with the server.
type rival struct {
	conns    []net.Conn
	request  []byte
	response int // bytes of a response, which is the same each time
	elapsed  time.Duration
	requests int
}

// connections is the number of concurrent clients: more than processors, so that throughput
// is measured and not wake-up latency.
const connections = 8

func newRival(b *testing.B, h http.Handler, name string, size int) *rival {
	s := httptest.NewServer(h)
	b.Cleanup(s.Close)
	r := &rival{request: []byte("GET /" + name + " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n")}
	for range connections {
		conn, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { conn.Close() })
		r.conns = append(r.conns, conn)
	}
	if _, err := r.conns[0].Write(r.request); err != nil {
		b.Fatal(err)
	}
	var head bytes.Buffer
	res, err := http.ReadResponse(bufio.NewReader(io.TeeReader(r.conns[0], &head)), nil)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != 200 || res.ContentLength != int64(size) {
		b.Fatal(res.Status, res.ContentLength, err)
	}
	r.response = head.Len()
	return r
}

// take sends turn requests on each connection.
func (r *rival) take(b *testing.B, turn int) {
	start := time.Now()
	var group errgroup.Group
	for _, conn := range r.conns {
		group.Go(func() error {
			buf := make([]byte, 128<<10)
			for range turn {
				if _, err := conn.Write(r.request); err != nil {
					return err
				}
				for left := r.response; left > 0; {
					n, err := conn.Read(buf[:min(left, len(buf))])
					if err != nil {
						return err
					}
					left -= n
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
	r.elapsed += time.Since(start)
	r.requests += turn * len(r.conns)
}

func (r *rival) perRequest() float64 { return float64(r.elapsed) / float64(r.requests) }

// BenchmarkHandler measures the handler alone, without a network. That directories have a page
// should cost objects next to nothing.
func BenchmarkHandler(b *testing.B) {
	for _, c := range []struct {
		name string
		page server.Page
	}{{"plain", server.Page{}}, {"page", server.Page{Mode: server.PageFull}}} {
		b.Run(c.name, func(b *testing.B) {
			tree := map[string]string{"docs/a.html": strings.Repeat("x", 1024)}
			p := vfs.Policy{Allow: vfs.Patterns("**"), Deny: append(vfs.Patterns("drafts"), c.page.Reserved()...)}
			h := server.New(jail(b, tree, p), server.Config{List: true, Page: c.page, Recorder: discardLog(b)})
			r := httptest.NewRequest("GET", "/docs/a.html", nil)
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(&sink{header: http.Header{}}, r)
			}
		})
	}
}

func discardLog(b *testing.B) *audit.Log {
	l := audit.NewLog(io.Discard, audit.LogOptions{})
	b.Cleanup(func() { l.Close() })
	return l
}

// A sink is a ResponseWriter that discards everything.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
func (s *sink) WriteHeader(int)             {}
