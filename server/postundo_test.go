package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// puttingBackend calls a function before each Put, which fails with its error.
type puttingBackend struct {
	vfs.Backend
	put func(vfs.Name) error
}

func (b *puttingBackend) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	if err := b.put(n); err != nil {
		return vfs.Info{}, err
	}
	return b.Backend.Put(ctx, n, body, opts)
}

// objectsOf returns what a backend has.
func objectsOf(t *testing.T, b vfs.Backend) map[string]string {
	t.Helper()
	all := map[string]string{}
	for f, err := range jailOver(t, b, vfs.Policy{}).Scan(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		obj, err := b.Open(t.Context(), parsed(t, f.Path), vfs.Request{})
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(obj.Body)
		obj.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		all[f.Path] = string(content)
	}
	return all
}

// If a file cannot be stored after all, the files before it are removed again, in the version
// that the request has stored, also if the caller may not delete. What was replaced stays, and
// the answer says so.
func TestPostUndo(t *testing.T) {
	noDelete := vfs.AuthorizeFunc(func(_ context.Context, op vfs.Op, _ vfs.Name) error {
		if op == vfs.OpDelete {
			return access.ErrDenied
		}
		return nil
	})
	for _, c := range []struct {
		what   string
		fail   func(*mem.Backend) error
		status int
		pairs  []string
		left   string // of the names a.txt, b.txt and c.txt
		report string
	}{
		{"raced", func(b *mem.Backend) error {
			_, err := b.Put(context.Background(), parsed(t, "d/b.txt"), strings.NewReader("theirs"), vfs.PutOptions{})
			return err
		}, 412, nil, "b.txt=theirs old.txt=old", "b.txt"},
		{"full", func(*mem.Backend) error { return &vfs.Error{Op: "put", Err: vfs.ErrFull} }, 507, nil, "old.txt=old", "b.txt"},
		{"unavailable", func(*mem.Backend) error { return &vfs.Error{Op: "put", Err: vfs.ErrUnavailable} }, 503, nil, "old.txt=old", "b.txt"},
		{"changed by others", func(b *mem.Backend) error {
			_, err := b.Put(context.Background(), parsed(t, "d/a.txt"), strings.NewReader("theirs"), vfs.PutOptions{})
			return errors.Join(err, &vfs.Error{Op: "put", Err: vfs.ErrUnavailable})
		}, 503, nil, "a.txt=theirs old.txt=old", "a.txt b.txt"},
		{"replaced", func(*mem.Backend) error { return &vfs.Error{Op: "put", Err: vfs.ErrUnavailable} }, 503, []string{":replace", "1", "old.txt", "new"}, "old.txt=new", "old.txt b.txt"},
		{"a panic", func(*mem.Backend) error { panic("a bug") }, 500, nil, "old.txt=old", ""},
	} {
		b, err := mem.FromMap(map[string]string{"d/old.txt": "old"})
		if err != nil {
			t.Fatal(err)
		}
		fails := &puttingBackend{b, func(n vfs.Name) error {
			if n.Base() == "b.txt" {
				return c.fail(b)
			}
			return nil
		}}
		rec := &recorder{}
		p := allow("**")
		p.Authorize = noDelete
		url := start(t, server.New(jailOver(t, fails, p), server.Config{Write: true, Recorder: rec, Logger: quiet}))
		r := sendFiles(t, url+"/d/", nil, append(c.pairs, "a.txt", "1", "b.txt", "2", "c.txt", "3")...)
		if r.Status != c.status {
			t.Errorf("%s: %d %s", c.what, r.Status, r.Body)
		}
		var left []string
		for _, name := range []string{"a.txt", "b.txt", "c.txt", "old.txt"} {
			if content, ok := objectsOf(t, b)["d/"+name]; ok {
				left = append(left, name+"="+content)
			}
		}
		if got := strings.Join(left, " "); got != c.left {
			t.Errorf("%s: %s is left, want %s", c.what, got, c.left)
		}
		if c.report == "" {
			continue
		}
		var names []string
		for _, f := range parsePosted(t, r).Files {
			names = append(names, f.Name)
			if (f.Status == 0) != (f.Size != nil) {
				t.Errorf("%s: %+v", c.what, f)
			}
		}
		if got := strings.Join(names, " "); got != c.report {
			t.Errorf("%s: the answer has %s, want %s", c.what, got, c.report)
		}
		if c.what == "full" {
			var lines []string
			for _, a := range rec.wait(t, 4) {
				lines = append(lines, fmt.Sprint(a.Method, " ", a.Name, " ", a.Status, " ", a.Reason))
			}
			if got, want := strings.Join(lines, "\n"), "PUT d/a.txt 201 \nDELETE d/a.txt 204 \nPUT d/b.txt 507 backend.full\nPOST d 507 backend.full"; got != want {
				t.Errorf("recorded:\n%s", got)
			}
		}
	}
}

