package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A link to a file is the file, under both names' rules; links to directories are not entered,
// but the directory of the request may be one.
func TestArchiveLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need rights there")
	}
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	for name, content := range map[string]string{"outside": canary, "root/d/real.txt": "real", "root/d/sub/x.txt": "x", "root/d/secret.key": canary, "root/e/y.txt": "y"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{
		"d/file": "real.txt", "d/out": "../../outside", "d/abs": "/etc/passwd", "d/key": "secret.key", "d/loop": "../d", "d/other": "../e", "d/self": "self", "link": "d", "d/none": "missing",
	} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	b, err := disk.New(root, disk.Options{SkipSelfTest: true})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, c := range []struct {
		symlinks vfs.Symlinks
		target   string
		want     string
	}{
		{vfs.SymlinksRefuse, "/d/", "real.txt sub/x.txt"},
		{vfs.SymlinksInside, "/d/", "file real.txt sub/x.txt"},
		{vfs.SymlinksInside, "/link/", "file real.txt sub/x.txt"},
		{vfs.SymlinksInside, "/d/other/", "y.txt"},
		{vfs.SymlinksRefuse, "/link/", ""},
	} {
		p := vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("**/*.key"), Symlinks: c.symlinks}
		r := get(t, "GET", start(t, server.New(jailOver(t, b, p), server.Config{List: true}))+c.target+"?zip")
		if c.want == "" {
			if r.Status != 404 {
				t.Errorf("%s: %d", c.target, r.Status)
			}
			continue
		}
		names, files := unzip(t, r.Body)
		if got := strings.Join(names, " "); r.Status != 200 || got != c.want || strings.Contains(r.Body, canary) || strings.Contains(c.want, "file") && files["file"] != "real" {
			t.Errorf("%s: %d %s, want %s", c.target, r.Status, got, c.want)
		}
	}
}

// Programs extract an archive to the same files, and to nothing outside of the directory.
func TestArchiveExtract(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("names of the tree cannot exist there")
	}
	b, err := mem.FromMap(hostileTree)
	if err != nil {
		t.Fatal(err)
	}
	base := start(t, server.New(jailOver(t, b, hostilePolicy), server.Config{List: true}))
	want := listed(t, base, "/d/")
	archive := get(t, "GET", base+"/d/?zip").Body
	for tool, args := range map[string][]string{
		"unzip":   {"-q", "../a.zip"},
		"bsdtar":  {"-xf", "../a.zip"},
		"python3": {"-c", "import zipfile; zipfile.ZipFile('../a.zip').extractall()"},
	} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("BAILIWICK_REQUIRE_SERVERS") == "1" && tool != "bsdtar" {
				t.Error(err)
			}
			continue
		}
		outer := t.TempDir()
		if err := os.WriteFile(filepath.Join(outer, "a.zip"), []byte(archive), 0o644); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(outer, "x")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), tool, args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "LC_ALL=C.UTF-8")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", tool, err, out)
		}
		got := map[string]string{}
		err := filepath.WalkDir(outer, func(path string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			if rel, ok := strings.CutPrefix(path, dir+"/"); ok {
				got[rel] = string(content)
			} else if filepath.Base(path) != "a.zip" {
				t.Errorf("%s wrote %s", tool, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for name, content := range want {
			if got[name] != content {
				t.Errorf("%s: %q is %.20q, want %.20q", tool, name, got[name], content)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d files, want %d", tool, len(got), len(want))
		}
	}
}

// A zeroFile is a file of zeros.
type zeroFile struct{ left int64 }

func (e *zeroFile) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), e.left)
	clear(p[:n])
	e.left -= n
	return int(n), nil
}
func (*zeroFile) Close() error { return nil }

// A hugeBackend has files of zeros.
type hugeBackend struct {
	vfs.Backend
	size func(vfs.Name) int64
}

func (b hugeBackend) Caps() vfs.Caps { return vfs.Caps{Kind: "huge"} }

func (b hugeBackend) Open(_ context.Context, n vfs.Name, _ vfs.Request) (*vfs.Object, error) {
	size := b.size(n)
	return &vfs.Object{Info: vfs.Info{Name: n, Size: size}, Span: vfs.Span{Length: size}, Body: &zeroFile{size}}, nil
}

func (b hugeBackend) Stat(_ context.Context, n vfs.Name, _ vfs.Request) (vfs.Info, error) {
	return vfs.Info{Name: n, Size: b.size(n)}, nil
}

// A countingWriter is a response whose body only counts.
type countingWriter struct {
	*httptest.ResponseRecorder
	n int64
}

func (w *countingWriter) Write(p []byte) (int, error) { w.n += int64(len(p)); return len(p), nil }

