package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// sendFiles posts a form with files, given as pairs of filename and content; with the name ":F",
// a pair is the field F and its value.
func sendFiles(t testing.TB, url string, headers []string, pairs ...string) reply {
	t.Helper()
	body, contentType := formBody(t, pairs...)
	return sendBody(t, "POST", url, body, append([]string{"Content-Type", contentType}, headers...)...)
}

func formBody(t testing.TB, pairs ...string) (body, contentType string) {
	t.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for i := 0; i < len(pairs); i += 2 {
		if field, ok := strings.CutPrefix(pairs[i], ":"); ok {
			if err := w.WriteField(field, pairs[i+1]); err != nil {
				t.Fatal(err)
			}
			continue
		}
		h := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name="f"; filename="%s"`, pairs[i])}}
		part, err := w.CreatePart(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(pairs[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String(), w.FormDataContentType()
}

// postedReport is the answer to a form with files.
type postedReport struct {
	Files []struct {
		Name   string
		Size   *int64
		ETag   string
		Status int
		Error  string
	}
}

func parsePosted(t testing.TB, r reply) (p postedReport) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.Body), &p); err != nil {
		t.Fatalf("%d %q: %v", r.Status, r.Body, err)
	}
	return p
}

func TestPostFiles(t *testing.T) {
	eachWritable(t, func(t *testing.T, b vfs.Backend) {
		url, rec := writing(t, b, allow("**"), server.Intake{})
		r := sendFiles(t, url+"/in/box/", nil, "a.txt", "one", "фото.jpg", "\xff\xd8\xff second", "empty", "")
		p := parsePosted(t, r)
		if r.Status != 201 || len(p.Files) != 3 || r.Header.Get("Location") != "" {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		for i, want := range []struct{ name, content string }{{"a.txt", "one"}, {"фото.jpg", "\xff\xd8\xff second"}, {"empty", ""}} {
			got := get(t, "GET", url+"/in/box/"+want.name)
			f := p.Files[i]
			if got.Body != want.content || f.Name != want.name || *f.Size != int64(len(want.content)) || f.ETag != got.Header.Get("Etag") || f.Status != 0 {
				t.Errorf("%s: %d %q, %+v", want.name, got.Status, got.Body, f)
			}
		}
		var lines []string
		id := ""
		for _, a := range rec.wait(t, 4)[:4] {
			lines = append(lines, fmt.Sprint(a.Part, " ", a.Method, " ", a.Name, " ", a.Status, " ", a.Verdict, " ", a.Rule))
			if id = a.RequestID.String(); id != rec.wait(t, 4)[0].RequestID.String() || a.Raw != "/in/box/" {
				t.Errorf("%+v", a)
			}
		}
		if got, want := strings.Join(lines, "\n"), strings.Join([]string{
			"true PUT in/box/a.txt 201 allowed **", "true PUT in/box/фото.jpg 201 allowed **", "true PUT in/box/empty 201 allowed **",
			"false POST in/box 201 allowed ",
		}, "\n"); got != want {
			t.Errorf("recorded:\n%s\nwant:\n%s", got, want)
		}

		// A second time, nothing is replaced; with a field, all of it is.
		again := sendFiles(t, url+"/in/box/", nil, "b.txt", "new", "a.txt", "two")
		p = parsePosted(t, again)
		if again.Status != 412 || len(p.Files) != 1 || p.Files[0].Name != "a.txt" || p.Files[0].Status != 412 || p.Files[0].ETag == "" {
			t.Errorf("%d %s", again.Status, again.Body)
		}
		if r := get(t, "GET", url+"/in/box/b.txt"); r.Status != 404 {
			t.Errorf("a file of a refused form: %d", r.Status)
		}
		replaced := sendFiles(t, url+"/in/box/", nil, "b.txt", "new", "a.txt", "two", ":replace", "1")
		if replaced.Status != 201 || get(t, "GET", url+"/in/box/a.txt").Body != "two" || get(t, "GET", url+"/in/box/b.txt").Body != "new" {
			t.Errorf("replace: %d %s", replaced.Status, replaced.Body)
		}
		only := sendFiles(t, url+"/in/box/", []string{"If-None-Match", "*"}, "a.txt", "three", ":replace", "1")
		if only.Status != 412 {
			t.Errorf("If-None-Match: * and replace: %d", only.Status)
		}
		tag := parsePosted(t, replaced).Files[1].ETag
		for _, c := range []struct {
			tag    string
			status int
		}{{tag, 200}, {tag, 412}, {`"x"`, 412}, {"x", 412}} {
			if r := sendFiles(t, url+"/in/box/", nil, ":etag", c.tag, "a.txt", "three", ":replace", "on"); r.Status != c.status {
				t.Errorf("etag %s: %d %s, want %d", c.tag, r.Status, r.Body, c.status)
			}
		}
	})
}

// What is refused is reported for each file, with the status of a PUT, and nothing is stored.
func TestPostRefused(t *testing.T) {
	types, err := server.ParseTypes("text/*", "image/png")
	if err != nil {
		t.Fatal(err)
	}
	b := mem.New()
	p := vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("**/secret*")}
	base, _ := writing(t, b, p, server.Intake{Types: types, MaxBytes: 20})
	for _, c := range []struct {
		name, content string
		status        int
	}{
		{"../x.txt", "", 422}, {"..", "", 422}, {"a/b.txt", "", 422}, {"/etc/passwd", "", 422}, {`a\\b.txt`, "", 422}, {`C:\\x\\y.txt`, "", 422},
		{"x%2Fy.txt", "x", 201}, {"a:b.txt", "", 422}, {"aux.txt", "", 422}, {"x.txt.", "", 422}, {"e\u0301.txt", "", 422}, {".hidden.txt", "", 404},
		{"secret.txt", "", 404}, {"x\x01.txt", "", 422}, {"\u202etxt.exe", "", 422}, {"x.exe", "", 415}, {"x.png", "%PDF-1.7 x", 415},
		{"x.txt", strings.Repeat("x", 21), 413}, {strings.Repeat("x", 256), "", 422},
	} {
		r := sendFiles(t, base+"/d/", nil, "good.txt", "fine", c.name, c.content, "also good.txt", "fine")
		if r.Status != c.status {
			t.Errorf("%q: %d %s, want %d", c.name, r.Status, r.Body, c.status)
		}
		if c.status == 201 {
			for _, name := range []string{"good.txt", c.name, "also good.txt"} {
				if r := sendBody(t, "DELETE", base+"/d/"+url.PathEscape(name), ""); r.Status != 204 {
					t.Errorf("DELETE %s: %d", name, r.Status)
				}
			}
			continue
		}
		if files := parsePosted(t, r).Files; len(files) != 1 || files[0].Status != c.status || files[0].Error == "" {
			t.Errorf("%q: %s", c.name, r.Body)
		}
		if r := get(t, "GET", base+"/d/good.txt"); r.Status != 404 {
			t.Fatalf("%q: the good file is stored: %d", c.name, r.Status)
		}
	}
	r := sendFiles(t, base+"/d/", nil, "x.exe", "", "good.txt", "", "aux.txt", "", "secret.txt", "")
	if files := parsePosted(t, r).Files; r.Status != 415 || len(files) != 3 {
		t.Errorf("several: %d %s", r.Status, r.Body)
	}
	for what, pairs := range map[string][]string{
		"twice":   {"a.txt", "1", "a.txt", "2"},
		"case":    {"a.txt", "1", "A.TXT", "2"},
		"accents": {"é.txt", "1", "É.txt", "2"},
	} {
		if r := sendFiles(t, base+"/d/", nil, pairs...); r.Status != 409 || len(parsePosted(t, r).Files) != 1 {
			t.Errorf("%s: %d %s", what, r.Status, r.Body)
		}
	}
	for what, pairs := range map[string][]string{
		"no file":               {":replace", "1"},
		"bad replace":           {"a.txt", "", ":replace", "no"},
		"etag of several files": {"a.txt", "", "b.txt", "", ":replace", "1", ":etag", `"x"`},
		"etag, no replace":      {"a.txt", "", ":etag", `"x"`},
	} {
		if r := sendFiles(t, base+"/d/", nil, pairs...); r.Status != 400 {
			t.Errorf("%s: %d %s", what, r.Status, r.Body)
		}
	}
	for e, err := range b.List(t.Context(), vfs.Root, "") {
		t.Errorf("%v is left (%v)", e, err)
	}
}

func TestPostMethod(t *testing.T) {
	base, rec := writing(t, mem.New(), allow("**"), server.Intake{})
	for method, status := range map[string]int{"OPTIONS": 204, "PATCH": 405} {
		if r := sendBody(t, method, base+"/d/", ""); r.Status != status || r.Header.Get("Allow") != "GET, HEAD, OPTIONS, POST" {
			t.Errorf("%s: %d %q", method, r.Status, r.Header.Get("Allow"))
		}
	}
	if r := sendBody(t, "POST", base+"/d/", "x", "Content-Type", "text/plain"); r.Status != 400 {
		t.Errorf("a text: %d", r.Status)
	}
	rec.wait(t, 3)
	for name, headers := range map[string][]string{
		"another site": {"Sec-Fetch-Site", "cross-site"},
		"an origin":    {"Origin", "https://other.example"},
	} {
		r := sendFiles(t, base+"/d/", headers, "a.txt", "x")
		gone := get(t, "GET", base+"/nothing")
		if r.Status != 404 || r.Body != gone.Body {
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
	}
	if a := rec.wait(t, 4)[3]; a.Reason != audit.ReasonCrossOrigin {
		t.Errorf("%+v", a)
	}
}

// A form asks for what a DELETE, COPY or MOVE does.
func TestPostAction(t *testing.T) {
	eachWritable(t, func(t *testing.T, b vfs.Backend) {
		base, rec := writing(t, b, allow("**"), server.Intake{})
		act := func(dir string, pairs ...string) reply {
			v := url.Values{}
			for i := 0; i < len(pairs); i += 2 {
				v.Add(pairs[i], pairs[i+1])
			}
			return sendBody(t, "POST", base+dir, v.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		}
		tag := sendBody(t, "PUT", base+"/d/a b.txt", "one").Header.Get("Etag")
		there := sendBody(t, "PUT", base+"/d/there.txt", "there").Header.Get("Etag")
		for i, c := range []struct {
			status int
			pairs  []string
		}{
			{412, []string{"action", "delete", "name", "a b.txt", "etag", `"other"`}},
			{412, []string{"action", "move", "name", "a b.txt", "to", "c.txt", "etag", `"other"`}},
			{412, []string{"action", "move", "name", "a b.txt", "to", "there.txt"}},
			{404, []string{"action", "move", "name", "a b.txt", "to", "../c.txt"}},
			{404, []string{"action", "move", "name", "../a b.txt", "to", "c.txt"}},
			{404, []string{"action", "delete", "name", "missing"}},
			{404, []string{"action", "delete", "name", "d/a b.txt"}},
			{422, []string{"action", "move", "name", "a b.txt", "to", "aux"}},
			{400, []string{"action", "move", "name", "a b.txt"}},
			{400, []string{"action", "delete", "name", "a b.txt", "to", "x"}},
			{400, []string{"action", "delete", "name", "a b.txt", "name", "there.txt"}},
			{400, []string{"action", "chmod", "name", "a b.txt"}},
			{400, []string{"action", "delete"}},
			{400, []string{"action", "copy", "name", "a b.txt", "to", "x", "replace", "maybe"}},
			{400, []string{"action", "copy", "name", "a b.txt", "to", "there.txt", "to_etag", tag}},
			{400, []string{"action", "copy", "name", "a b.txt", "to", "there.txt", "replace", "1", "to_etag", tag, "to_etag", tag}},
			{400, []string{"action", "delete", "name", "a b.txt", "to_etag", tag}},
			{412, []string{"action", "copy", "name", "a b.txt", "to", "there.txt", "replace", "1", "to_etag", tag}},
			{412, []string{"action", "copy", "name", "a b.txt", "to", "there.txt", "replace", "1", "to_etag", "x"}},
			{204, []string{"action", "copy", "name", "a b.txt", "to", "there.txt", "replace", "1", "to_etag", there}},
			{201, []string{"action", "copy", "name", "a b.txt", "to", "copy.txt", "etag", tag}},
			{201, []string{"action", "move", "name", "a b.txt", "to", "sub/dir/"}},
			{201, []string{"action", "move", "name", "copy.txt", "to", "/top.txt"}},
			{204, []string{"action", "delete", "name", "there.txt"}},
		} {
			if r := act("/d/", c.pairs...); r.Status != c.status {
				t.Errorf("%d %v: %d %s, want %d", i, c.pairs, r.Status, r.Body, c.status)
			}
		}
		for name, status := range map[string]int{"/d/sub/dir/a b.txt": 200, "/top.txt": 200, "/d/there.txt": 404, "/d/copy.txt": 404} {
			if r := get(t, "GET", base+name); r.Status != status {
				t.Errorf("%s: %d", name, r.Status)
			}
		}
		a := rec.wait(t, 2+4)[2:6]
		if !a[0].Part || a[0].Method != "DELETE" || a[0].Name.String() != "d/a b.txt" || a[0].Status != 412 || a[1].Part || a[1].Method != "POST" || a[1].Name.String() != "d" ||
			!a[2].Part || a[2].Method != "MOVE" || a[2].To.String() != "d/c.txt" || a[3].To != (vfs.Name{}) {
			t.Errorf("%+v", a)
		}
		// A browser goes back to the page.
		sendBody(t, "PUT", base+"/d/x.txt", "one")
		v := url.Values{"action": {"delete"}, "name": {"x.txt"}}
		client := http.Client{Transport: client.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		req, _ := http.NewRequest("POST", base+"/d/", strings.NewReader(v.Encode()))
		req.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"text/html,*/*;q=0.8"}, "Sec-Fetch-Site": {"same-origin"}}
		res, err := client.Do(req)
		if err != nil || res.StatusCode != 303 || res.Header.Get("Location") != "./" {
			t.Errorf("%v %v", res, err)
		}
	})
}

// A form reaches no name whose URL belongs to another handler, as COPY and MOVE do not.
func TestPostReachesOnlyItsURLs(t *testing.T) {
	b := mem.New()
	j := jailOver(t, b, allow("**"))
	for _, name := range []string{"a.txt", "docs/there.txt"} {
		if _, err := j.Put(t.Context(), parsed(t, name), strings.NewReader("a"), vfs.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	url := start(t, server.New(j, server.Config{Write: true, Auth: server.Auth{
		HasURL: func(host, path string) bool { return !strings.HasPrefix(path, "/docs") },
	}}))
	for _, fields := range []string{"action=move&name=a.txt&to=docs/a.txt", "action=copy&name=a.txt&to=/docs/"} {
		if r := sendBody(t, "POST", url+"/", fields, "Content-Type", "application/x-www-form-urlencoded"); r.Status != 404 {
			t.Errorf("%s: %d %q", fields, r.Status, r.Body)
		}
	}
	if r := sendBody(t, "POST", url+"/docs/", "action=delete&name=there.txt", "Content-Type", "application/x-www-form-urlencoded"); r.Status != 404 {
		t.Errorf("delete: %d %q", r.Status, r.Body)
	}
	if r := sendBody(t, "POST", url+"/", "action=move&name=a.txt&to=b.txt", "Content-Type", "application/x-www-form-urlencoded"); r.Status != 201 {
		t.Errorf("move: %d %q", r.Status, r.Body)
	}
}

// TestPostActionRights: a form needs the rights of the request that it stands for, and no others,
// whatever anyone may do. It has the same status, for all kinds of names, and asks for credentials
// where that does.
func TestPostActionRights(t *testing.T) {
	ops := []vfs.Op{vfs.OpRead, vfs.OpWrite, vfs.OpDelete}
	for open := range 1 << len(ops) {
		anyone := access.Rule{Who: "anyone", Can: can(vfs.OpList)}
		for i, op := range ops {
			if open>>i&1 == 1 {
				anyone.Can = append(anyone.Can, op)
			}
		}
		l := rules(t, nil, anyone, access.Rule{Who: "authenticated", Can: can(ops...)})
		for _, c := range []struct{ method, fields string }{
			{"DELETE", "action=delete"}, {"COPY", "action=copy&to=new.txt"}, {"MOVE", "action=move&to=new.txt"},
			{"COPY", "action=copy&to=secret.txt"}, {"MOVE", "action=move&to=secret.txt"},
		} {
			_, to, _ := strings.Cut(c.fields, "&to=")
			for _, name := range []string{"a.txt", "missing.txt", "secret.txt", "%00", "%2e%2e"} {
				site := func() http.Handler {
					b := mem.New()
					plant(t, b, "a.txt", "secret.txt")
					return guard(t, b, gatePolicy(), l, people{}, server.Config{List: true, Write: true})
				}
				want := sendTo(t, site(), c.method, "/"+name, "", "Destination", "/"+to)
				got := sendTo(t, site(), "POST", "/", c.fields+"&name="+name, "Content-Type", "application/x-www-form-urlencoded")
				want.Header.Del("Etag") // of a tree of its own
				got.Header.Del("Etag")
				same(t, fmt.Sprintf("anyone can %v: %s&name=%s", anyone.Can, c.fields, name), got, want)
			}
		}
	}
}

// A removing is a backend whose Remove is a function.
type removing struct {
	vfs.Backend
	remove func(context.Context) error
}

func (b removing) Remove(ctx context.Context, _ vfs.Name, _ vfs.Cond) error { return b.remove(ctx) }

// ending is the key of what ends the requests of a server that shuts down.
type ending struct{}

// TestPostActionRecords: the line of what a form has done says what that of a DELETE says, however
// that ends.
func TestPostActionRecords(t *testing.T) {
	outcome := func(a audit.Attempt) string {
		return fmt.Sprint(a.Method, " ", a.Verdict, " ", a.Reason, " ", a.Status, " aborted ", a.Aborted)
	}
	for what, c := range map[string]struct {
		remove func(context.Context) error
		want   string
	}{
		"it is done":      {func(context.Context) error { return nil }, "DELETE allowed  204 aborted false"},
		"it fails":        {func(context.Context) error { return vfs.ErrFailed }, "DELETE error backend.error 500 aborted false"},
		"it panics":       {func(context.Context) error { panic("secret") }, "DELETE error panic 500 aborted false"},
		"it aborts":       {func(context.Context) error { panic(http.ErrAbortHandler) }, "DELETE allowed  0 aborted true"},
		"the client left": {func(context.Context) error { return context.Canceled }, "DELETE allowed client.canceled 0 aborted true"},
		"the server ends": {func(ctx context.Context) error {
			ctx.Value(ending{}).(context.CancelCauseFunc)(server.ErrShutdown)
			return context.Canceled
		}, "DELETE allowed shutdown 0 aborted true"},
	} {
		b := mem.New()
		plant(t, b, "d/a.txt")
		rec := &recorder{}
		h := server.New(jailOver(t, removing{b, c.remove}, allow("**")), server.Config{Write: true, Recorder: rec, Logger: quiet})
		url := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, end := context.WithCancelCause(r.Context())
			defer end(nil)
			h.ServeHTTP(w, r.WithContext(context.WithValue(ctx, ending{}, end)))
		}))
		_, _ = try("DELETE", url+"/d/a.txt", nil)
		rec.wait(t, 1)
		_, _ = try("POST", url+"/d/", strings.NewReader("action=delete&name=a.txt"), "Content-Type", "application/x-www-form-urlencoded")
		a := rec.wait(t, 3)
		if got := outcome(a[0]); got != c.want {
			t.Errorf("%s: a DELETE is recorded as %s, want %s", what, got, c.want)
		}
		if got := outcome(a[1]); got != c.want || !a[1].Part || a[1].Name.String() != "d/a.txt" || a[1].Rule != a[0].Rule {
			t.Errorf("%s: the part is recorded as %s, want %s: %+v", what, got, c.want, a[1])
		}
		if got := strings.Replace(outcome(a[2]), "POST", "DELETE", 1); got != c.want || a[2].Part || a[2].Name.String() != "d" {
			t.Errorf("%s: the form is recorded as %s, want %s: %+v", what, got, c.want, a[2])
		}
	}
}

// TestPostRemovalRecords is TestPostActionRecords for uploads, whose store panics.
func TestPostRemovalRecords(t *testing.T) {
	rec := &recorder{}
	s := uploadsOver(t, removing{mem.New(), func(context.Context) error { panic("secret") }}, server.UploadConfig{Page: fullPage, Recorder: rec})
	r := sendBody(t, "POST", s.url+"/", "x", "Content-Disposition", "attachment; filename=a")
	var answer struct{ Files []stored }
	if err := json.Unmarshal([]byte(r.Body), &answer); err != nil || len(answer.Files) != 1 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	_, _ = try("POST", s.url+"/", strings.NewReader("action=delete&name="+answer.Files[0].ID), "Content-Type", "application/x-www-form-urlencoded")
	for _, a := range rec.wait(t, 3)[1:] {
		if a.Verdict != audit.Failed || a.Reason != audit.ReasonPanic || a.Status != 500 || a.Part != (a.Method == "DELETE") {
			t.Errorf("recorded as %+v", a)
		}
	}
}
