package server_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

type minePage struct {
	Files []stored
	Next  string
}

func mine(t testing.TB, url, as, query string) (minePage, reply) {
	t.Helper()
	r := get(t, "GET", url+"/?mine"+query, "As", as)
	if r.Status != 200 {
		t.Fatalf("%s: %d %s", query, r.Status, r.Body)
	}
	var p minePage
	if err := json.Unmarshal([]byte(r.Body), &p); err != nil {
		t.Fatal(err)
	}
	return p, r
}

func TestMine(t *testing.T) {
	now := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	s := uploadsInMemory(t, server.UploadConfig{Now: func() time.Time { now = now.Add(time.Second); return now }})
	upload := func(as, name string) stored {
		t.Helper()
		r := sendBody(t, "POST", s.url+"/", "content of "+name, "As", as, "Content-Disposition", fmt.Sprintf(`attachment; filename="%s"`, name))
		var answer struct{ Files []stored }
		if err := json.Unmarshal([]byte(r.Body), &answer); err != nil || r.Status != 201 {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		return answer.Files[0]
	}
	var want []stored
	for i := range 5 {
		f := upload("alice", fmt.Sprint(i))
		upload("bob", "not hers")
		f.Owner = ""
		want = append([]stored{f}, want...)
	}
	upload("", "nobody's")
	var got []stored
	for query := "&limit=2"; query != ""; {
		p, r := mine(t, s.url, "alice", query)
		got = append(got, p.Files...)
		query = ""
		if link := r.Header.Get("Link"); (link != "") != (p.Next != "") {
			t.Errorf("%q, but the next page is %q", link, p.Next)
		} else if link != "" {
			query = "&" + strings.TrimPrefix(strings.TrimSuffix(link, `>; rel="next"`), "<?")
		}
		if c := r.Header.Get("Cache-Control"); c != "private, no-store" || strings.Contains(r.Body, "owner") {
			t.Errorf("%q %s", c, r.Body)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
	for _, query := range []string{"", "&after=x", "&after=1.x", "&limit=x", "&after=-1.00000000-0000-0000-0000-000000000000", "&limit=1000000"} {
		if p, _ := mine(t, s.url, "alice", query); len(p.Files) != 5 || p.Next != "" {
			t.Errorf("%q: %d files", query, len(p.Files))
		}
	}
	if p, r := mine(t, s.url, "carol", ""); p.Files == nil || len(p.Files) != 0 {
		t.Errorf("none: %s", r.Body)
	}
	if r := get(t, "HEAD", s.url+"/?mine", "As", "alice"); r.Status != 200 || r.Body != "" {
		t.Errorf("HEAD: %d", r.Status)
	}
	sendBody(t, "DELETE", s.url+"/"+want[0].ID, "", "As", "alice")
	if p, _ := mine(t, s.url, "alice", ""); len(p.Files) != 4 {
		t.Errorf("after a removal: %d files", len(p.Files))
	}

	// Whoever has no name owns nothing, and the answer is the same as without the query.
	missing := get(t, "GET", s.url+"/x")
	for _, path := range []string{"/?mine", "/", "/x/?mine"} {
		if r := get(t, "GET", s.url+path); r.Status != 404 || r.Body != missing.Body {
			t.Errorf("%s by anyone: %d %s", path, r.Status, r.Body)
		}
	}
	s.catalog.Fail = func(method string) error {
		if method == "owned" {
			return errors.Join(catalog.ErrUnavailable, errors.New("secret detail"))
		}
		return nil
	}
	if r := get(t, "GET", s.url+"/?mine", "As", "alice"); r.Status != 503 || strings.Contains(r.Body, "secret") {
		t.Errorf("the catalog fails: %d %s", r.Status, r.Body)
	}
}

// The list has no file that its owner may not read.
func TestMineIsReadable(t *testing.T) {
	list, err := access.Compile([]access.Rule{
		{Who: "authenticated", Can: []vfs.Op{vfs.OpUpload}},
		{Who: "user:alice", Can: []vfs.Op{vfs.OpRead}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := uploadsOver(t, mem.New(), server.UploadConfig{Authorize: server.UploadRules(list)})
	for _, as := range []string{"alice", "bob"} {
		if r := sendBody(t, "POST", s.url+"/", "x", "As", as, "Content-Disposition", "attachment; filename=a"); r.Status != 201 {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
	}
	for as, n := range map[string]int{"alice": 1, "bob": 0} {
		if p, _ := mine(t, s.url, as, ""); len(p.Files) != n {
			t.Errorf("%s: %d files, want %d", as, len(p.Files), n)
		}
	}
}
