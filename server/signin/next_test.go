package signin_test

import (
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/signin"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// redirects are values of next that lead some browser or server elsewhere.
var redirects = []string{
	"//evil.example", "//evil.example/", "///evil.example", "////evil.example//", "/\\evil.example", "\\\\evil.example", "\\/evil.example", "/\\/evil.example",
	"http://evil.example", "https:evil.example", "https:/evil.example", "HTTPS://evil.example", "javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "vbscript:x",
	"evil.example", "@evil.example", ".evil.example", "/@/../..//evil.example", "/..//evil.example", "/.//evil.example", "/%2e%2e//evil.example",
	"/%2f/evil.example", "/%2fevil.example", "/%2Fevil.example", "%2f%2fevil.example", "/%5cevil.example", "/%5Cevil.example", "/%09/evil.example", "/\t/evil.example", "\t//evil.example",
	"/\n/evil.example", "/\r\nLocation: https://evil.example", "/%0d%0aLocation:%20https://evil.example", "/a\r\nSet-Cookie: x=y", " //evil.example", " /a", "/\x00/evil.example", "/%00",
	"/\u2028/evil.example", "/\u202e/evil.example", "/\ufeff/evil.example", "/\xff", "/%ff", "/%zz", "/a/../../b", "/a/./b", "/a//b", "", "?", "#", "*", ".", "..", "~",
	"https://files.example@evil.example/", "//files.example@evil.example/", "/.bailiwick/login", "/.bailiwick/logout", "/.bailiwick", "/.bailiwick/login/oidc?next=/", "/%2ebailiwick/logout",
	"/.bailiwick/shares/x", "/.bailiwick/s/x/",
}

// pages are values of next that are kept.
var pages = map[string]string{
	"/": "/", "/docs": "/docs", "/docs/": "/docs/", "/docs/a%20b.txt": "/docs/a%20b.txt", "/docs/%61.txt": "/docs/a.txt", "/caf\u00e9/": "/caf%C3%A9/",
	"/http:/evil.example": "/http%3A/evil.example", "/a:b": "/a%3Ab", "/..i": "/..i", "/docs/?q=a+b&sort=name": "/docs/?q=a+b&sort=name", "/docs/?next=//evil.example": "/docs/?next=//evil.example",
	"/docs/?a\r\nb": "/docs/", "/docs/?<script>": "/docs/", "/docs/?" + strings.Repeat("q", 4096): "/docs/", "/.bailiwicks": "/.bailiwicks",
	"/.bailiwick/shares?path=/a": "/.bailiwick/shares?path=/a", "/%2ebailiwick/shares": "/.bailiwick/shares", "/a?": "/a",
}

// wantHere fails if a browser leaves the server with a Location, or the value has a form that
// some browser reads differently.
func wantHere(t *testing.T, given, location string) {
	t.Helper()
	base, err := url.Parse("https://files.example/.bailiwick/login")
	if err != nil {
		t.Fatal(err)
	}
	u, err := base.Parse(location)
	if err != nil || u.Host != "files.example" || u.Scheme != "https" || u.User != nil {
		t.Errorf("%q leads to %v, %v", given, u, err)
	}
	path, _, _ := strings.Cut(location, "?")
	elements := strings.Split(path, "/")
	if !strings.HasPrefix(path, "/") || strings.Contains(path, "//") || strings.Contains(location, "\\") ||
		slices.Contains(elements, ".") || slices.Contains(elements, "..") || strings.ContainsFunc(location, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		t.Errorf("%q gives %q", given, location)
	}
}

func TestNext(t *testing.T) {
	for _, given := range redirects {
		if got := signin.NextPath(given); got != "/" {
			t.Errorf("%q gives %q", given, got)
		}
	}
	for given, want := range pages {
		got := signin.NextPath(given)
		if got != want {
			t.Errorf("%q gives %q, want %q", given, got, want)
		}
		wantHere(t, given, got)
	}
	for given := range pages {
		if got := signin.NextPath(signin.NextPath(given)); got != signin.NextPath(given) {
			t.Errorf("%q is not stable: %q", given, got)
		}
	}
}

// TestNextControl: a server that only looks at the first character sends browsers elsewhere.
func TestNextControl(t *testing.T) {
	fooled := 0
	for _, given := range redirects {
		if !strings.HasPrefix(given, "/") {
			continue
		}
		// As browsers read it: backslashes are slashes, and tabs and line ends are nothing.
		u, err := url.Parse(strings.NewReplacer("\\", "/", "\t", "", "\r", "", "\n", "").Replace(given))
		if err == nil && u.Host != "" {
			fooled++
		}
	}
	if fooled < 5 {
		t.Errorf("only %d values fool the control", fooled)
	}
}

// TestNextCorpus takes known open redirects from a file, where there is one.
func TestNextCorpus(t *testing.T) {
	payloads, err := vfstest.Corpus(os.Getenv(vfstest.CorpusVariable))
	if err != nil {
		t.Fatal(err)
	}
	payloads = slices.DeleteFunc(payloads, func(p vfstest.Payload) bool { return !strings.Contains(p.File, "redirect") })
	if len(payloads) == 0 {
		t.Skipf("%s names no directory with a file of redirects", vfstest.CorpusVariable)
	}
	s := newSite(t)
	for _, payload := range payloads {
		for _, given := range []string{payload.Raw, "/" + payload.Raw} {
			wantHere(t, given, signin.NextPath(given))
			// A payload of a query is decoded once before.
			if decoded, err := url.QueryUnescape(given); err == nil {
				wantHere(t, given, signin.NextPath(decoded))
			}
		}
		if resp := s.do("POST", signin.Logout, url.Values{"next": {payload.Raw}}.Encode()); resp.StatusCode != http.StatusSeeOther {
			t.Errorf("%q: %d", payload.Raw, resp.StatusCode)
		} else {
			wantHere(t, payload.Raw, resp.Header.Get("Location"))
		}
	}
}

func FuzzNext(f *testing.F) {
	for _, given := range redirects {
		f.Add(given)
	}
	for given := range pages {
		f.Add(given)
	}
	f.Fuzz(func(t *testing.T, given string) {
		got := signin.NextPath(given)
		wantHere(t, given, got)
		if again := signin.NextPath(got); again != got {
			t.Errorf("%q gives %q, and that %q", given, got, again)
		}
	})
}
