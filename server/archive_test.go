package server_test

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// unzip returns the names of an archive in its order, and its contents.
func unzip(t testing.TB, body string) (names []string, files map[string]string) {
	t.Helper()
	z, err := zip.NewReader(strings.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	files = map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		if f.Method != zip.Store || f.Flags&0x800 == 0 || f.NonUTF8 {
			t.Errorf("%s: method %d, flags %x", f.Name, f.Method, f.Flags)
		}
		names = append(names, f.Name)
		files[f.Name] = string(content)
	}
	return names, files
}

// listed returns what a client finds below dir by listings and GETs.
func listed(t testing.TB, base, dir string, headers ...string) map[string]string {
	t.Helper()
	files := map[string]string{}
	var walk func(at string)
	walk = func(at string) {
		r := get(t, "GET", base+dir+at+"?limit=10000", append([]string{"Accept", "application/json"}, headers...)...)
		var p struct{ Entries []struct{ Name, Type string } }
		if err := json.Unmarshal([]byte(r.Body), &p); err != nil {
			t.Fatalf("%s: %d %s", at, r.Status, r.Body)
		}
		for _, e := range p.Entries {
			escaped := at + (&url.URL{Path: e.Name}).EscapedPath()
			if strings.Contains(e.Name, ":") || strings.HasPrefix(e.Name, "/") {
				escaped = at + url.PathEscape(e.Name)
			}
			if e.Type == "dir" {
				walk(escaped + "/")
				continue
			}
			got := get(t, "GET", base+dir+escaped, headers...)
			if got.Status != 200 {
				t.Errorf("%s is listed, but a GET of it is %d", escaped, got.Status)
			}
			name, err := url.PathUnescape(escaped)
			if err != nil {
				t.Fatal(err)
			}
			files[name] = got.Body
		}
	}
	walk("")
	return files
}

// hostileTree has names that lead elsewhere on some system or in some program, and what must
// not be in an archive.
var hostileTree = map[string]string{
	"d/a.txt": "a", "d/a/b.txt": "b", "d/a/c/d.txt": "d", "d/a-b": "-", "d/empty": "", "d/large": strings.Repeat("0123456789abcdef", 50_000),
	"d/C:evil.txt": "drive", "d/c:/windows/x": "drive", "d/a..b": "dots", "d/...": "dots", "d/фото/写真.jpg": "letters", "d/aux.txt": "device", "d/10:30.log": "colon",
	"d/<b>&'\"": "markup", "d/$(x)`y`": "shell", "d/ spaces ": "spaces", "d/%2e%2e%2fx": "escapes", "d/~": "home", "d/-rf": "option",
	"d/.hidden": canary, "d/.git/config": canary, "d/private/key": canary, "d/a/secret.key": canary, "d/nested/inner.txt": canary, "e/other": canary,
}

var hostilePolicy = vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("**/*.key", "d/nested")}