// A form that replaces overwrites what another client has just created, if it comes later; it does
// not remove that because one of its own files fails.
func TestPostReplaceRace(t *testing.T) {
	b := mem.New()
	races := &puttingBackend{b, nil}
	races.put = func(n vfs.Name) error {
		if n.Base() == "b.txt" {
			return &vfs.Error{Op: "put", Err: vfs.ErrUnavailable}
		}
		if len(objectsOf(t, b)) == 0 {
			_, err := b.Put(context.Background(), n, strings.NewReader("theirs"), vfs.PutOptions{})
			return err
		}
		return nil
	}
	url, _ := writing(t, races, allow("**"), server.Intake{})
	r := sendFiles(t, url+"/d/", nil, ":replace", "1", "a.txt", "ours", "b.txt", "2")
	if all := objectsOf(t, b); r.Status != 503 || len(all) != 1 || all["d/a.txt"] != "ours" {
		t.Errorf("%d %s: %q", r.Status, r.Body, all)
	}
}

// A precondition of the request is never dropped: what it would keep could be overwritten.
func TestPostPreconditions(t *testing.T) {
	b, err := mem.FromMap(map[string]string{"d/a.txt": "old"})
	if err != nil {
		t.Fatal(err)
	}
	url, _ := writing(t, b, allow("**"), server.Intake{})
	for _, header := range [][]string{
		{"If-Match", `"x"`}, {"If-Match", "*"}, {"If-None-Match", `"x"`}, {"If-None-Match", "x"}, {"If-Unmodified-Since", "Sun, 01 Jan 2017 00:00:00 GMT"}, {"If-Unmodified-Since", "x"},
	} {
		if r := sendFiles(t, url+"/d/", header, "a.txt", "new", ":replace", "1"); r.Status != 412 {
			t.Errorf("%q: %d %s", header, r.Status, r.Body)
		}
		for _, form := range []string{"action=delete&name=a.txt", "action=move&name=a.txt&to=b.txt", "action=copy&name=a.txt&to=b.txt&replace=1"} {
			if r := sendBody(t, "POST", url+"/d/", form, append(header, "Content-Type", "application/x-www-form-urlencoded")...); r.Status != 412 {
				t.Errorf("%q, %s: %d %s", header, form, r.Status, r.Body)
			}
		}
	}
	only := []string{"If-None-Match", "*", "Content-Type", "application/x-www-form-urlencoded"}
	if r := sendBody(t, "POST", url+"/d/", "action=copy&name=a.txt&to=b.txt&replace=1", only...); r.Status != 201 {
		t.Errorf("a new copy: %d %s", r.Status, r.Body)
	}
	if r := sendBody(t, "POST", url+"/d/", "action=copy&name=a.txt&to=b.txt&replace=1", only...); r.Status != 412 {
		t.Errorf("a second copy: %d %s", r.Status, r.Body)
	}
	for _, field := range []string{"replace", "etag"} {
		if r := sendFiles(t, url+"/d/", nil, ":"+field, "1", "a.txt", "new", ":"+field, "1"); r.Status != 400 {
			t.Errorf("%s twice: %d %s", field, r.Status, r.Body)
		}
	}
	if all := objectsOf(t, b); all["d/a.txt"] != "old" {
		t.Errorf("%q", all)
	}
}