// Content-Length is exact, also where an archive needs its forms of 64 bits: for large files,
// for what follows them, and for many files.
func TestArchiveSize(t *testing.T) {
	if testing.Short() {
		t.Skip("sends gigabytes to nobody")
	}
	many := map[string]string{}
	for i := range 66_000 {
		many[fmt.Sprintf("d/%05d", i)] = ""
	}
	b, err := mem.FromMap(many)
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		names []string
		size  int64
	}{
		"just below": {[]string{"a"}, 1<<32 - 2},
		"just at":    {[]string{"a", "b"}, 1<<32 - 1},
		"beyond":     {[]string{"a", "b", "c"}, 1<<31 + 10},
	} {
		huge := hugeBackend{b, func(vfs.Name) int64 { return c.size }}
		h := server.New(jailOver(t, huge, allow("**")), server.Config{List: true})
		w := &countingWriter{ResponseRecorder: httptest.NewRecorder()}
		h.ServeHTTP(w, httptest.NewRequest("GET", "/d/?zip&name="+strings.Join(c.names, "&name="), nil))
		if length := w.Header().Get("Content-Length"); length != fmt.Sprint(w.n) || w.Code != 200 {
			t.Errorf("%s: %d, Content-Length %s, but %d bytes", what, w.Code, length, w.n)
		}
	}
	h := server.New(jailOver(t, b, allow("**")), server.Config{List: true, Archive: server.Archives{Entries: 70_000}})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/d/?zip", nil))
	if length := w.Header().Get("Content-Length"); length != fmt.Sprint(w.Body.Len()) {
		t.Errorf("many: Content-Length %s, but %d bytes", length, w.Body.Len())
	}
	if names, _ := unzip(t, w.Body.String()); len(names) != len(many) {
		t.Errorf("many: %d names", len(names))
	}
}

// A client that leaves ends the reads and gives its slot back; a broken archive resets a stream
// of HTTP/2.
func TestArchiveConnections(t *testing.T) {
	b, err := mem.FromMap(map[string]string{"d/a": strings.Repeat("x", 1<<20), "d/b": "b"})
	if err != nil {
		t.Fatal(err)
	}
	opened, canceled := make(chan struct{}), make(chan struct{})
	waits := &openingBackend{b, func(ctx context.Context, n vfs.Name) error {
		if n.Base() == "b" {
			close(opened)
			<-ctx.Done()
			close(canceled)
			return &vfs.Error{Op: "get", Name: n.String(), Err: ctx.Err()}
		}
		return nil
	}}
	rec := &recorder{}
	base := start(t, server.New(jailOver(t, waits, allow("**")), server.Config{List: true, Archive: server.Archives{Slots: server.NewSlots(1)}, Recorder: rec, Logger: quiet}))
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", base+"/d/?zip", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	<-opened
	cancel()
	res.Body.Close()
	<-canceled
	if a := rec.wait(t, 3)[2]; !a.Aborted || a.Reason != audit.ReasonCanceled || !a.Archive {
		t.Errorf("%+v", a)
	}
	if r := get(t, "HEAD", base+"/d/?zip"); r.Status != 200 {
		t.Errorf("the slot was not given back: %d", r.Status)
	}

	breaks := &openingBackend{b, func(_ context.Context, n vfs.Name) error {
		if n.Base() == "b" {
			return &vfs.Error{Op: "get", Name: n.String(), Err: vfs.ErrUnavailable}
		}
		return nil
	}}
	s := httptest.NewUnstartedServer(server.New(jailOver(t, breaks, allow("**")), server.Config{List: true, Logger: quiet}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	res, err = s.Client().Get(s.URL + "/d/?zip")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadAll(res.Body); err == nil || res.ProtoMajor != 2 {
		t.Errorf("%s: the archive seems whole (%v)", res.Proto, err)
	}
}

// An openingBackend calls a function before each Open, which fails with its error.
type openingBackend struct {
	vfs.Backend
	open func(context.Context, vfs.Name) error
}

func (b *openingBackend) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	if err := b.open(ctx, n); err != nil {
		return nil, err
	}
	return b.Backend.Open(ctx, n, req)
}

// A listingBackend calls a function before each List, which fails with its error.
type listingBackend struct {
	vfs.Backend
	list func(vfs.Name) error
}

func (b *listingBackend) Caps() vfs.Caps {
	c := b.Backend.Caps()
	c.Walks = false
	return c
}

func (b *listingBackend) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	if err := b.list(dir); err != nil {
		return func(yield func(vfs.Entry, error) bool) { yield(vfs.Entry{}, err) }
	}
	return b.Backend.List(ctx, dir, after)
}

