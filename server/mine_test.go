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
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
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
	for _, query := range []string{"", "&after=x", "&after=1.x", "&limit=x", "&after=-1.00000000-0000-0000-0000-000000000000", "&limit=1000000", "&limit=5"} {
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

// Each file says whether the caller may delete it, and the form that asks before that is there
// only then. What it sends does what a DELETE does.
func TestDeleteUpload(t *testing.T) {
	list, err := access.Compile([]access.Rule{
		{Who: "anyone", Can: []vfs.Op{vfs.OpUpload, vfs.OpRead}},
		{Who: "user:alice", Can: []vfs.Op{vfs.OpUpload, vfs.OpRead, vfs.OpDelete}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := uploadsOver(t, mem.New(), server.UploadConfig{Authorize: server.UploadRules(list), Page: server.Page{Mode: server.PageFull}})
	for as, can := range map[string]string{"alice": `"can":["delete"]`, "bob": `"can":[]`} {
		r := sendBody(t, "POST", s.url+"/", "x", "As", as, "Content-Disposition", "attachment; filename=\"<b>.txt\"")
		var answer struct{ Files []stored }
		if err := json.Unmarshal([]byte(r.Body), &answer); err != nil || r.Status != 201 || !strings.Contains(r.Body, can) {
			t.Fatalf("%s: %d %s, want %s", as, r.Status, r.Body, can)
		}
		if _, r := mine(t, s.url, as, ""); !strings.Contains(r.Body, can) {
			t.Errorf("%s: %s, want %s", as, r.Body, can)
		}
		id := answer.Files[0].ID
		ask, form := s.url+"/?delete="+id, "action=delete&name="+id
		send := func(form string) int {
			return sendBody(t, "POST", s.url+"/", form, "As", as, "Content-Type", "application/x-www-form-urlencoded").Status
		}
		page := get(t, "GET", s.url+"/", "As", as, "Accept", ofBrowsers)
		if offered := strings.Contains(page.Body, "?delete="+id); offered != (as == "alice") {
			t.Errorf("%s: the page offers it: %t", as, offered)
		}
		missing := get(t, "GET", s.url+"/?delete=00000000-0000-4000-8000-000000000000", "As", as, "Accept", ofBrowsers)
		if as == "bob" {
			if r := get(t, "GET", ask, "As", as, "Accept", ofBrowsers); r.Status != 404 || r.Body != missing.Body {
				t.Errorf("%s is asked: %d %s", as, r.Status, r.Body)
			}
			if status := send(form); status != 404 {
				t.Errorf("%s deletes: %d", as, status)
			}
			continue
		}
		if r := get(t, "GET", ask, "As", as, "Accept", ofBrowsers); r.Status != 200 || !strings.Contains(r.Body, "&lt;b&gt;.txt") || !strings.Contains(r.Body, `value="`+id+`"`) {
			t.Errorf("%s is asked: %d %s", as, r.Status, r.Body)
		}
		for form, status := range map[string]int{
			"": 400, "action=delete": 400, "action=move&name=" + id: 400, form + "&name=" + id: 400, "action=delete&name=..": 404, "action=delete&name=a/b": 404,
			"action=delete&name=00000000-0000-4000-8000-000000000000": 404,
		} {
			if got := send(form); got != status {
				t.Errorf("%q: %d, want %d", form, got, status)
			}
		}
		if status := send(form); status != 204 {
			t.Errorf("%s deletes: %d", as, status)
		}
		if r := get(t, "GET", s.url+"/"+id, "As", as); r.Status != 404 {
			t.Errorf("the file is still there: %d", r.Status)
		}
	}
}

// TestDeleteUploadNeedsNoUpload: the form deletes for whoever a DELETE would, and for nobody else.
// A link to upload files for a user does not: neither does it say that the user may.
func TestDeleteUploadNeedsNoUpload(t *testing.T) {
	list, err := access.Compile([]access.Rule{
		{Who: "user:sender", Can: []vfs.Op{vfs.OpUpload}},
		{Who: "user:moderator", Can: []vfs.Op{vfs.OpRead, vfs.OpDelete}},
		{Who: "owner", Can: []vfs.Op{vfs.OpRead, vfs.OpDelete}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	k := ring(t, "one")
	s := uploadsOver(t, mem.New(), server.UploadConfig{
		Auth: server.Auth{Links: k}, Authorize: server.UploadRules(list), Page: server.Page{Mode: server.PageFull},
	})
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	toUpload := s.url + signed(t, k, links.Link{Path: "/", Method: "POST", User: "sender"})
	for i, c := range []struct {
		as, to string
		status int
	}{
		{"moderator", s.url + "/", 204}, {"sender", s.url + "/", 204}, {"other", s.url + "/", 404}, {"", s.url + "/", 404}, {"", toUpload, 404},
	} {
		r := sendBody(t, "POST", toUpload, "x", "Content-Disposition", "attachment; filename=a")
		var answer struct{ Files []stored }
		if err := json.Unmarshal([]byte(r.Body), &answer); err != nil || r.Status != 201 || !strings.Contains(r.Body, `"can":[]`) {
			t.Fatalf("upload by a link: %d %s", r.Status, r.Body)
		}
		id := answer.Files[0].ID
		if r := sendBody(t, "POST", c.to, "action=delete&name="+id, append(form, "As", c.as)...); r.Status != c.status {
			t.Errorf("%d: %q: %d %q, want %d", i, c.as, r.Status, r.Body, c.status)
		}
		if r := get(t, "GET", s.url+"/"+id, "As", "moderator"); (r.Status == 404) != (c.status == 204) {
			t.Errorf("%d: %q: the file is %d", i, c.as, r.Status)
		}
	}
}
