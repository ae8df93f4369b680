package server_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// originOf is the Origin that a browser sends with a form, by the policy of the page that has it
// (Fetch standard, "append a request Origin header").
func originOf(page reply) string {
	if page.Header.Get("Referrer-Policy") == "no-referrer" {
		return "null"
	}
	return "http://files.example"
}

// TestShareFormsWithoutTLS sends the forms of shares as a browser does over plain HTTP, where it
// says only by Origin which page the form was on. Other sites still cannot send them.
func TestShareFormsWithoutTLS(t *testing.T) {
	s := newSharing(t)
	locked := s.share("alice", fields{"path": "/files/docs/pub", "password": "right"}).URL
	drop := s.share("alice", fields{"path": "/files/drop", "upload": true}).URL
	files, filesType := filesForm("a.txt", "sent")
	page := []string{"Accept", "text/html,*/*;q=0.8"}
	for _, c := range []struct {
		what, target, body string
		headers            []string
		want               int
	}{
		{"a wrong password", locked, "password=wrong", []string{"Content-Type", "application/x-www-form-urlencoded"}, 401},
		{"the password", locked, "password=right", []string{"Content-Type", "application/x-www-form-urlencoded"}, 303},
		{"files", drop, files, filesType, 201},
	} {
		asked := s.get(c.target, page...)
		if !strings.Contains(asked.Body, `<form method="post"`) || asked.Header.Get("Referrer-Policy") == "" {
			t.Fatalf("%s: %d %v %s", c.what, asked.Status, asked.Header, asked.Body)
		}
		headers := append(c.headers, page...)
		got := s.send("POST", c.target, c.body, append(headers, "Origin", originOf(asked))...)
		if got.Status != c.want {
			t.Errorf("%s: %d %q, want %d", c.what, got.Status, got.Body, c.want)
		}
		if strings.Contains(got.Body, `<form method="post"`) {
			if r := s.send("POST", c.target, "password=right", append(headers, "Origin", originOf(got))...); r.Status != 303 {
				t.Errorf("%s, then the right one: %d %q", c.what, r.Status, r.Body)
			}
		}
		for _, other := range []string{"null", "http://files.example.net", "http://files.example:8080"} {
			if r := s.send("POST", c.target, c.body, append(headers, "Origin", other)...); r.Status != 404 {
				t.Errorf("%s, from %s: %d", c.what, other, r.Status)
			}
		}
	}
}

// TestShareFilesTrusted: where a mount serves what is stored here as the operator's own, nobody
// makes a file request, and none that was made before is there.
func TestShareFilesTrusted(t *testing.T) {
	s := newSharing(t)
	ask := fields{"path": "/files/drop", "upload": true}
	drop := s.share("alice", ask).URL
	locked := s.share("alice", fields{"path": "/files/drop", "upload": true, "password": "pw"}).URL
	for what, c := range map[string]struct {
		content server.Content
		beside  []server.Config
		trusted bool
	}{
		"itself":               {server.ContentTrusted, nil, true},
		"another mount":        {server.ContentAuto, []server.Config{{Content: server.ContentUntrusted}, {Write: true, Content: server.ContentTrusted}}, true},
		"a mount for reading":  {server.ContentUntrusted, []server.Config{{}}, true},
		"untrusted":            {server.ContentUntrusted, []server.Config{{Content: server.ContentUntrusted}}, false},
		"untrusted by default": {server.ContentAuto, []server.Config{{Write: true}}, false},
	} {
		s.change = func(cfg *server.ShareConfig) {
			cfg.Mounts[0].Config.Content, cfg.Mounts[0].Beside = c.content, c.beside
		}
		s.apply()
		body, headers := filesForm("evil.html", "<script>fetch('/')</script>")
		sent, made := s.send("POST", drop, body, headers...), s.post("alice", ask)
		if !c.trusted {
			if sent.Status != 201 || made.Status != 201 {
				t.Errorf("%s: %d, and a new one %d", what, sent.Status, made.Status)
			}
			continue
		}
		if made.Status != 409 || !strings.Contains(made.Body, "as its own") {
			t.Errorf("%s: made with %d %q", what, made.Status, made.Body)
		}
		if r := s.post("bob", ask); r.Status != 404 {
			t.Errorf("%s: for a user who may not, %d", what, r.Status)
		}
		if sent.Status != 404 {
			t.Errorf("%s: sent with %d", what, sent.Status)
		}
		s.gone(what, drop)
		s.gone(what+", with a password", locked, browser...)
		if r := s.post("alice", fields{"path": "/files/docs/pub/deep/b.html"}); r.Status != 201 {
			t.Errorf("%s: to show a file, %d", what, r.Status)
		}
	}
}

// TestShareFilesTooLarge: a form that is larger than what the server keeps of forms is refused
// by its header, before any of it is read.
func TestShareFilesTooLarge(t *testing.T) {
	s := newSharing(t)
	link := s.share("alice", fields{"path": "/files/drop", "upload": true}).URL
	for size, want := range map[int64]int{1 << 30: http.StatusCreated, 1<<30 + 1: http.StatusRequestEntityTooLarge} {
		body, headers := filesForm("a.txt", "sent")
		r := httptest.NewRequest("POST", link, strings.NewReader(body))
		r.Header.Set(headers[0], headers[1])
		r.ContentLength, r.Host = size, "files.example"
		w := httptest.NewRecorder()
		s.h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%d bytes: %d %q, want %d", size, w.Code, w.Body, want)
		}
	}
}

// TestShareExpiresSoon makes shares that are over before they are stored, and before the answer
// is. It takes time to make the hash of a password.
func TestShareExpiresSoon(t *testing.T) {
	s := newSharing(t)
	for _, expires := range []string{"1us", "1ms", "20ms"} {
		for _, password := range []string{"", "pw"} {
			s.share("alice", fields{"path": "/files/docs/pub/a.txt", "expires": expires, "password": password})
		}
	}
}

// TestShareReceivesSomeNames: files can be asked for where the rules allow some names only, in
// patterns of the mount or of access rules.
func TestShareReceivesSomeNames(t *testing.T) {
	some := []vfs.Op{vfs.OpRead, vfs.OpWrite, access.OpShare}
	for what, change := range map[string]func(*sharingServer){
		"patterns": func(s *sharingServer) { s.policy.Allow = vfs.Patterns("docs/**", "**/*.pdf") },
		"rules": func(s *sharingServer) {
			s.rules = []access.Rule{{Who: "user:alice", Can: some, Names: []string{"**/*.pdf"}}}
		},
	} {
		s := newSharing(t)
		change(s)
		s.apply()
		link := s.share("alice", fields{"path": "/files/drop", "upload": true}).URL
		if r := s.get(link, "Accept", "text/html"); r.Status != 200 {
			t.Errorf("%s: the form: %d", what, r.Status)
		}
		for name, status := range map[string]int{"a.pdf": 201, "a.txt": 404} {
			body, headers := filesForm(name, "x")
			if r := s.send("POST", link, body, headers...); r.Status != status {
				t.Errorf("%s: %s: %d %q, want %d", what, name, r.Status, r.Body, status)
			}
		}
	}
}