// What cannot be listed for now is not left out.
func TestArchiveListFails(t *testing.T) {
	b, err := mem.FromMap(map[string]string{"d/a": "a", "d/sub/b": "b"})
	if err != nil {
		t.Fatal(err)
	}
	fails := &listingBackend{b, func(dir vfs.Name) error {
		if dir.String() == "d/sub" {
			return &vfs.Error{Op: "list", Name: dir.String(), Err: errors.Join(vfs.ErrUnavailable, errors.New("a path"))}
		}
		return nil
	}}
	base := start(t, server.New(jailOver(t, fails, allow("**")), server.Config{List: true, Logger: quiet}))
	if r := get(t, "GET", base+"/d/?zip"); r.Status != 503 || strings.Contains(r.Body, "path") {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

// The names of an archive are not looked for without end.
func TestArchiveLook(t *testing.T) {
	b, err := mem.FromMap(map[string]string{"d/a": "a"})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		endless := &waitingBackend{b}
		h := server.New(jailOver(t, endless, allow("**")), server.Config{List: true, Logger: quiet})
		for _, target := range []string{"/d/?zip", "/d/?zip&name=b"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
			if w.Code != 413 {
				t.Errorf("%s: %d %s", target, w.Code, w.Body)
			}
		}
	})
}

// A waitingBackend lists nothing until its caller has had enough.
type waitingBackend struct{ vfs.Backend }

func (b *waitingBackend) Caps() vfs.Caps {
	c := b.Backend.Caps()
	c.Walks = false
	return c
}

func (b *waitingBackend) List(ctx context.Context, dir vfs.Name, _ string) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		<-ctx.Done()
		yield(vfs.Entry{}, &vfs.Error{Op: "list", Name: dir.String(), Err: ctx.Err()})
	}
}

func (b *waitingBackend) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	if n.Base() == "b" {
		<-ctx.Done()
		return vfs.Info{}, &vfs.Error{Op: "stat", Name: n.String(), Err: ctx.Err()}
	}
	return b.Backend.Stat(ctx, n, req)
}

// On S3, an archive costs one request for each thousand names and one for each object.
func TestArchiveS3Counts(t *testing.T) {
	eachRoad(t, func(t *testing.T, api func(*s3.Client) s3.API) {
		g := s3gateway.Start(t)
		bucket := g.Bucket(t, "archives")
		want := 0
		for dir, n := range map[string]int{"d": 900, "d/sub": 80, "d/sub/deep": 10, "e": 5} {
			if err := os.MkdirAll(bucket.Path("site/"+dir), 0o755); err != nil {
				t.Fatal(err)
			}
			for i := range n {
				if err := os.WriteFile(bucket.Path(fmt.Sprintf("site/%s/%04d.txt", dir, i)), []byte(dir), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if dir != "e" {
				want += n
			}
		}
		c := g.Client(t)
		h := server.New(jailOver(t, bucketBackend(t, api(c), bucket, "site"), allow("**")), server.Config{List: true})
		for target, counts := range map[string][2]int{"/d/?zip": {1, want}, "/d/sub/?zip": {1, 90}, "/?zip": {1, want + 5}} {
			g.Reset(t)
			r := request(t, h, "GET", target)
			ops := operations(g.Requests(t))
			lists := len(slices.DeleteFunc(slices.Clone(ops), func(op string) bool { return op != "ListObjectsV2" }))
			gets := len(slices.DeleteFunc(slices.Clone(ops), func(op string) bool { return op != "GetObject" }))
			if _, files := unzip(t, r.Body); len(files) != counts[1] || lists != counts[0] || gets != counts[1] || len(ops) != lists+gets {
				t.Errorf("%s: %d files by %d lists and %d gets of %d requests, want %v", target, len(files), lists, gets, len(ops), counts)
			}
			g.Reset(t)
			request(t, h, "HEAD", target)
			if ops := operations(g.Requests(t)); len(ops) != counts[0] {
				t.Errorf("HEAD %s: %d requests", target, len(ops))
			}
		}
	})
}

// FuzzArchive: no query takes anything into an archive that is not listed.
func FuzzArchive(f *testing.F) {
	for _, query := range []string{"zip", "zip&name=a", "zip&name=..", "zip=&name=../e/other&name=.hidden", "zip&name=a/&name=nested/inner.txt", "name=a&zip&limit=1", "zip&name=%61%2fc"} {
		f.Add(query)
	}
	b, err := mem.FromMap(hostileTree)
	if err != nil {
		f.Fatal(err)
	}
	p := vfs.Policy{Allow: hostilePolicy.Allow, Deny: append(vfs.Patterns("d/private"), hostilePolicy.Deny...)}
	h := server.New(jailOver(f, b, p), server.Config{List: true, Logger: quiet})
	f.Fuzz(func(t *testing.T, query string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/d/", nil)
		r.URL.RawQuery = query
		h.ServeHTTP(w, r)
		if strings.Contains(w.Body.String(), canary) || w.Code >= 500 {
			t.Fatalf("%q: %d", query, w.Code)
		}
		if values, err := url.ParseQuery(query); w.Code == 200 && err == nil && values.Has("zip") {
			names, files := unzip(t, w.Body.String())
			for _, name := range names {
				if hostileTree["d/"+strings.TrimPrefix(name, "./")] != files[name] {
					t.Errorf("%q: %q is %.20q", query, name, files[name])
				}
			}
		}
	})
}