// The bounds and checks of PUT hold for forms, and nothing is left of what they refuse, nor of
// its temporary files.
func TestPostIntake(t *testing.T) {
	spool := t.TempDir()
	inspector := inspectFunc(func(_ context.Context, u *server.Upload) error {
		if strings.Contains(u.Filename, "virus") {
			return fmt.Errorf("found one: %w", server.ErrRejected)
		}
		return nil
	})
	b := mem.New()
	slots := server.NewSlots(1)
	url, _ := writing(t, b, allow("**"), server.Intake{SpoolDir: spool, Inspect: inspector, MaxBytes: 1 << 20, Slots: slots})
	many := []string{}
	for i := range 101 {
		many = append(many, fmt.Sprint(i), "")
	}
	form, contentType := formBody(t, "a", "1", "b", strings.Repeat("2", 1000))
	for _, c := range []struct {
		what   string
		status int
		send   func() reply
	}{
		{"a virus", 422, func() reply { return sendFiles(t, url+"/d/", nil, "a", "1", "virus", "2", "c", "3") }},
		{"101 files", 413, func() reply { return sendFiles(t, url+"/d/", nil, many...) }},
		{"cut off", 400, func() reply {
			return sendBody(t, "POST", url+"/d/", form[:len(form)-100], "Content-Type", contentType)
		}},
		{"no boundary", 400, func() reply { return sendBody(t, "POST", url+"/d/", form, "Content-Type", "multipart/form-data") }},
		{"coded", 415, func() reply { return sendFiles(t, url+"/d/", []string{"Content-Encoding", "gzip"}, "a", "1") }},
		{"a range", 400, func() reply { return sendFiles(t, url+"/d/", []string{"Content-Range", "bytes 0-1/2"}, "a", "1") }},
		{"If-Match", 412, func() reply { return sendFiles(t, url+"/d/", []string{"If-Match", "*"}, "a", "1") }},
		{"too much in all", 413, func() reply {
			return sendBody(t, "POST", url+"/d/", strings.Repeat("x", 18<<20), "Content-Type", contentType)
		}},
		{"too long an action", 413, func() reply {
			return sendBody(t, "POST", url+"/d/", "action=delete&name="+strings.Repeat("x", 70<<10), "Content-Type", "application/x-www-form-urlencoded")
		}},
		{"a malformed action", 400, func() reply {
			return sendBody(t, "POST", url+"/d/", "action=delete&name=%zz", "Content-Type", "application/x-www-form-urlencoded")
		}},
	} {
		if r := c.send(); r.Status != c.status {
			t.Errorf("%s: %d %s, want %d", c.what, r.Status, r.Body, c.status)
		}
		if all := objectsOf(t, b); len(all) != 0 {
			t.Fatalf("%s: stored %v", c.what, all)
		}
	}
	if r := sendFiles(t, url+"/d/", nil, "a", "1", "b", "2"); r.Status != 201 {
		t.Errorf("after that: %d %s", r.Status, r.Body)
	}
	if left, err := os.ReadDir(spool); err != nil || len(left) != 0 {
		t.Errorf("temporary files: %v, %v", left, err)
	}
}

type inspectFunc func(context.Context, *server.Upload) error

func (f inspectFunc) Inspect(ctx context.Context, u *server.Upload) error { return f(ctx, u) }

// Who may not write gets what a PUT would: per file the 404, or one 401 that does not depend on
// the names.
func TestPostAccess(t *testing.T) {
	list := rules(t, nil,
		access.Rule{Who: "user:alice", Can: can(vfs.OpRead, vfs.OpWrite), Names: []string{"d/*.txt"}},
		access.Rule{Who: "user:bob", Can: can(vfs.OpWrite, vfs.OpDelete)})
	b, err := mem.FromMap(map[string]string{"d/there.txt": "there"})
	if err != nil {
		t.Fatal(err)
	}
	p := vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("denied"), Authorize: list}
	url := start(t, asPrincipal(server.New(jailOver(t, b, p), server.Config{Write: true, Logger: quiet})))
	for _, c := range []struct {
		as, dir, name string
		status        int
	}{
		{"alice", "/d/", "a.txt", 201}, {"alice", "/d/", "a.html", 404}, {"alice", "/e/", "a.txt", 404}, {"alice", "/denied/", "a.txt", 404}, {"bob", "/denied/", "zz", 404},
		{"bob", "/e/", "zz", 201}, {"carol", "/d/", "b.txt", 404}, {"", "/d/", "b.txt", 404}, {"", "/none/", "zz", 404}, {"carol", "/d/", "there.txt", 404},
	} {
		r := sendFiles(t, url+c.dir, []string{"As", c.as}, c.name, "x")
		if r.Status != c.status {
			t.Errorf("%s: %s%s: %d %s", c.as, c.dir, c.name, r.Status, r.Body)
		}
		// What is refused looks the same everywhere, apart from the client's own name.
		if c.status == 404 && strings.ReplaceAll(r.Body, c.name, "N") != `{"files":[{"name":"N","status":404,"error":"not found"}]}`+"\n" {
			t.Errorf("%s: %s%s: %s", c.as, c.dir, c.name, r.Body)
		}
	}
	// Only who may read learns of the version that exists.
	for as, want := range map[string]bool{"alice": true, "bob": false} {
		f := parsePosted(t, sendFiles(t, url+"/d/", []string{"As", as}, "there.txt", "x")).Files[0]
		if f.Status != 412 || (f.ETag != "") != want {
			t.Errorf("%s: %+v", as, f)
		}
	}
	// Of several names that the caller may not read, a form does not tell which one exists.
	r := sendFiles(t, url+"/d/", []string{"As", "bob"}, "one", "1", "there.txt", "2", "three", "3")
	if r.Status != 412 || r.Body != "precondition failed\n" {
		t.Errorf("bob: %d %s", r.Status, r.Body)
	}
	// alice may not delete, so she may not move; both are judged as without a form.
	for _, form := range []string{"action=delete&name=there.txt", "action=move&name=there.txt&to=x.txt", "action=copy&name=there.txt&to=x.html", "action=copy&name=there.txt&to=/denied/x.txt"} {
		if r := sendBody(t, "POST", url+"/d/", form, "As", "alice", "Content-Type", "application/x-www-form-urlencoded"); r.Status != 404 || r.Body != "not found\n" {
			t.Errorf("%s: %d %q", form, r.Status, r.Body)
		}
	}

	guarded := start(t, guard(t, b, p, list, people{}, server.Config{Write: true, Logger: quiet}))
	var bodies []string
	for _, name := range []string{"a.txt", "there.txt", "../x", "aux"} {
		r := sendFiles(t, guarded+"/d/", nil, name, "x")
		if r.Status != 401 {
			t.Errorf("%s without credentials: %d %s", name, r.Status, r.Body)
		}
		bodies = append(bodies, fmt.Sprint(r.Status, r.Body))
	}
	if len(slices.Compact(bodies)) != 1 {
		t.Errorf("%q", bodies)
	}
	if r := sendBody(t, "POST", guarded+"/d/", "action=delete&name=there.txt", "Content-Type", "application/x-www-form-urlencoded"); r.Status != 401 {
		t.Errorf("an action without credentials: %d", r.Status)
	}
}

