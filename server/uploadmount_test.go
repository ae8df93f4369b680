package server_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// mountedUploads returns uploads at /in/my files, which also receive requests for that path
// without a slash.
func mountedUploads(t testing.TB, cfg server.UploadConfig) (http.Handler, *uploadSite) {
	t.Helper()
	var err error
	if cfg.Mounted, err = vfs.ParseName("in/my files"); err != nil {
		t.Fatal(err)
	}
	s := newUploads(t, cfg)
	return http.StripPrefix("/in/my files", s.handler), s
}

// TestUploadMountRedirects: the path of the mount is redirected to the same path with a
// slash. The Location is made from the configured path alone, not from the request.
func TestUploadMountRedirects(t *testing.T) {
	h, s := mountedUploads(t, server.UploadConfig{})
	for _, method := range []string{"GET", "HEAD", "POST"} {
		for _, target := range []string{"/in/my%20files", "/in/my%20files?x=//evil.example", "http://evil.example/in/my%20files"} {
			r := request(t, h, method, target, "Content-Disposition", "attachment; filename=a", "X-Forwarded-Prefix", "//evil.example", "Accept", "text/html")
			if r.Status != 308 || r.Body != "" || r.Header.Get("Location") != "./my%20files/" || r.Header.Get("Cache-Control") != "private, no-store" {
				t.Errorf("%s %s: %d %q %v", method, target, r.Status, r.Body, r.Header)
			}
		}
	}
	s.wantEmpty(t, "redirects")
	same(t, "a target without a host", request(t, h, "GET", "http:///in/my%20files"), request(t, h, "GET", "/in/my%20files/"))
	same(t, "DELETE", request(t, h, "DELETE", "/in/my%20files"), request(t, h, "DELETE", "/in/my%20files/"))
	// Without Mounted, nothing is redirected.
	plain := http.StripPrefix("/in/my files", newUploads(t, server.UploadConfig{}).handler)
	if r := request(t, plain, "GET", "/in/my%20files"); r.Status != 404 {
		t.Errorf("without Mounted: GET: %d", r.Status)
	}
	if r := request(t, plain, "POST", "/in/my%20files"); r.Status != 405 {
		t.Errorf("without Mounted: POST: %d", r.Status)
	}
}

// TestUploadMountTellsNothing: only callers who may upload are redirected. All others get
// what the path with a slash gives them.
func TestUploadMountTellsNothing(t *testing.T) {
	who := people{"alice": {Name: "alice"}, "bob": {Name: "bob"}}
	upload := access.Rule{Who: "user:alice", Can: can(vfs.OpUpload)}
	read := access.Rule{Who: "anyone", Can: can(vfs.OpRead)}
	for name, list := range map[string]*access.List{
		"some upload":               rules(t, nil, upload),
		"some upload, anyone reads": rules(t, nil, upload, read),
		"nobody uploads":            rules(t, nil, read),
	} {
		h, s := mountedUploads(t, server.UploadConfig{Auth: server.Auth{Authenticator: chain(who)}, Authorize: server.UploadRules(list)})
		for _, method := range []string{"GET", "HEAD", "POST"} {
			for _, caller := range [][]string{nil, as("alice"), as("bob"), as("nobody"), as("old")} {
				for _, more := range [][]string{nil, {"Sec-Fetch-Site", "cross-site"}, {"If-Match", "*"}} {
					headers := append(append([]string{"Content-Disposition", "attachment; filename=a"}, caller...), more...)
					what := fmt.Sprint(name, ": ", method, headers)
					got, want := request(t, h, method, "/in/my%20files", headers...), request(t, h, method, "/in/my%20files/", headers...)
					may := len(caller) > 0 && caller[1] == as("alice")[1] && name != "nobody uploads" && !(method == "POST" && more != nil && more[0] == "Sec-Fetch-Site")
					if (got.Status == 308) != may {
						t.Errorf("%s: %d, want a redirect: %t", what, got.Status, may)
					}
					if !may {
						same(t, what, got, want)
					}
				}
			}
		}
		if name == "nobody uploads" {
			s.wantEmpty(t, name)
		}
	}
}

// TestUploadMountByLink: a link to the path of the mount is not redirected, since the
// redirect would drop the link, and would not count as a use.
func TestUploadMountByLink(t *testing.T) {
	k := ring(t, "one")
	h, _ := mountedUploads(t, server.UploadConfig{Auth: server.Auth{Links: k, Uses: &links.Memory{}}, Authorize: server.UploadRules(rules(t, nil, access.Rule{Who: "user:alice", Can: can(vfs.OpUpload)}))})
	want := request(t, h, "GET", "/in/my%20files/")
	for _, user := range []string{"", "alice"} {
		got := request(t, h, "GET", signed(t, k, links.Link{Path: "/in/my%20files", User: user, Uses: 1}))
		if got.Status != 404 {
			t.Errorf("for %q: %d %v", user, got.Status, got.Header)
			continue
		}
		same(t, user, got, want)
	}
}

// TestUploadMountReadsNoBody: a redirect is sent without processing the body, and nothing
// of it is stored.
func TestUploadMountReadsNoBody(t *testing.T) {
	b := counted(mem.New())
	cfg := server.UploadConfig{}
	cfg.Mounted, _ = vfs.ParseName("files")
	h := http.StripPrefix("/files", newUploadsOver(t, b, cfg).handler)
	url := start(t, h)
	if got := whole(t, "POST", url+"/files", 20<<20); got != 308 {
		t.Errorf("a client that sends the whole body first: %d", got)
	}
	if n := b.calls.Load(); n != 0 {
		t.Errorf("the backend was called %d times", n)
	}
}
