package server_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// A body that is too large is not stored, whether its length is declared or not.
func TestIntakeLimit(t *testing.T) {
	const limit = 1000
	eachWritable(t, func(t *testing.T, b vfs.Backend) {
		url, rec := writing(t, b, allow("**"), server.Intake{MaxBytes: limit})
		seen := 0
		for _, c := range []struct{ size, status int }{{0, 201}, {limit - 1, 204}, {limit, 204}, {limit + 1, 413}, {1 << 20, 413}} {
			for _, announced := range []bool{true, false} {
				var body io.Reader = strings.NewReader(strings.Repeat("x", c.size))
				if !announced {
					body = io.MultiReader(body)
				}
				r, err := try("PUT", url+"/a", body)
				seen++
				a := rec.wait(t, seen)[seen-1]
				if want := c.status; err == nil && r.Status != want && !(want == 201 && r.Status == 204) {
					t.Errorf("%d bytes, Content-Length %t: %d, want %d", c.size, announced, r.Status, want)
				}
				if a.Status/100 == 4 != (c.size > limit) || c.size > limit && (a.Reason != audit.ReasonIntakeTooLarge || a.Verdict != audit.Refused) {
					t.Errorf("%d bytes, Content-Length %t: recorded %+v", c.size, announced, a)
				}
				if announced && c.size > limit && a.Received != 0 || a.Received > 300_000 {
					t.Errorf("%d bytes, Content-Length %t: %d were read", c.size, announced, a.Received)
				}
			}
		}
		if got := contents(t, b); len(got) != 1 || len(got["a"]) != limit {
			t.Errorf("%d objects, a has %d bytes", len(got), len(got["a"]))
		}
	})
	url, _ := writing(t, mem.New(), allow("**"), server.Intake{MaxBytes: -1})
	if r := sendBody(t, "PUT", url+"/a", strings.Repeat("x", 1<<20)); r.Status != 201 {
		t.Errorf("MaxBytes -1: %d", r.Status)
	}
}

// Beyond the limit of concurrent bodies, a client is told to retry later.
func TestIntakeConcurrency(t *testing.T) {
	const limit = 3
	b := mem.New()
	url, rec := writing(t, b, allow("**"), server.Intake{Slots: server.NewSlots(limit)})
	var senders []*wire
	for i := range limit {
		w := dialWire(t, url)
		w.send("PUT /%d HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n", i)
		if got, _, ok := w.reply(); !ok || got.status != 100 {
			t.Fatalf("%d", got.status)
		}
		senders = append(senders, w)
	}
	r := sendBody(t, "PUT", url+"/more", "x")
	if r.Status != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v", r.Status, r.Header)
	}
	if a := rec.wait(t, 1)[0]; a.Reason != audit.ReasonIntakeBusy || a.Verdict != audit.Failed {
		t.Errorf("%+v", a)
	}
	// A refused name is refused, however busy the server is. DELETE needs no slot for a
	// body.
	if r := sendBody(t, "PUT", url+"/more/", "x"); r.Status != 404 {
		t.Errorf("a directory: %d", r.Status)
	}
	if r := sendBody(t, "DELETE", url+"/more", ""); r.Status != 404 {
		t.Errorf("DELETE: %d", r.Status)
	}
	for i, w := range senders {
		w.send("body")
		if got, _, ok := w.reply(); !ok || got.status != 201 {
			t.Errorf("%d: %d", i, got.status)
		}
	}
	// Slots are released, after failures too.
	for range 2 * limit {
		w := dialWire(t, url)
		w.send("PUT /cut HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nx")
		w.conn.Close()
	}
	rec.wait(t, 3+limit+2*limit)
	if r := sendBody(t, "PUT", url+"/more", "x"); r.Status != 201 {
		t.Errorf("afterwards: %d", r.Status)
	}
}