// Browsers get pages, in which names are text.
func TestPostPages(t *testing.T) {
	url, _ := writing(t, mem.New(), allow("**"), server.Intake{})
	html := []string{"Accept", "text/html,application/xhtml+xml,*/*;q=0.8"}
	const hostile = `&lt;img src=x onerror=alert(1)&gt;`
	r := sendFiles(t, url+"/d/", html, "a.txt", "1", "b#c?.txt", "2")
	if r.Status != 422 || !strings.Contains(r.Body, "this name cannot be created") || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	r = sendFiles(t, url+"/d/", html, "<img src=x onerror=alert(1)>", "2")
	if r.Status != 422 || !strings.Contains(r.Body, hostile) || strings.Contains(r.Body, "<img") {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	r = sendFiles(t, url+"/d/", html, "a.txt", "1", "b#c.txt", "2")
	if r.Status != 201 || !strings.Contains(r.Body, `href="./b%23c.txt"`) || !strings.Contains(r.Body, "2 files stored") {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	r = sendBody(t, "POST", url+"/d/", "action=delete&name=none", append(html, "Content-Type", "application/x-www-form-urlencoded")...)
	if r.Status != 404 || r.Body != "not found\n" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	r = sendBody(t, "POST", url+"/d/", "action=what", append(html, "Content-Type", "application/x-www-form-urlencoded")...)
	if r.Status != 400 || !strings.Contains(r.Body, "<h1>") {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

// FuzzPost: whatever a form says, nothing leaves its directory but by an action's destination,
// nothing that is denied is reached, and what is answered with 201 is there.
func FuzzPost(f *testing.F) {
	const boundary = "the-boundary"
	f.Add(true, form(filePart("a", "x"), filePart("../b", "y")))
	f.Add(true, form(filePart("a", "x"), formPart{`Content-Disposition: form-data; name="replace"`, "1"}))
	f.Add(false, "action=move&name=there&to=%2Fsecret%2Fx")
	f.Add(false, "action=copy&name=there&to=..%2F..%2Fsecret%2F&replace=1")
	f.Add(false, "action=delete&name=..%2Fsecret%2Fkey&etag=%22x%22")
	f.Fuzz(func(t *testing.T, multipart bool, body string) {
		b, err := mem.FromMap(map[string]string{"d/there": "there", "secret/key": canary, "d/secret/key": canary})
		if err != nil {
			t.Fatal(err)
		}
		h := server.New(jailOver(t, b, vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("**/secret")}), server.Config{Write: true, Logger: quiet})
		contentType := "application/x-www-form-urlencoded"
		if multipart {
			contentType = "multipart/form-data; boundary=" + boundary
		}
		w := serveBody(h, "POST", "/d/", body, http.Header{"Content-Type": {contentType}})
		all := objectsOf(t, b)
		if all["secret/key"] != canary || all["d/secret/key"] != canary || w.Code >= 500 {
			t.Fatalf("%d %s: %q", w.Code, w.Body, all)
		}
		delete(all, "secret/key")
		delete(all, "d/secret/key")
		for name := range all {
			if strings.Contains("/"+name+"/", "/secret/") || multipart && strings.Count(name, "/") != 1 {
				t.Fatalf("%q was created by %q", name, body)
			}
		}
		switch {
		case w.Code >= 400 && len(all) != 1:
			t.Errorf("%d, but there is %q", w.Code, all)
		case multipart && w.Code < 300:
			for _, file := range parsePosted(t, reply{w.Code, w.Header(), w.Body.String()}).Files {
				if content, ok := all["d/"+file.Name]; !ok || int64(len(content)) != *file.Size {
					t.Errorf("%+v is not there: %q", file, all)
				}
			}
		}
	})
}
