package routing_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/routing"
)

var mounts = []config.Mount{
	{Path: "/"},
	{Path: "/docs"},
	{Path: "/docs/a b"},
	{Path: "/50%"},
	{Path: "/{id}/é"},
	{Path: "/docs", Host: "one.example"},
}

func find(t testing.TB, rt *routing.Router, host, target string) (mount, path string, ok bool) {
	t.Helper()
	u, err := url.ParseRequestURI(target)
	if err != nil {
		t.Fatal(err)
	}
	found, inner := rt.Find(host, u)
	if found == nil {
		return "", "", false
	}
	return string(found.Mount.Host + config.Host(found.Mount.Path)), sent(inner), true
}

// sent returns the path of a URL as it was sent. EscapedPath changes it if a character
// should have been escaped.
func sent(u *url.URL) string {
	if u.RawPath != "" {
		return u.RawPath
	}
	return u.EscapedPath()
}

func TestFind(t *testing.T) {
	rt := routing.New(mounts)
	for _, c := range []struct{ host, target, mount, path string }{
		{"x", "/", "/", "/"},
		{"x", "/index.html", "/", "/index.html"},
		{"x", "/docs", "/docs", ""},
		{"x", "/docs/", "/docs", "/"},
		{"x", "/docsx", "/", "/docsx"},
		{"x", "/docs/a%20b/c", "/docs/a b", "/c"},
		{"x", "/docs/a+b/c", "/docs", "/a+b/c"},
		{"x", "/d%6Fcs/a%20b", "/docs/a b", ""},
		{"x", "/docs%2Fa%20b/c", "/", "/docs%2Fa%20b/c"}, // an escaped slash does not separate elements
		{"x", "/docs/a%20b%2Fc", "/docs", "/a%20b%2Fc"},
		{"x", "/docs/../docs/x", "/docs", "/../docs/x"},
		{"x", "//docs/x", "/", "//docs/x"},
		{"x", "/DOCS/x", "/", "/DOCS/x"},
		{"x", "/50%25/x", "/50%", "/x"},
		{"x", "/%7Bid%7D/%C3%A9/x", "/{id}/é", "/x"},
		{"x", "/7/%C3%A9/x", "/", "/7/%C3%A9/x"}, // braces are literal
		{"one.example", "/docs/x", "one.example/docs", "/x"},
		{"ONE.Example.:8080", "/docs/x", "one.example/docs", "/x"},
		{"one.example", "/docs/a%20b/c", "one.example/docs", "/a%20b/c"}, // a mount with a host takes precedence
		{"one.example", "/other", "/", "/other"},
		{"[::1]:8080", "/docs/x", "/docs", "/x"},
	} {
		mount, path, ok := find(t, rt, c.host, c.target)
		if !ok || mount != c.mount || path != c.path {
			t.Errorf("%s%s: %s at %q, want %s at %q", c.host, c.target, path, mount, c.path, c.mount)
		}
	}
	if _, _, ok := find(t, routing.New(mounts[1:]), "x", "/other"); ok {
		t.Error("a path outside all mounts has a mount")
	}
}

func TestHasURL(t *testing.T) {
	rt := routing.New(mounts)
	at := func(host, path string) string {
		var has []string
		for i := range rt.Routes {
			m := rt.Routes[i].Mount
			if rt.HasURL(m)(host, path) {
				has = append(has, string(m.Host+config.Host(m.Path)))
			}
		}
		return strings.Join(has, " ")
	}
	for _, c := range [][3]string{
		{"one.example", "/docs/x", "one.example/docs"}, {"", "/docs/x", "/docs"}, {"", "/docs/a%20b/x", "/docs/a b"}, {"", "relative", ""}, {"", "/%zz", ""},
	} {
		if got := at(c[0], c[1]); got != c[2] {
			t.Errorf("%s%s has to %q, want %q", c[0], c[1], got, c[2])
		}
	}
}

// The mount gets a copy of the request: the log still has the original path.
func TestServeHTTP(t *testing.T) {
	rt := routing.New(mounts[1:2])
	rt.Routes[0].Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(r.URL.Path)) })
	rt.Nothing = http.NotFoundHandler()
	for target, want := range map[string]string{"/docs/a": "/a", "/docs": "", "/x": "404 page not found\n"} {
		r := httptest.NewRequest("GET", target, nil)
		w := httptest.NewRecorder()
		rt.ServeHTTP(w, r)
		if w.Body.String() != want || r.URL.Path != target {
			t.Errorf("%s: %q, request path %s", target, w.Body, r.URL.Path)
		}
	}
}

// FuzzFind compares with a simple implementation: split the path as it was sent, decode
// each element, and choose the mount with the longest matching prefix of elements.
func FuzzFind(f *testing.F) {
	for _, target := range []string{"/docs/a%20b/c", "/docs%2fa", "/d%6Fcs/", "/50%25", "//docs", "/docs/a b/%2e%2e", "/%7bid}/%c3%a9/"} {
		f.Add(target)
	}
	rt := routing.New(mounts[:5])
	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || !strings.HasPrefix(sent(u), "/") {
			return
		}
		raw := strings.Split(sent(u), "/")[1:]
		elements := make([]string, len(raw))
		for i, e := range raw {
			if elements[i], err = url.PathUnescape(e); err != nil {
				t.Fatal(err)
			}
		}
		want, rest := "/", sent(u)
		for i := range mounts[1:5] {
			path := string(mounts[1+i].Path)
			own := strings.Split(path[1:], "/")
			if len(own) <= len(elements) && slices.Equal(own, elements[:len(own)]) && len(path) > len(want) {
				want, rest = path, ""
				if below := raw[len(own):]; len(below) > 0 {
					rest = "/" + strings.Join(below, "/")
				}
			}
		}
		mount, path, ok := find(t, rt, "x", target)
		if !ok || mount != want || path != rest {
			t.Errorf("%q: %q at %q, want %q at %q", target, path, mount, rest, want)
		}
	})
}

// The path of a mount is taken from enclosing mounts if it gets all of those requests.
func TestTaken(t *testing.T) {
	for i, want := range []string{
		"docs docs/a b 50% {id}/é",
		"a b",
		"",
		"",
		"",
		"",
	} {
		var got []string
		for _, n := range routing.Taken(mounts, &mounts[i], "") {
			got = append(got, n.String())
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%s%s: %q, want %q", mounts[i].Host, mounts[i].Path, text, want)
		}
	}
}

// BenchmarkFind finds the mount of a request among few and many.
func BenchmarkFind(b *testing.B) {
	for _, n := range []int{1, 100} {
		mounts := make([]config.Mount, n)
		for i := range mounts {
			mounts[i] = config.Mount{Path: config.MountPath(fmt.Sprintf("/mount%03d", i))}
		}
		rt := routing.New(mounts)
		u := &url.URL{Path: fmt.Sprintf("/mount%03d/docs/guide/install.html", n-1)}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if found, _ := rt.Find("localhost", u); found == nil {
					b.Fatal("not found")
				}
			}
		})
	}
}
