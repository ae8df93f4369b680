package server_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A listing shows objects that would be served, and directories that contain such objects.
// Every other directory is answered like a missing one.
func TestListingShowsWhatIsServed(t *testing.T) {
	eachWritable(t, func(t *testing.T, b vfs.Backend) {
		plant(t, b, "top.html", "full/a.html", "deep/1/2/a.html", "notes/a.txt", "deepnotes/1/2/a.txt", "dots/.env.html", "denied/secret/a.html")
		h := server.New(jailOver(t, b, vfs.Policy{Allow: vfs.Patterns("**/*.html"), Deny: vfs.Patterns("**/secret")}), server.Config{List: true})
		r := request(t, h, "GET", "/", "Accept", "application/json")
		var page jsonPage
		if err := json.Unmarshal([]byte(r.Body), &page); err != nil {
			t.Fatalf("%v in %q", err, r.Body)
		}
		var got []string
		for _, e := range page.Entries {
			got = append(got, e.Name)
		}
		if b.Caps().Directories && !slices.Equal(got, []string{"deep", "full", "top.html"}) {
			t.Errorf("listed %q", got)
		}
		for _, path := range []string{"/notes", "/dots", "/deepnotes/1/2", "/denied/secret"} {
			for _, suffix := range []string{"", "/", "/?limit=1", "/?after=zzz"} {
				for _, method := range []string{"GET", "HEAD"} {
					for _, accept := range []string{"text/html", "application/json"} {
						there := request(t, h, method, path+suffix, "Accept", accept)
						same(t, method+" "+path+suffix, there, request(t, h, method, "/missing"+suffix, "Accept", accept))
					}
				}
			}
		}
		for path, want := range map[string]int{"/deep/": 200, "/deep/1/2/": 200, "/full/?after=zzz": 200, "/full/": 200} {
			if r := request(t, h, "GET", path, "Accept", "application/json"); r.Status != want {
				t.Errorf("%s: %d, want %d", path, r.Status, want)
			}
		}
		if !b.Caps().Directories {
			return
		}
		for path, want := range map[string]int{"/deep": 308, "/full": 308, "/deepnotes": 404, "/deepnotes/": 404, "/denied": 404, "/denied/": 404} {
			if r := request(t, h, "GET", path); r.Status != want {
				t.Errorf("%s: %d, want %d", path, r.Status, want)
			}
		}
	})
	// The root is listed even if it has no visible entries.
	h := server.New(jail(t, map[string]string{"a.txt": "a"}, allow("**/*.html")), server.Config{List: true})
	if r := request(t, h, "GET", "/", "Accept", "application/json"); r.Status != http.StatusOK || !strings.Contains(r.Body, `"entries":[]`) {
		t.Errorf("the top: %d %s", r.Status, r.Body)
	}
}
