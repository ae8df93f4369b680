package vfs_test

import (
	"archive/zip"
	"bytes"
	"context"
	"embed"
	"errors"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

//go:embed testdata/site
var embedded embed.FS

const siteDir = "testdata/site"

// siteFiles are the files of the test's site, all of them served under "**".
var siteFiles = []string{"docs/digits.txt", "docs/guide.html", "docs/img/map.png", "index.html", "templates/page.tmpl"}

// sites returns the same site in each available kind of file system.
func sites(t *testing.T) map[string]fs.FS {
	t.Helper()
	onDisk := os.DirFS(siteDir)
	inBinary, err := fs.Sub(embedded, siteDir)
	if err != nil {
		t.Fatal(err)
	}
	inMap := fstest.MapFS{}
	var packed bytes.Buffer
	w := zip.NewWriter(&packed)
	if err := w.AddFS(onDisk); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	inZip, err := zip.NewReader(bytes.NewReader(packed.Bytes()), int64(packed.Len()))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range siteFiles {
		data, err := fs.ReadFile(onDisk, n)
		if err != nil {
			t.Fatal(err)
		}
		inMap[n] = &fstest.MapFile{Data: data}
	}
	return map[string]fs.FS{"directory": onDisk, "embed": inBinary, "map": inMap, "zip": inZip}
}

func TestFS(t *testing.T) {
	for name, fsys := range sites(t) {
		t.Run(name, func(t *testing.T) {
			b := vfs.FromFS(fsys)
			all := mustJail(t, b, vfs.Policy{Allow: vfs.Patterns("**")})
			if err := fstest.TestFS(all, siteFiles...); err != nil {
				t.Error(err)
			}
			some := mustJail(t, b, vfs.Policy{Allow: vfs.Patterns("**/*.html", "docs/img/*"), Deny: vfs.Patterns("INDEX.html")})
			if err := fstest.TestFS(some, "docs/guide.html", "docs/img/map.png"); err != nil {
				t.Error(err)
			}
			var walked []string
			err := fs.WalkDir(some, ".", func(path string, d fs.DirEntry, err error) error {
				walked = append(walked, path)
				return err
			})
			if want := []string{".", "docs", "docs/guide.html", "docs/img", "docs/img/map.png"}; err != nil || !slices.Equal(walked, want) {
				t.Errorf("walked %q, %v, want %q", walked, err, want)
			}
			bound := all.WithContext(t.Context())
			if err := fstest.TestFS(bound, siteFiles...); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFSRefuses(t *testing.T) {
	j := mustJail(t, vfs.FromFS(os.DirFS(siteDir)), vfs.Policy{Allow: vfs.Patterns("docs/*.html")})
	for name, why := range map[string]vfs.Reason{
		"index.html": reason.PolicyNoAllow, "docs/digits.txt": reason.PolicyNoAllow, "templates": reason.PolicyNoAllow,
		"docs/missing.html": reason.Missing, "docs/img": reason.PolicyNoAllow, "../site/index.html": reason.NameDotDot, "": reason.NameEmpty, "/docs": reason.NameSlash,
	} {
		_, openErr := j.Open(name)
		_, statErr := j.Stat(name)
		_, readErr := j.ReadFile(name)
		_, listErr := j.ReadDir(name)
		for _, err := range []error{openErr, statErr, readErr, listErr} {
			var pe *fs.PathError
			if !errors.As(err, &pe) || pe.Path != name || !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), siteDir) {
				t.Errorf("%q: %v", name, err)
			}
		}
		if vfs.ReasonOf(readErr) != why {
			t.Errorf("%q: %s, want %s", name, vfs.ReasonOf(readErr), why)
		}
	}
	if _, err := j.ReadFile("docs"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reading a directory: %v", err)
	}
	if _, err := j.ReadDir("docs/guide.html"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("listing a file: %v", err)
	}
}

func TestSubAndGlob(t *testing.T) {
	j := mustJail(t, vfs.FromFS(os.DirFS(siteDir)), vfs.Policy{Allow: vfs.Patterns("docs/**"), Deny: vfs.Patterns("**/*.txt")})
	docs, err := j.Sub("docs")
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(docs, "guide.html", "img/map.png"); err != nil {
		t.Error(err)
	}
	img, err := fs.Sub(docs, "img")
	if err != nil {
		t.Fatal(err)
	}
	if data, err := fs.ReadFile(img, "map.png"); err != nil || len(data) == 0 {
		t.Errorf("img/map.png: %q, %v", data, err)
	}
	for _, name := range []string{"../../index.html", "..", "../guide.html", "/map.png", "index.html"} {
		if _, err := fs.ReadFile(img, name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q below docs/img: %v", name, err)
		}
	}
	if _, err := j.Sub(".."); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Sub(..): %v", err)
	}
	if same, err := j.Sub("."); err != nil || fstest.TestFS(same, "docs/guide.html") != nil {
		t.Errorf("Sub(.): %v", err)
	}
	for pattern, want := range map[string][]string{"*": {"docs"}, "docs/*": {"docs/guide.html", "docs/img"}, "*/*/*.png": {"docs/img/map.png"}, "index.html": nil, "docs/digits.txt": nil} {
		if got, err := j.Glob(pattern); err != nil || !slices.Equal(got, want) {
			t.Errorf("Glob(%s) = %q, %v, want %q", pattern, got, err, want)
		}
	}
	if _, err := j.Glob("["); err == nil {
		t.Error("Glob took a bad pattern")
	}
}

// Users of an fs.FS accept a Jail.
func TestUsersOfFS(t *testing.T) {
	j := mustJail(t, vfs.FromFS(os.DirFS(siteDir)), vfs.Policy{Allow: vfs.Patterns("docs/**", "templates/*")})

	tmpl, err := template.ParseFS(j, "templates/*.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := tmpl.Execute(&out, "reader"); err != nil || out.String() != "Hello reader!\n" {
		t.Errorf("the template says %q, %v", out.String(), err)
	}

	var packed bytes.Buffer
	w := zip.NewWriter(&packed)
	if err := w.AddFS(j); err != nil {
		t.Fatal(err)
	}
	w.Close()
	r, err := zip.NewReader(bytes.NewReader(packed.Bytes()), int64(packed.Len()))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.File {
		if f.Name == "index.html" {
			t.Error("the archive contains a name that is not allowed")
		}
	}
	if err := fstest.TestFS(r, "docs/guide.html", "docs/img/map.png", "docs/digits.txt", "templates/page.tmpl"); err != nil {
		t.Error(err)
	}

	server := httptest.NewServer(http.FileServerFS(j))
	defer server.Close()
	for _, c := range []struct {
		path, rng string
		status    int
		body      string
	}{
		{"/docs/digits.txt", "", 200, "0123456789abcdefghijklmnopqrstuvwxyz\n"},
		{"/docs/digits.txt", "bytes=3-5", 206, "345"},
		{"/docs/digits.txt", "bytes=-3", 206, "yz\n"},
		{"/docs/digits.txt", "bytes=30-", 206, "uvwxyz\n"},
		{"/docs/digits.txt", "bytes=100-", 416, "invalid range: failed to overlap\n"},
		{"/docs/missing", "", 404, "404 page not found\n"},
		{"/docs/%2e%2e/secret", "", 404, "404 page not found\n"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.rng != "" {
			req.Header.Set("Range", c.rng)
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != c.status || string(body) != c.body {
			t.Errorf("%s %s: %d %q, %v", c.path, c.rng, resp.StatusCode, body, err)
		}
	}
}

// A file system bound to a context passes on its principal, and stops when the context
// is done.
func TestWithContext(t *testing.T) {
	type key struct{}
	j := mustJail(t, vfs.FromFS(os.DirFS(siteDir)), vfs.Policy{
		Allow: vfs.Patterns("**"),
		Authorize: vfs.AuthorizeFunc(func(ctx context.Context, _ vfs.Op, _ vfs.Name) error {
			if ctx.Value(key{}) == nil {
				return errors.New("no principal")
			}
			return nil
		}),
	})
	if _, err := j.ReadFile("index.html"); vfs.ReasonOf(err) != reason.AuthDenied {
		t.Errorf("without a principal: %v", err)
	}
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "alice"))
	fsys := j.WithContext(ctx)
	sub, err := fs.Sub(fsys, "docs")
	if err != nil {
		t.Fatal(err)
	}
	f, err := sub.Open("digits.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	buf := make([]byte, 4)
	if n, err := f.Read(buf); n != 4 || err != nil {
		t.Fatal(n, err)
	}
	cancel()
	if n, err := f.Read(buf); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("a read after cancel: %d, %v", n, err)
	}
	if _, err := fs.ReadFile(fsys, "index.html"); !errors.Is(err, context.Canceled) {
		t.Errorf("an open after cancel: %v", err)
	}
	if _, err := fs.ReadDir(fsys, "docs"); !errors.Is(err, context.Canceled) {
		t.Errorf("a listing after cancel: %v", err)
	}
}