// A compressed file is stored as it is. A body with a Content-Encoding is refused.
func TestIntakeUnpacksNothing(t *testing.T) {
	var bomb bytes.Buffer
	zip := gzip.NewWriter(&bomb)
	zero := make([]byte, 1<<20)
	for range 4 {
		if _, err := zip.Write(zero); err != nil {
			t.Fatal(err)
		}
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	b := mem.New()
	url, rec := writing(t, b, allow("**"), server.Intake{})
	for _, coding := range []string{"gzip", "br", "x-gzip", "deflate", "identity, gzip", "what"} {
		if r := sendBody(t, "PUT", url+"/a.gz", bomb.String(), "Content-Encoding", coding); r.Status != 415 {
			t.Errorf("%s: %d", coding, r.Status)
		}
	}
	if r := sendBody(t, "PUT", url+"/a.gz", bomb.String(), "Content-Encoding", "identity", "Content-Encoding", "gzip"); r.Status != 415 {
		t.Errorf("gzip in a second Content-Encoding: %d", r.Status)
	}
	if a := rec.wait(t, 1)[0]; a.Reason != audit.ReasonIntakeEncoding || a.Received != 0 {
		t.Errorf("%+v", a)
	}
	if all := contents(t, b); len(all) != 0 {
		t.Errorf("%d objects", len(all))
	}
	if r := sendBody(t, "PUT", url+"/a.gz", bomb.String()); r.Status != 201 || contents(t, b)["a.gz"] != bomb.String() {
		t.Errorf("a compressed file without Content-Encoding: %d", r.Status)
	}
}

const (
	pngBytes  = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"
	htmlBytes = "<!DOCTYPE html><html><script>alert(1)</script></html>"
	svgBytes  = `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`
	elfBytes  = "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x3e\x00"
	phpBytes  = "<?php system($_GET['c']); ?>"
	pdfBytes  = "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
	gifBytes  = "GIF89a\x01\x00\x01\x00"
	junkBytes = "\x00\x01\x02\x03\xfe\xff\xfe\x00\x13\x37"
)

func TestIntakeTypes(t *testing.T) {
	for _, c := range []struct {
		types, name, body string
		taken             bool
	}{
		{"image/*", "a.png", pngBytes, true},
		{"IMAGE/PNG", "a.PNG", pngBytes, true},
		{"image/*", "a.gif", pngBytes, true}, // both types are accepted, and readers do not sniff
		{"image/png", "a.gif", pngBytes, false},
		{"image/png", "a.png", gifBytes, false},
		{"image/*", "a.html", pngBytes, false},
		{"image/*", "a.png", htmlBytes, false},
		{"image/*", "a.png", phpBytes, false},
		{"image/*", "a.png", elfBytes, false},
		{"image/*", "a.png", junkBytes, false},
		{"image/*", "a.png", "", false},
		{"image/*", "a.png", "just text", false},
		{"image/*", "a", pngBytes, false},
		{"image/*", "a.png.exe", pngBytes, false},
		{"image/png, image/jpeg", "a.svg", svgBytes, false},
		{"image/png, image/jpeg", "a.png", svgBytes, false},
		{"image/*", "a.svg", svgBytes, true}, // image/* includes SVG
		{"text/plain", "a.txt", "just text", true},
		{"text/plain", "a.txt", "", true},
		{"text/plain", "a.txt", "a,b,c\n1,2,3\n4,5,6\n", true},
		{"text/plain", "a.txt", `{"a": 1}`, true},
		{"text/plain", "a.txt", htmlBytes, false},
		{"text/plain", "a.txt", phpBytes, false},
		{"text/plain", "a.txt", pngBytes, false},
		{"text/plain", "a.html", "just text", false},
		{"text/markdown", "a.md", "# Title\n", true},
		{"text/*", "a.css", "a { color: red }", true},
		{"text/css", "a.css", "a { color: red }", true},
		{"text/html", "a.html", htmlBytes, true},
		{"text/*", "a.html", htmlBytes, true},
		{"application/json", "a.json", `{"a": 1}`, true},
		{"application/json", "a.json", `[1, 2, `, true}, // only the first bytes are sniffed; the rest need not be valid
		{"application/yaml", "a.yaml", "a: 1\n", true},
		{"application/pdf", "a.pdf", pdfBytes, true},
		{"application/pdf", "a.pdf", htmlBytes, false},
		{"application/pdf", "a.pdf", "just text", false},
		{"application/octet-stream", "a.bin", junkBytes, true},
		{"application/octet-stream", "a", junkBytes, true},
		{"application/octet-stream", "a", pngBytes, false},
		{"application/octet-stream", "a.png", junkBytes, false},
		{"audio/vnd.wave", "a.wav", "RIFF\x24\x00\x00\x00WAVEfmt ", true}, // also called audio/wav
		{"audio/wav", "a.wav", "RIFF\x24\x00\x00\x00WAVEfmt ", true},
		{"video/vnd.avi", "a.avi", "RIFF\x24\x00\x00\x00AVI LIST\x00", true},
		{"application/zip", "a.zip", "PK\x03\x04\x14\x00\x00\x00\x00\x00", true},
		{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "a.docx", "PK\x03\x04\x14\x00\x00\x00\x00\x00", true},
		{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "a.docx", htmlBytes, false},
		{"*", "", "", false}, {"*/*", "", "", false}, {"image", "", "", false}, {"image/", "", "", false}, {"image/p*g", "", "", false},
		{"image/png;q=1", "", "", false}, {"i mage/png", "", "", false}, {"", "", "", false},
	} {
		types, err := server.ParseTypes(strings.Split(c.types, ", ")...)
		if c.name == "" {
			if err == nil {
				t.Errorf("ParseTypes(%q) returned no error", c.types)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		b := mem.New()
		url, rec := writing(t, b, allow("**"), server.Intake{Types: types})
		r := sendBody(t, "PUT", url+"/"+c.name, c.body)
		want := 415
		if c.taken {
			want = 201
		}
		if r.Status != want {
			t.Errorf("%s: %s with %.20q: %d, want %d", c.types, c.name, c.body, r.Status, want)
		}
		if !c.taken {
			if a := rec.wait(t, 1)[0]; a.Reason != audit.ReasonIntakeType || len(contents(t, b)) != 0 {
				t.Errorf("%s: %s: recorded %q, %d objects", c.types, c.name, a.Reason, len(contents(t, b)))
			}
		}
	}
}

// The client's Content-Type is ignored.
func TestIntakeIgnoresContentType(t *testing.T) {
	types, err := server.ParseTypes("image/png")
	if err != nil {
		t.Fatal(err)
	}
	b := mem.New()
	url, _ := writing(t, b, allow("**"), server.Intake{Types: types})
	if r := sendBody(t, "PUT", url+"/a.png", htmlBytes, "Content-Type", "image/png"); r.Status != 415 {
		t.Errorf("HTML declared as image/png: %d", r.Status)
	}
	if r := sendBody(t, "PUT", url+"/a.png", pngBytes, "Content-Type", "text/html"); r.Status != 201 {
		t.Errorf("PNG declared as text/html: %d", r.Status)
	}
	if r := get(t, "GET", url+"/a.png"); r.Header.Get("Content-Type") != "image/png" {
		t.Errorf("%v", r.Header)
	}
}

// inspectorFunc makes an Inspector of a function.
type inspectorFunc func(context.Context, *server.Upload) error

func (f inspectorFunc) Inspect(ctx context.Context, s *server.Upload) error { return f(ctx, s) }

func TestInspector(t *testing.T) {
	eachWritable(t, func(t *testing.T, b vfs.Backend) {
		spool := t.TempDir()
		var mu sync.Mutex
		var seen []server.Upload
		inspect := inspectorFunc(func(_ context.Context, s *server.Upload) error {
			if _, err := b.Stat(context.Background(), s.Name, vfs.Request{}); len(seen) == 0 && !errors.Is(err, os.ErrNotExist) {
				t.Error("the object is visible before it is inspected")
			}
			data, err := io.ReadAll(s.Open())
			if err != nil {
				return err
			}
			at := make([]byte, 3)
			if n, err := s.ReadAt(at, 1); len(data) >= 4 && (err != nil || string(at[:n]) != string(data[1:4])) {
				t.Errorf("ReadAt: %q %v", at[:n], err)
			}
			if sha256.Sum256(data) != s.SHA256 || int64(len(data)) != s.Size {
				t.Errorf("%d bytes, but Size is %d, or SHA256 differs", len(data), s.Size)
			}
			mu.Lock()
			seen = append(seen, *s)
			mu.Unlock()
			switch {
			case bytes.Contains(data, []byte("EICAR")):
				return fmt.Errorf("found EICAR at /srv/private: %w", server.ErrRejected)
			case bytes.Contains(data, []byte("crash")):
				return errors.New("scanner at /srv/private is down")
			}
			return nil
		})
		url, rec := writing(t, b, allow("**"), server.Intake{Inspect: inspect, SpoolDir: spool})
		large := strings.Repeat("0123456789", 50_000)
		for i, c := range []struct {
			path, body string
			status     int
			reason     vfs.Reason
		}{
			{"/dir/a.txt", large, 201, ""},
			{"/dir/a.txt", "EICAR", 422, audit.ReasonIntakeRejected},
			{"/dir/b.txt", large + "EICAR", 422, audit.ReasonIntakeRejected},
			{"/dir/c.txt", "crash", 503, audit.ReasonIntakeFailed},
			{"/empty", "", 201, ""},
		} {
			n := len(seen)
			r := sendFrom(t, "PUT", url+c.path, io.MultiReader(strings.NewReader(c.body)))
			if a := rec.wait(t, i+1)[i]; r.Status != c.status || a.Reason != c.reason || strings.Contains(r.Body, "srv") {
				t.Errorf("%s: %d %q, recorded %q", c.path, r.Status, r.Body, a.Reason)
			}
			if (r.Header.Get("Retry-After") != "") != (c.status == 503) {
				t.Errorf("%s: Retry-After %q", c.path, r.Header.Get("Retry-After"))
			}
			if len(seen) != n+1 || "/"+seen[n].Name.String() != c.path || seen[n].Filename != seen[n].Name.Base() {
				t.Errorf("%s: inspected as %+v", c.path, seen[n:])
			}
		}
		if all := contents(t, b); len(all) != 2 || all["dir/a.txt"] != large {
			t.Errorf("%d objects are stored", len(all))
		}
		// A body that is refused whatever its content is not inspected.
		n := len(seen)
		if b.Caps().Kind != "s3" { // S3 evaluates this condition in the request with the body
			sendBody(t, "PUT", url+"/dir/a.txt", "x", "If-None-Match", "*")
		}
		sendBody(t, "PUT", url+"/dir/a.txt", "x", "If-Unmodified-Since", "Tue, 01 Jan 2019 00:00:00 GMT")
		sendBody(t, "PUT", url+"/dir/a:b", "x")
		w := dialWire(t, url)
		w.send("PUT /cut HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\nx")
		w.conn.Close()
		recordOf(t, rec, "/cut")
		if len(seen) != n {
			t.Errorf("inspected %+v", seen[n:])
		}
		if left, err := os.ReadDir(spool); err != nil || len(left) != 0 {
			t.Errorf("the spool directory holds %v, %v", left, err)
		}
	})
}

// The error of an Inspector decides the response, whatever other errors it wraps: here, those
// that mean a canceled request or a false precondition elsewhere.
func TestInspectorErrorWraps(t *testing.T) {
	for _, inner := range []error{
		context.Canceled, context.DeadlineExceeded, vfs.ErrPrecondition, vfs.ErrFull, os.ErrNotExist,
		&vfs.Error{Op: "get", Name: "b", Info: &vfs.Info{ETag: `"other"`}, Err: vfs.ErrPrecondition},
	} {
		for _, c := range []struct {
			err    error
			status int
			reason vfs.Reason
			log    string
		}{
			{fmt.Errorf("scanner: %w", inner), 503, audit.ReasonIntakeFailed, "inspecting a body"},
			{fmt.Errorf("%w: %w", server.ErrRejected, inner), 422, audit.ReasonIntakeRejected, "a body was rejected"},
		} {
			for _, method := range []string{"PUT", "POST"} {
				var log bytes.Buffer
				rec := &recorder{}
				logger := slog.New(slog.NewTextHandler(&log, nil))
				in := server.Intake{SpoolDir: t.TempDir(), Inspect: inspectorFunc(func(context.Context, *server.Upload) error { return c.err })}
				b := mem.New()
				path, h := "/a", server.New(jailOver(t, b, allow("**")), server.Config{Write: true, Intake: in, Recorder: rec, Logger: logger})
				if method == "POST" {
					path, h = "/", newUploadsOver(t, b, server.UploadConfig{Intake: in, Recorder: rec, Logger: logger}).handler
				}
				w := serveBody(h, method, path, "x", http.Header{"Content-Disposition": {"attachment; filename=a"}})
				a := rec.wait(t, 1)[0]
				if w.Code != c.status || a.Reason != c.reason || w.Header().Get("Etag") != "" || (w.Header().Get("Retry-After") != "") != (c.status == 503) {
					t.Errorf("%s, %v: %d %v, recorded as %+v", method, c.err, w.Code, w.Header(), a)
				}
				if !strings.Contains(log.String(), c.log) {
					t.Errorf("%s, %v: the log has %q", method, c.err, &log)
				}
				if n := len(contents(t, b)); n != 0 {
					t.Errorf("%s, %v: %d objects are stored", method, c.err, n)
				}
			}
		}
	}
}

// recordOf waits for the record of a request for path.
func recordOf(t testing.TB, rec *recorder, path string) audit.Attempt {
	t.Helper()
	for n := 1; ; n++ {
		if a := rec.wait(t, n)[n-1]; a.Raw == path {
			return a
		}
	}
}

// A body that cannot be spooled is not stored either.
func TestSpoolFails(t *testing.T) {
	b := mem.New()
	in := server.Intake{SpoolDir: t.TempDir() + "/nosuch", Inspect: inspectorFunc(func(context.Context, *server.Upload) error {
		t.Error("inspected")
		return nil
	})}
	url, rec := writing(t, b, allow("**"), in)
	r := sendBody(t, "PUT", url+"/a", "x")
	if a := rec.wait(t, 1)[0]; r.Status != 503 || a.Reason != audit.ReasonIntakeFailed || len(contents(t, b)) != 0 {
		t.Errorf("%d %q", r.Status, a.Reason)
	}
}

// Memory does not grow with the size of a body, whether it is inspected or not.
func TestIntakeMemoryIsFlat(t *testing.T) {
	const size, allowance = 64 << 20, 16 << 20
	b, err := disk.New(t.TempDir(), disk.Options{Writable: true, SkipSelfTest: true})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	sink := vfstest.NewFaults(b)
	for name, in := range map[string]server.Intake{
		"plain":     {},
		"inspected": {SpoolDir: t.TempDir(), Inspect: inspectorFunc(func(context.Context, *server.Upload) error { return nil })},
	} {
		url, _ := writing(t, sink, allow("**"), in)
		// The first created name fills tables that are kept.
		sendBody(t, "PUT", url+"/first-"+name, "x")
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := sendFrom(t, "PUT", url+"/"+name, io.LimitReader(zeros{}, size))
		runtime.ReadMemStats(&after)
		if r.Status != 201 {
			t.Fatalf("%s: %d", name, r.Status)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > allowance {
			t.Errorf("%s: %d bytes were allocated for a body of %d", name, grown, size)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// Among many concurrent bodies, accepted and refused ones, each accepted one is stored as
// sent.
func TestIntakeManyAtOnce(t *testing.T) {
	types, err := server.ParseTypes("text/plain")
	if err != nil {
		t.Fatal(err)
	}
	b := mem.New()
	url, _ := writing(t, b, allow("**"), server.Intake{Types: types, MaxBytes: 100_000, Slots: server.NewSlots(1000)})
	var group errgroup.Group
	for i := range 60 {
		group.Go(func() error {
			body, want := strings.Repeat(fmt.Sprint(i, " "), 3000), 201
			switch i % 3 {
			case 1:
				body, want = htmlBytes+body, 415
			case 2:
				body, want = strings.Repeat(body, 20), 413
			}
			r, err := try("PUT", fmt.Sprintf("%s/%d.txt", url, i), strings.NewReader(body))
			if err == nil && r.Status != want {
				t.Errorf("%d: %d, want %d", i, r.Status, want)
			}
			if want == 201 {
				if got, err := try("GET", fmt.Sprintf("%s/%d.txt", url, i), nil); err != nil || got.Body != body {
					t.Errorf("%d: reads back as %d bytes, %v", i, len(got.Body), err)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := len(contents(t, b)); n != 20 {
		t.Errorf("%d objects", n)
	}
}

func FuzzParseTypes(f *testing.F) {
	for _, s := range []string{"image/png", "image/*", "*/*", "a/b/c", "IMAGE/Png", "a/b;c=d", "\x00/x", "é/x", "application/vnd.ms-excel"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		types, err := server.ParseTypes(s)
		if err != nil {
			return
		}
		text := types.String()
		if text != strings.ToLower(s) || strings.Count(text, "/") != 1 || strings.ContainsAny(text, " \t\r\n;,\"\x00") {
			t.Errorf("%q parses to %q", s, text)
		}
		again, err := server.ParseTypes(text)
		if err != nil || again.String() != text {
			t.Errorf("%q parses to %q, which parses to %q, %v", s, text, again, err)
		}
	})
}
