package server_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
)

// Only the path of an absolute-form target counts: for names, for links and for the
// Location of an upload.
func TestAbsoluteForm(t *testing.T) {
	k := ring(t, "one")
	p := gatePolicy()
	p.Authorize = access.Anyone()
	h := server.New(jailOver(t, gateTree(), p), server.Config{Auth: server.Auth{Links: k}, Logger: quiet})
	link := signed(t, k, links.Link{Path: "/public/p.txt"})
	for target, want := range map[string]int{
		"http://files.example/public/p.txt":     200,
		"http://u:p@files.example/public/p.txt": 200,
		"http://files.example" + link:           200,
		"http://files.example" + link + "x":     404,
		"http://files.example/public%2fp.txt":   404,
		// An HTTP URL must have a host.
		"http:///public/p.txt":       404,
		"http:/public/p.txt":         404,
		"http:/u:p@host/p.txt":       404,
		"u:p@files.example/p.txt":    404,
		"http://?/public/p.txt":      404,
		"//files.example/public":     404,
		"mailto:joe@example.org":     404,
		"http://files.example":       404,
		"http://files.example?p.txt": 404,
	} {
		if got := request(t, h, "GET", target); got.Status != want {
			t.Errorf("%s: %d, want %d", target, got.Status, want)
		}
	}
}

// FuzzLoggedTarget checks that the user and password that net/url finds in a target are not
// logged, and that targets in origin form are logged unchanged.
func FuzzLoggedTarget(f *testing.F) {
	for _, seed := range []string{
		"http://user:pass@host/a", "http://user@host", "https://a:b@[::1]:8080/x@y?z@w", "/a@b:c", "//user:pass@host/a", "user:pass@host:443",
		"http://us%40er:pa%3Ass@host/a", "http:/user:pass@host/a", "http:user:pass@host", "*", "", "http://user:1?x@host/", "x://@/", "http://u:p@h@h/",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		rec := &recorder{}
		u, err := url.ParseRequestURI(target)
		if err != nil {
			t.Skip()
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.URL, r.RequestURI = u, target
		server.New(jail(t, nil, allow("none")), server.Config{Recorder: rec, Logger: quiet}).ServeHTTP(httptest.NewRecorder(), r)
		raw := rec.wait(t, 1)[0].Raw
		sent, _, _ := strings.Cut(target, "?")
		if strings.HasPrefix(target, "/") && !strings.HasPrefix(target, "//") || !strings.Contains(target, "@") && !strings.Contains(target, "%40") {
			if raw != sent {
				t.Errorf("%q is logged as %q", target, raw)
			}
			return
		}
		if u.User != nil && u.User.String() != "" && strings.Contains(raw, u.User.String()+"@"+u.Host) {
			t.Errorf("%q is logged as %q", target, raw)
		}
		if before, _, ok := strings.Cut(raw, "***@"); ok && strings.Contains(before, "@") {
			t.Errorf("%q is logged as %q, with something before the mask", target, raw)
		}
	})
}
