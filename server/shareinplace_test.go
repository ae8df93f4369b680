package server_test

import (
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// TestShareFilesInPlaceOfOthers sends files by a file request under names that the mount
// serves in place of others: the encoded forms of what is there and of what comes later, the
// index file of the directory, and the fallback. Nothing that users get changes. The control
// stores the same files under the names that were sent.
func TestShareFilesInPlaceOfOthers(t *testing.T) {
	eachWritable(t, func(t *testing.T, b vfs.Backend) {
		s := newSharing(t)
		s.tree = b
		s.rules = append(s.rules, access.Rule{Who: "anyone", Can: can(vfs.OpRead, vfs.OpList)})
		plant(t, b, "drop/report.pdf", "drop/deep/x.txt")
		fallback, err := vfs.ParseName("drop/app.html")
		if err != nil {
			t.Fatal(err)
		}
		served := server.Config{List: true, Write: true, Sidecars: true, Fallback: fallback, Logger: quiet}
		s.change = func(c *server.ShareConfig) { c.Mounts[0].Config = served }
		s.apply()
		p := s.policy
		p.Authorize = rules(t, nil, s.rules...)
		users := server.New(jailOver(t, b, p), served)
		// What users get, by the request.
		asked := []struct{ target, accept string }{
			{"/drop/report.pdf", "gzip"}, {"/drop/report.pdf", "br"}, {"/drop/report.pdf", "zstd"}, {"/drop/", "identity"}, {"/drop/later.txt", "gzip"}, {"/no/such/page", "identity"},
		}
		look := func() (all []reply) {
			for _, a := range asked {
				r := request(t, users, "GET", a.target, "Accept-Encoding", a.accept)
				r.Header.Del("Date")
				if a.target == "/drop/" {
					r.Body = "" // the listing shows what was sent
					r.Header.Del("Etag")
					r.Header.Del("Content-Length")
					r.Header.Del("Content-Security-Policy") // has a nonce
				}
				all = append(all, r)
			}
			return all
		}
		before := look()
		m := s.share("alice", fields{"path": "/files/drop/", "upload": true})
		sent := map[string]int{
			"report.pdf.gz": 415, "report.pdf.br": 415, "report.pdf.zst": 415, "report.pdf.GZ": 415, "later.txt.gz": 415, "none.gz": 415, "report.pdf.gz ": 415, "../report.pdf.gz": 415,
			"index.html": 201, "INDEX.HTML": 201, "app.html": 201, "App.html": 201, "gz": 201, "report.gz.pdf": 201,
		}
		for name, want := range sent {
			body, headers := filesForm(name, "from outside")
			if r := s.send("POST", m.URL, body, headers...); r.Status != want {
				t.Errorf("%q: %d %q, want %d", name, r.Status, r.Body, want)
			}
		}
		plant(t, b, "drop/later.txt")
		after := look()
		for i, a := range asked {
			if a.target == "/drop/later.txt" { // it is new, and itself
				if r := after[i]; r.Body != "drop/later.txt" || r.Header.Get("Content-Encoding") != "" {
					t.Errorf("%v: %v", a, r)
				}
				continue
			}
			same(t, a.target+" "+a.accept, after[i], before[i])
		}
		all := contents(t, b)
		for _, name := range []string{"drop/index.html", "drop/INDEX.HTML", "drop/app.html", "drop/App.html", "drop/report.pdf.gz", "drop/later.txt.gz"} {
			if _, ok := all[name]; ok {
				t.Errorf("%s is there", name)
			}
		}
		stored := 0
		for _, content := range all {
			if content == "from outside" {
				stored++
			}
		}
		if stored != 6 {
			t.Errorf("%d files were stored: %v", stored, all)
		}

		// The control.
		for name := range sent {
			if n, err := vfs.ParseName("drop/" + name); err == nil {
				_, _ = b.Put(t.Context(), n, strings.NewReader("from outside"), vfs.PutOptions{})
			}
		}
		changed := 0
		for i, r := range look() {
			if r.Status != before[i].Status || r.Body != before[i].Body {
				changed++
			}
		}
		if changed < 5 {
			t.Errorf("the control changes only %d answers", changed)
		}
	})
}
