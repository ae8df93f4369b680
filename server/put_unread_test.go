package server_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// untouched is a body that records whether it was read.
type untouched struct{ read bool }

func (u *untouched) Read([]byte) (int, error) {
	u.read = true
	return 0, http.ErrBodyReadAfterClose
}

func (u *untouched) Close() error { return nil }

// TestPutDecidedBeforeTheBody: a PUT that cannot succeed gets the same response on every
// backend, before any of the body is read. So a client that waits for 100 (Continue) does
// not send its body, and an invalid body does not change the response.
func TestPutDecidedBeforeTheBody(t *testing.T) {
	eachWritable(t, func(t *testing.T, b vfs.Backend) {
		h := server.New(jailOver(t, b, allow("**")), server.Config{Write: true, Logger: quiet})
		tags := map[string]string{}
		for _, name := range []string{"file", "dir/x", "dir/sub/y"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("PUT", "/"+name, strings.NewReader("version of "+name)).WithContext(t.Context()))
			if tags[name] = w.Header().Get("Etag"); w.Code != 201 || tags[name] == "" {
				t.Fatalf("PUT %s: %d with ETag %q", name, w.Code, tags[name])
			}
		}
		current := tags["file"]
		for _, c := range []struct {
			name, header, value string
			status              int
		}{
			{"file", "If-None-Match", "*", 412},
			{"file", "If-None-Match", current, 412},
			{"file", "If-None-Match", `"other", ` + current, 412},
			{"file", "If-Match", `"other"`, 412},
			{"file", "If-Match", `"other", "another"`, 412},
			{"file", "If-Match", "W/" + current, 412},
			{"file", "If-Unmodified-Since", "Mon, 02 Jan 2006 15:04:05 GMT", 412},
			{"new", "If-Match", "*", 412},
			{"new", "If-Match", `"other"`, 412},
			{"dir/new", "If-Match", "*", 412},
			{"new/new/new", "If-Match", "*", 412},
			{"FILE", "If-Match", "*", 412},
			{"FILE", "", "", 409},
			{"FILE", "If-None-Match", "*", 409},
			{"dir", "", "", 404},
			{"dir", "If-None-Match", "*", 404},
			{"dir", "If-Match", "*", 404},
			{"dir", "If-Match", current, 404},
			{"dir/sub", "If-None-Match", "*", 404},
			{"dir/sub", "If-Match", "*", 404},
			{"file/x", "", "", 404},
			{"file/x", "If-None-Match", "*", 404},
			{"file/x", "If-Match", "*", 404},
			{"file/x", "If-Match", current, 404},
			{"file/x/y", "", "", 404},
			{"dir/x/y/z", "If-Match", "*", 404},
		} {
			body := &untouched{}
			r := httptest.NewRequest("PUT", "/"+c.name, body).WithContext(t.Context())
			r.ContentLength = 5
			if c.header != "" {
				r.Header.Set(c.header, c.value)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != c.status || body.read {
				t.Errorf("PUT %s with %s: %s: %d, body read: %t, want %d and not read", c.name, c.header, c.value, w.Code, body.read, c.status)
			}
			if tag := w.Header().Get("Etag"); c.status == 412 && tag != tags[c.name] {
				t.Errorf("PUT %s with %s: %s: ETag %q, want %q", c.name, c.header, c.value, tag, tags[c.name])
			}
		}
		if all := contents(t, b); len(all) != len(tags) {
			t.Errorf("%d objects are stored", len(all))
		}
	})
}