// An archive has what listings show and GETs open below its directory, byte for byte, and
// nothing else, under names that lead nowhere else.
func TestArchive(t *testing.T) {
	eachWritable(t, func(t *testing.T, b vfs.Backend) {
		plain := jailOver(t, b, vfs.Policy{Allow: vfs.Patterns("**", "**/.*", "**/.git/**")})
		for name, content := range hostileTree {
			n, err := vfs.ParseName(name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.Put(t.Context(), n, strings.NewReader(content), vfs.PutOptions{}); err != nil {
				t.Fatal(plain.Caps().Kind, err)
			}
		}
		p := hostilePolicy
		p.Authorize = vfs.AuthorizeFunc(func(_ context.Context, op vfs.Op, n vfs.Name) error {
			if n.String() == "d/private" || op == vfs.OpRead && strings.HasPrefix(n.String(), "d/private/") {
				return errors.New("not yours")
			}
			return nil
		})
		rec := &recorder{}
		base := start(t, server.New(jailOver(t, b, p), server.Config{List: true, Recorder: rec, Logger: quiet}))
		want := listed(t, base, "/d/")
		if len(want) < 15 {
			t.Fatalf("only %d files are listed", len(want))
		}
		before := len(rec.wait(t, 1))
		r := get(t, "GET", base+"/d/?zip")
		if r.Status != 200 || r.Header.Get("Content-Type") != "application/zip" || r.Header.Get("Content-Length") != fmt.Sprint(len(r.Body)) ||
			!strings.Contains(r.Header.Get("Content-Disposition"), "attachment; filename=d.zip") || r.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %v", r.Status, r.Header)
		}
		names, files := unzip(t, r.Body)
		paths := map[string]string{}
		for name, content := range files {
			if strings.HasPrefix(name, "/") || slices.Contains(strings.Split(name, "/"), "..") || strings.Contains(name, `\`) || len(name) > 1 && name[1] == ':' {
				t.Errorf("the name %q leads elsewhere", name)
			}
			paths[strings.TrimPrefix(name, "./")] = content
		}
		if !maps.Equal(paths, want) {
			t.Errorf("the archive has %q, listed are %q", slices.Sorted(maps.Keys(paths)), slices.Sorted(maps.Keys(want)))
		}
		if !slices.IsSortedFunc(names, func(a, b string) int {
			return strings.Compare(strings.TrimPrefix(a, "./"), strings.TrimPrefix(b, "./"))
		}) {
			t.Errorf("the order is %q", names)
		}
		if strings.Contains(r.Body, canary) {
			t.Error("the archive has something that is hidden")
		}
		lines := rec.wait(t, before+len(want)+1)[before:]
		for i, a := range lines[:len(want)] {
			if !a.Part || a.Method != "GET" || a.RequestID != lines[len(want)].RequestID || a.Name.String() != "d/"+strings.TrimPrefix(names[i], "./") ||
				a.Bytes != int64(len(files[names[i]])) || a.Status != 200 || a.Verdict != audit.Allowed {
				t.Errorf("%+v", a)
			}
		}
		if a := lines[len(want)]; !a.Archive || a.Part || a.Name.String() != "d" || a.Bytes != int64(len(r.Body)) {
			t.Errorf("%+v", a)
		}
		head := get(t, "HEAD", base+"/d/?zip")
		if head.Status != 200 || head.Header.Get("Content-Length") != r.Header.Get("Content-Length") || head.Body != "" {
			t.Errorf("HEAD: %d %v", head.Status, head.Header)
		}
		// Some entries.
		r = get(t, "GET", base+"/d/?zip&name=a&name=empty&name=a.txt&name=a/&name=empty")
		names, _ = unzip(t, r.Body)
		if got := strings.Join(names, " "); got != "a.txt a/b.txt a/c/d.txt empty" || r.Header.Get("Content-Length") != fmt.Sprint(len(r.Body)) {
			t.Errorf("some entries: %s", got)
		}
		missing := get(t, "GET", base+"/missing")
		for _, path := range []string{
			"/d/?zip&name=none", "/d/?zip&name=a&name=none", "/d/?zip&name=.hidden", "/d/?zip&name=nested", "/d/?zip&name=..", "/d/?zip&name=../e", "/d/?zip&name=a/b.txt",
			"/d/?zip&name=", "/d/?zip&name=empty/", "/d/?zip&name=/", "/d/?zip&name=private", "/d/?zip&name=a;b", "/d/?zip&name=%zz", "/none/?zip", "/d/nested/?zip", "/d/.git/?zip", "/d/empty/?zip",
		} {
			if r := get(t, "GET", base+path); r.Status != 404 || r.Body != missing.Body || r.Header.Get("Content-Disposition") != "" {
				t.Errorf("%s: %d %q", path, r.Status, r.Body)
			}
		}
	})
}

// The bounds of archives are statuses, and without listings there are none.
func TestArchiveBounds(t *testing.T) {
	b, err := mem.FromMap(map[string]string{"d/a": "a", "d/b/c": "c", "d/b/e": "e", "d/.hidden": canary, "d/index.html": "index"})
	if err != nil {
		t.Fatal(err)
	}
	slots := server.NewSlots(1)
	rec := &recorder{}
	j := jailOver(t, b, allow("**"))
	for entries, status := range map[int]int{3: 413, 4: 200} {
		url := start(t, server.New(j, server.Config{List: true, Archive: server.Archives{Entries: entries}}))
		if r := get(t, "GET", url+"/d/?zip"); r.Status != status {
			t.Errorf("%d entries: %d", entries, r.Status)
		}
		if r := get(t, "HEAD", url+"/d/?zip"); r.Status != status {
			t.Errorf("HEAD, %d entries: %d", entries, r.Status)
		}
	}
	if r := get(t, "GET", start(t, server.New(j, server.Config{List: true, Archive: server.Archives{Entries: 2}}))+"/d/?zip&name=b"); r.Status != 200 {
		t.Errorf("a part within the bound: %d", r.Status)
	}
	if r := get(t, "GET", start(t, server.New(j, server.Config{}))+"/d/?zip"); r.Status != 200 || r.Body != "index" {
		t.Errorf("without List: %d %q", r.Status, r.Body)
	}

	entered, leave := make(chan struct{}), make(chan struct{})
	blocked := &hookedBackend{Backend: b, open: func(n vfs.Name) {
		if n.Base() == "a" {
			entered <- struct{}{}
			<-leave
		}
	}}
	url := start(t, server.New(jailOver(t, blocked, allow("**")), server.Config{List: true, Archive: server.Archives{Slots: slots}, Recorder: rec}))
	done := make(chan reply)
	go func() {
		r, err := try("GET", url+"/d/?zip", nil)
		if err != nil {
			t.Error(err)
		}
		done <- r
	}()
	<-entered
	if r := get(t, "GET", url+"/d/?zip"); r.Status != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("a second archive: %d", r.Status)
	}
	close(leave)
	if r := <-done; r.Status != 200 {
		t.Errorf("the first archive: %d", r.Status)
	}
	if a := rec.wait(t, 1)[0]; a.Reason != audit.ReasonArchiveBusy {
		t.Errorf("%+v", a)
	}
	blocked.open = func(vfs.Name) {}
	if r := get(t, "GET", url+"/d/?zip"); r.Status != 200 {
		t.Errorf("after that: %d", r.Status)
	}
}

// A hookedBackend calls a function before each Open.
type hookedBackend struct {
	vfs.Backend
	open func(vfs.Name)
}

func (b *hookedBackend) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	b.open(n)
	return b.Backend.Open(ctx, n, req)
}

// What changes or fails while an archive is sent breaks it.
func TestArchiveBreaks(t *testing.T) {
	for what, change := range map[string]func(b *mem.Backend, n vfs.Name) error{
		"removed": func(b *mem.Backend, n vfs.Name) error { return b.Remove(context.Background(), n, vfs.Cond{}) },
		"longer": func(b *mem.Backend, n vfs.Name) error {
			_, err := b.Put(context.Background(), n, strings.NewReader(strings.Repeat("y", 100_001)), vfs.PutOptions{})
			return err
		},
		"shorter": func(b *mem.Backend, n vfs.Name) error {
			_, err := b.Put(context.Background(), n, strings.NewReader(""), vfs.PutOptions{})
			return err
		},
	} {
		b, err := mem.FromMap(map[string]string{"d/a": strings.Repeat("x", 1<<20), "d/b": strings.Repeat("y", 100_000), "d/c": "z"})
		if err != nil {
			t.Fatal(err)
		}
		rec, changed := &recorder{}, false
		url := start(t, server.New(jailOver(t, &hookedBackend{b, func(n vfs.Name) {
			if n.Base() == "b" && !changed {
				changed = true
				if err := change(b, n); err != nil {
					t.Error(err)
				}
			}
		}}, allow("**")), server.Config{List: true, Recorder: rec, Logger: quiet}))
		r, err := try("GET", url+"/d/?zip", nil)
		if err == nil {
			t.Errorf("%s: the archive seems whole: %d, %d bytes", what, r.Status, len(r.Body))
		}
		a := rec.wait(t, 3)
		if !a[1].Aborted || a[1].Name.String() != "d/b" || a[1].Reason != audit.ReasonChanged || !a[2].Aborted || a[2].Reason != audit.ReasonChanged {
			t.Errorf("%s: %+v", what, a)
		}
	}
}

// A client has two archives at a time, so that it does not keep them from others.
func TestArchivesOfClient(t *testing.T) {
	b, err := mem.FromMap(map[string]string{"d/a": "a"})
	if err != nil {
		t.Fatal(err)
	}
	entered, leave := make(chan struct{}), make(chan struct{})
	blocked := &hookedBackend{Backend: b, open: func(vfs.Name) {
		entered <- struct{}{}
		<-leave
	}}
	h := server.New(jailOver(t, blocked, allow("**")), server.Config{List: true, Logger: quiet})
	ask := func(addr string) chan int {
		status := make(chan int, 1)
		go func() {
			r := httptest.NewRequest("GET", "/d/?zip", nil)
			r.RemoteAddr = addr
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			status <- w.Code
		}()
		return status
	}
	first, second := ask("192.0.2.1:1"), ask("192.0.2.1:2")
	<-entered
	<-entered
	if status := <-ask("192.0.2.1:3"); status != 503 {
		t.Errorf("a third archive: %d", status)
	}
	other := ask("192.0.2.2:1")
	<-entered
	close(leave)
	for _, status := range []int{<-first, <-second, <-other} {
		if status != 200 {
			t.Errorf("%d", status)
		}
	}
	go func() { <-entered }()
	if status := <-ask("192.0.2.1:3"); status != 200 {
		t.Errorf("after that: %d", status)
	}
}

// A flatBackend has objects under any keys, as S3 does, all of one time.
type flatBackend map[string]string

func (flatBackend) Caps() vfs.Caps { return vfs.Caps{Kind: "flat", Walks: true} }

func (b flatBackend) Walk(_ context.Context, dir vfs.Name) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		for _, key := range slices.Sorted(maps.Keys(b)) {
			if path, ok := strings.CutPrefix(key, dir.String()+"/"); ok && !yield(vfs.Entry{Elem: path, Size: int64(len(b[key])), ModTime: flatTime}, nil) {
				return
			}
		}
	}
}

var flatTime = time.Date(2026, 5, 4, 3, 2, 1, 500, time.UTC)

func (b flatBackend) Open(_ context.Context, n vfs.Name, _ vfs.Request) (*vfs.Object, error) {
	content, ok := b[n.String()]
	if !ok {
		return nil, &vfs.Error{Op: "get", Name: n.String(), Reason: reason.Missing}
	}
	info := vfs.Info{Name: n, Size: int64(len(content)), ModTime: flatTime.Truncate(time.Second)}
	if strings.HasSuffix(n.String(), "changed") {
		info.ModTime = flatTime.Add(time.Minute)
	}
	return &vfs.Object{Info: info, Span: vfs.Span{Length: info.Size}, Body: io.NopCloser(strings.NewReader(content))}, nil
}

func (b flatBackend) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	obj, err := b.Open(ctx, n, req)
	if err != nil {
		return vfs.Info{}, err
	}
	return obj.Info, nil
}

func (flatBackend) List(_ context.Context, dir vfs.Name, _ string) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		yield(vfs.Entry{}, &vfs.Error{Op: "list", Name: dir.String(), Reason: reason.Missing})
	}
}

func (flatBackend) Put(context.Context, vfs.Name, io.Reader, vfs.PutOptions) (vfs.Info, error) {
	return vfs.Info{}, vfs.ErrUnsupported
}

func (flatBackend) Remove(context.Context, vfs.Name, vfs.Cond) error { return vfs.ErrUnsupported }

// An object with the name of a directory could not be extracted beside it, and one that was
// replaced since its name was collected is not the one that was listed.
func TestArchiveOfKeys(t *testing.T) {
	base := start(t, server.New(jailOver(t, flatBackend{"d/a": "1", "d/a-b": "2", "d/b/c": "3", "e/a": "1", "e/a-b": "2", "e/a/b/c": "3", "f/a": "1", "f/changed": "2"}, allow("**")), server.Config{List: true, Logger: quiet}))
	for target, status := range map[string]int{"/d/?zip": 200, "/e/?zip": 422, "/e/?zip&name=a&name=a/": 422, "/e/?zip&name=a&name=a-b": 200, "/e/?zip&name=a/": 200} {
		if r := get(t, "GET", base+target); r.Status != status {
			t.Errorf("%s: %d %s", target, r.Status, r.Body)
		}
	}
	if r, err := try("GET", base+"/f/?zip", nil); err == nil {
		t.Errorf("an object that was replaced: %d", r.Status)
	}
}

// The names of the file: of the directory, of the mount, and one for neither.
func TestArchiveName(t *testing.T) {
	b, err := mem.FromMap(map[string]string{"Größe \"x\"/a": "a"})
	if err != nil {
		t.Fatal(err)
	}
	mounted, err := vfs.ParseName("pub/docs")
	if err != nil {
		t.Fatal(err)
	}
	j := jailOver(t, b, allow("**"))
	for _, c := range []struct {
		cfg          server.Config
		target, want string
	}{
		{server.Config{}, "/", "files.zip"},
		{server.Config{Mounted: mounted}, "/", "docs.zip"},
		{server.Config{Mounted: mounted}, "/" + url.PathEscape("Größe \"x\"") + "/", "Gr%C3%B6%C3%9Fe%20_x_.zip"},
	} {
		c.cfg.List = true
		r := get(t, "HEAD", start(t, server.New(j, c.cfg))+c.target+"?zip")
		if got := r.Header.Get("Content-Disposition"); !strings.HasSuffix(got, c.want) {
			t.Errorf("%s: %q, want %s", c.target, got, c.want)
		}
	}
}
