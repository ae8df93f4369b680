package server_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// sendBody sends a request with a body and headers given as pairs.
func sendBody(t testing.TB, method, url, body string, headers ...string) reply {
	t.Helper()
	return sendFrom(t, method, url, strings.NewReader(body), headers...)
}

func sendFrom(t testing.TB, method, url string, body io.Reader, headers ...string) reply {
	t.Helper()
	r, err := try(method, url, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func try(method, url string, body io.Reader, headers ...string) (reply, error) {
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		return reply{}, err
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, string(got)}, err
}

// writing serves b with Config.Write.
func writing(t testing.TB, b vfs.Backend, p vfs.Policy, in server.Intake) (url string, rec *recorder) {
	t.Helper()
	rec = &recorder{}
	return start(t, server.New(jailOver(t, b, p), server.Config{Write: true, Intake: in, Recorder: rec, Logger: quiet})), rec
}

func TestPutAndDelete(t *testing.T) {
	eachWritable(t, func(t *testing.T, b vfs.Backend) {
		url, rec := writing(t, b, allow("**"), server.Intake{})
		made := sendBody(t, "PUT", url+"/new/dir/a.html", "one")
		if made.Status != 201 || made.Body != "" {
			t.Fatalf("created: %d %q", made.Status, made.Body)
		}
		replaced := sendBody(t, "PUT", url+"/new/dir/a.html", "two!")
		if replaced.Status != 204 {
			t.Errorf("replaced: %d %q", replaced.Status, replaced.Body)
		}
		got := get(t, "GET", url+"/new/dir/a.html")
		if got.Status != 200 || got.Body != "two!" {
			t.Errorf("read: %d %q", got.Status, got.Body)
		}
		tags := []string{made.Header.Get("Etag"), replaced.Header.Get("Etag"), got.Header.Get("Etag")}
		if len(tags[0]) < 3 || tags[0][0] != '"' || tags[0] == tags[1] || tags[1] != tags[2] {
			t.Errorf("ETags %q", tags)
		}
		// Objects that clients write are untrusted content.
		if d := got.Header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment") || got.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("a page written by a client: %v", got.Header)
		}
		for _, r := range []reply{made, replaced} {
			if r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%v", r.Header)
			}
		}
		if r := sendBody(t, "DELETE", url+"/new/dir/a.html", ""); r.Status != 204 || r.Body != "" {
			t.Errorf("deleted: %d %q", r.Status, r.Body)
		}
		gone := get(t, "GET", url+"/new/dir/a.html")
		again := sendBody(t, "DELETE", url+"/new/dir/a.html", "")
		if gone.Status != 404 || again.Status != 404 || again.Body != gone.Body {
			t.Errorf("after: GET %d, DELETE %d", gone.Status, again.Status)
		}
		if r := sendBody(t, "PUT", url+"/empty", ""); r.Status != 201 {
			t.Errorf("an empty object: %d", r.Status)
		}
		a := rec.wait(t, 3)
		if a[0].Status != 201 || a[0].Received != 3 || a[0].Method != "PUT" || a[0].Rule != "**" || a[0].Verdict != audit.Allowed || a[1].Received != 4 {
			t.Errorf("%+v", a[:2])
		}
	})
}

// Without Config.Write, a writable backend is served like a read-only one.
func TestWritesAreOff(t *testing.T) {
	b := counted(mem.New())
	for name, h := range map[string]http.Handler{
		"no Write":          server.New(jailOver(t, b, allow("**")), server.Config{}),
		"backend read-only": server.New(jail(t, map[string]string{"a": "x"}, allow("**")), server.Config{}),
	} {
		url := start(t, h)
		for _, method := range []string{"PUT", "DELETE", "POST", "PATCH"} {
			if r := sendBody(t, method, url+"/a", "x"); r.Status != 405 || r.Header.Get("Allow") != "GET, HEAD, OPTIONS" {
				t.Errorf("%s: %s: %d %q", name, method, r.Status, r.Header.Get("Allow"))
			}
		}
	}
	if n := b.calls.Load(); n != 0 {
		t.Errorf("%d backend calls", n)
	}
	url, _ := writing(t, mem.New(), allow("**"), server.Intake{})
	for method, status := range map[string]int{"OPTIONS": 204, "POST": 405, "PATCH": 405, "MKCOL": 405, "put": 405} {
		if r := sendBody(t, method, url+"/a", ""); r.Status != status || r.Header.Get("Allow") != "GET, HEAD, OPTIONS, PUT, DELETE, COPY, MOVE" {
			t.Errorf("%s: %d %q", method, r.Status, r.Header.Get("Allow"))
		}
	}
}

// The body of a GET, HEAD or OPTIONS has no effect.
func TestReadsWithBodies(t *testing.T) {
	b, err := mem.FromMap(map[string]string{"a": "kept"})
	if err != nil {
		t.Fatal(err)
	}
	url, _ := writing(t, b, allow("**"), server.Intake{})
	for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
		if r := sendBody(t, method, url+"/a", "other"); r.Status/100 != 2 {
			t.Errorf("%s: %d", method, r.Status)
		}
	}
	if r := get(t, "GET", url+"/a"); r.Body != "kept" {
		t.Errorf("%q", r.Body)
	}
}

func TestWriteConditions(t *testing.T) {
	eachWritable(t, func(t *testing.T, b vfs.Backend) {
		url, _ := writing(t, b, allow("**"), server.Intake{})
		first := sendBody(t, "PUT", url+"/a", "1").Header.Get("Etag")
		second := sendBody(t, "PUT", url+"/a", "2").Header.Get("Etag")
		modified := get(t, "GET", url+"/a").Header.Get("Last-Modified")
		long := strings.Repeat(`"x", `, 5000)
		const zone, year1 = "Friday, 01-Jan-60 00:00:00 EST", "Mon, 01 Jan 0001 00:00:00 GMT"
		const past, future = "Tue, 01 Jan 2019 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
		for _, c := range []struct {
			method, path string
			headers      []string
			status       int
		}{
			{"PUT", "/a", []string{"If-None-Match", "*"}, 412},
			{"PUT", "/a", []string{"If-None-Match", second}, 412},
			{"PUT", "/a", []string{"If-None-Match", "W/" + second}, 412},
			{"PUT", "/a", []string{"If-Match", first}, 412},
			{"PUT", "/a", []string{"If-Match", "W/" + second}, 412},
			{"PUT", "/a", []string{"If-Match", "nonsense"}, 412},
			{"PUT", "/a", []string{"If-Unmodified-Since", past}, 412},
			{"PUT", "/nothing", []string{"If-Match", "*"}, 412},
			{"PUT", "/nothing", []string{"If-Unmodified-Since", "Fri, 31 Dec 2100 23:59:59 GMT"}, 412},
			{"PUT", "/nothing", []string{"If-Match", second}, 412},
			{"DELETE", "/a", []string{"If-Match", first}, 412},
			{"DELETE", "/a", []string{"If-None-Match", "*"}, 412},
			{"DELETE", "/a", []string{"If-Unmodified-Since", past}, 412},
			{"DELETE", "/nothing", []string{"If-None-Match", "*"}, 404},

			// An invalid precondition never makes a write unconditional.
			{"PUT", "/a", []string{"If-None-Match", long + "*"}, 412},
			{"PUT", "/a", []string{"If-None-Match", long + second}, 412},
			{"PUT", "/b", []string{"If-None-Match", long}, 412},
			{"DELETE", "/a", []string{"If-None-Match", long + second}, 412},
			{"PUT", "/a", []string{"If-Match", long + second}, 412},
			{"PUT", "/a", []string{"If-Match", second + "1234"}, 412},
			{"DELETE", "/a", []string{"If-Match", second + "1234"}, 412},
			{"PUT", "/a", []string{"If-None-Match", first + "1234"}, 412},
			{"PUT", "/b", []string{"If-None-Match", first + "1234"}, 412},
			{"DELETE", "/a", []string{"If-None-Match", "nonsense"}, 412},
			{"PUT", "/a", []string{"If-None-Match", "nonsense"}, 412},
			{"PUT", "/a", []string{"If-None-Match", ""}, 412},
			{"PUT", "/a", []string{"If-Match", ""}, 412},
			{"PUT", "/a", []string{"If-None-Match", "*", "If-None-Match", "*"}, 412},
			{"PUT", "/b", []string{"If-None-Match", "*, *"}, 412},
			{"PUT", "/a", []string{"If-Match", second, "If-None-Match", "nonsense"}, 412},
			{"PUT", "/a", []string{"If-Unmodified-Since", "nonsense"}, 412},
			{"PUT", "/b", []string{"If-Unmodified-Since", "nonsense"}, 412},
			{"PUT", "/a", []string{"If-Unmodified-Since", ""}, 412},
			{"PUT", "/a", []string{"If-Unmodified-Since", zone}, 412},
			{"PUT", "/a", []string{"If-Unmodified-Since", year1}, 412},
			{"PUT", "/a", []string{"If-Unmodified-Since", future, "If-Unmodified-Since", future}, 412},
			{"DELETE", "/a", []string{"If-Unmodified-Since", "nonsense"}, 412},
			{"DELETE", "/nothing", []string{"If-None-Match", "nonsense"}, 404},

			{"PUT", "/a", []string{"If-Match", first + ", " + second, "If-Unmodified-Since", past}, 204},
			{"PUT", "/a", []string{"If-Match", "*"}, 204},
			{"PUT", "/a", []string{"If-None-Match", first}, 204},
			{"PUT", "/a", []string{"If-Unmodified-Since", future}, 204},
			{"PUT", "/a", []string{"If-Modified-Since", modified}, 204},
			{"PUT", "/a", []string{"If-Modified-Since", "nonsense", "If-Range", "nonsense"}, 204}, // not preconditions of a write
			{"PUT", "/a", []string{"If-Match", "*", "If-Unmodified-Since", "nonsense"}, 204},
			{"PUT", "/b", []string{"If-None-Match", "*"}, 201},
			{"DELETE", "/b", []string{"If-Match", "*"}, 204},
		} {
			r := sendBody(t, c.method, url+c.path, "new", c.headers...)
			if r.Status != c.status {
				t.Errorf("%s %s %q: %d, want %d", c.method, c.path, c.headers, r.Status, c.status)
			}
			if c.status == 412 {
				if now := get(t, "GET", url+"/a"); now.Body != "2" || now.Header.Get("Etag") != second {
					t.Fatalf("%s %s %q changed something: %q", c.method, c.path, c.headers, now.Body)
				}
			}
		}
	})
}

// A caller who may write but not read learns no validator.
func TestPreconditionLeaksNoValidator(t *testing.T) {
	for _, mayRead := range []bool{false, true} {
		b, err := mem.FromMap(map[string]string{"a": "x"})
		if err != nil {
			t.Fatal(err)
		}
		p := allow("**")
		p.Authorize = vfs.AuthorizeFunc(func(_ context.Context, op vfs.Op, _ vfs.Name) error {
			if op == vfs.OpRead && !mayRead {
				return errors.New("no")
			}
			return nil
		})
		url, _ := writing(t, b, p, server.Intake{})
		for _, method := range []string{"PUT", "DELETE"} {
			r := sendBody(t, method, url+"/a", "y", "If-Match", `"guess"`)
			if r.Status != 412 || (r.Header.Get("Etag") != "") != mayRead || r.Header.Get("Last-Modified") != "" {
				t.Errorf("may read %t: %s: %d %v", mayRead, method, r.Status, r.Header)
			}
		}
	}
}

// Of 64 clients that create a name at the same time, exactly one succeeds.
func TestConcurrentCreates(t *testing.T) {
	eachWritable(t, func(t *testing.T, b vfs.Backend) {
		url, _ := writing(t, b, allow("**"), server.Intake{Slots: server.NewSlots(100)})
		var won, lost atomic.Int64
		var winner atomic.Value
		var group errgroup.Group
		for i := range 64 {
			group.Go(func() error {
				body := strings.Repeat(string(rune('A'+i)), 1000)
				r, err := try("PUT", url+"/one", strings.NewReader(body), "If-None-Match", "*")
				switch {
				case err != nil:
					return err
				case r.Status == 201:
					won.Add(1)
					winner.Store(body)
				case r.Status == 412:
					lost.Add(1)
				default:
					t.Errorf("%d %q", r.Status, r.Body)
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		if won.Load() != 1 || lost.Load() != 63 {
			t.Fatalf("%d succeeded, %d failed", won.Load(), lost.Load())
		}
		if r := get(t, "GET", url+"/one"); r.Body != winner.Load() {
			t.Error("the object is not the body of the request that succeeded")
		}
	})
}

// A read during writes returns one complete version.
func TestReadsDuringWrites(t *testing.T) {
	const size, versions, readers = 300_000, 20, 4
	eachWritable(t, func(t *testing.T, b vfs.Backend) {
		url, _ := writing(t, b, allow("**"), server.Intake{})
		version := func(i int) string { return strings.Repeat(string(rune('a'+i)), size) }
		sendBody(t, "PUT", url+"/a", version(0))
		done := make(chan struct{})
		var group errgroup.Group
		for range readers {
			group.Go(func() error {
				for {
					select {
					case <-done:
						return nil
					default:
					}
					r, err := try("GET", url+"/a", nil)
					if err != nil {
						continue // truncated, which the client has noticed
					}
					if r.Status != 200 || len(r.Body) != size || strings.Count(r.Body, r.Body[:1]) != size {
						t.Errorf("%d, %d bytes, not one complete version", r.Status, len(r.Body))
					}
				}
			})
		}
		for i := range versions {
			if r := sendBody(t, "PUT", url+"/a", version(i)); r.Status != 204 {
				t.Errorf("version %d: %d", i, r.Status)
			}
		}
		close(done)
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
	})
}

// Names that the policy allows but that cannot be created. The client learns the reason,
// unless that would reveal a name that it may not see.
func TestNamesThatCannotBeCreated(t *testing.T) {
	eachWritable(t, func(t *testing.T, b vfs.Backend) {
		p := allow("**/*.txt", "**/*.", "**/* ", "aux", "a*b")
		p.Deny = vfs.Patterns("hidden")
		url, rec := writing(t, b, p, server.Intake{})
		plant(t, b, "Docs/Read.txt", "hidden/Secret.txt", "notes.TXT")
		missing := sendBody(t, "DELETE", url+"/nothing.txt", "")
		for i, c := range []struct {
			path   string
			status int
			reason vfs.Reason
		}{
			{"/a:b", 422, reason.CreateChar},
			{"/a%3Fb", 422, reason.CreateChar},
			{"/" + strings.Repeat("d/", 64) + "e.txt", 422, reason.CreateDepth},
			{"/aux", 422, reason.CreateDevice},
			{"/sub/con.txt", 422, reason.CreateDevice},
			{"/e.", 422, reason.CreateTrailing},
			{"/e%20", 422, reason.CreateTrailing},
			{"/e%CC%81.txt", 422, reason.CreateNFC},
			{"/Docs/read.txt", 409, reason.CreateSibling},
			{"/docs/other.txt", 404, reason.HiddenSibling}, // directories are not visible without listings
			{"/Hidden/new.txt", 404, reason.PolicyDeny},
			{"/notes.txt", 404, reason.HiddenSibling},
			{"/.env.txt", 404, reason.PolicyDotfile},
			{"/a.html", 404, reason.PolicyNoAllow},
			{"/Docs", 404, reason.PolicyNoAllow},
		} {
			r := sendBody(t, "PUT", url+c.path, "x")
			a := rec.wait(t, i+2)[i+1]
			if r.Status != c.status || a.Reason != c.reason || a.Verdict != audit.Refused {
				t.Errorf("%s: %d, recorded as %s %q", c.path, r.Status, a.Verdict, a.Reason)
			}
			if a.Received != 0 {
				t.Errorf("%s: %d bytes were read", c.path, a.Received)
			}
			if c.status == 404 {
				r.Header.Del("Date")
				want := missing.Header.Clone()
				want.Del("Date")
				sameHeaders(t, r.Header, want)
				if r.Body != missing.Body {
					t.Errorf("%s: %q", c.path, r.Body)
				}
			}
		}
		for _, path := range []string{"/Docs/new.txt", "/new.txt", "/gr%C3%BC%C3%9Fe.txt"} {
			if r := sendBody(t, "PUT", url+path, "x"); r.Status != 201 {
				t.Errorf("%s: %d", path, r.Status)
			}
		}
	})
}

// Directories are not objects, neither for writes nor for reads.
func TestDirectoriesCannotBeWritten(t *testing.T) {
	eachWritable(t, func(t *testing.T, b vfs.Backend) {
		url, _ := writing(t, b, allow("**"), server.Intake{})
		plant(t, b, "dir/a", "dir/index.html", "file")
		paths := []string{"/", "/dir/", "/new/", "/file/"}
		if b.Caps().Directories {
			paths = append(paths, "/dir", "/file/below")
		}
		for _, path := range paths {
			for _, method := range []string{"PUT", "DELETE"} {
				if r := sendBody(t, method, url+path, "x"); r.Status != 404 || r.Body != "not found\n" {
					t.Errorf("%s %s: %d %q", method, path, r.Status, r.Body)
				}
			}
		}
		for path, want := range map[string]string{"/dir/a": "dir/a", "/dir/index.html": "dir/index.html", "/file": "file"} {
			if r := get(t, "GET", url+path); r.Body != want {
				t.Errorf("%s: %d %q", path, r.Status, r.Body)
			}
		}
	})
}

// A page of another site cannot write, whatever requests it makes a browser send. The
// response does not depend on the name.
func TestCrossOriginWrites(t *testing.T) {
	b := counted(mem.New())
	url, rec := writing(t, b, allow("a"), server.Intake{})
	missing := sendBody(t, "DELETE", url+"/nothing", "")
	calls := b.calls.Load()
	seen := 1
	for _, headers := range [][]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "same-site", "Origin", url},
		{"Origin", "https://evil.example"}, {"Origin", "null"},
	} {
		for _, method := range []string{"PUT", "DELETE"} {
			for _, path := range []string{"/a", "/nothing", "/%2e%2e"} {
				r := sendBody(t, method, url+path, "x", headers...)
				seen++
				if a := rec.wait(t, seen)[seen-1]; r.Status != 404 || r.Body != missing.Body || a.Reason != audit.ReasonCrossOrigin {
					t.Errorf("%s %s %q: %d, recorded %q", method, path, headers, r.Status, a.Reason)
				}
			}
		}
	}
	if b.calls.Load() != calls {
		t.Error("the backend was called")
	}
	for _, headers := range [][]string{{}, {"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Site", "none"}, {"Origin", url}} {
		if r := sendBody(t, "PUT", url+"/a", "x", headers...); r.Status/100 != 2 {
			t.Errorf("%q: %d", headers, r.Status)
		}
	}
	if r := get(t, "GET", url+"/a", "Origin", "https://evil.example"); r.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("CORS allows another origin")
	}
}

// If the backend fails, the response does not contain its error, and nothing has changed.
func TestWriteFailures(t *testing.T) {
	for _, c := range []struct {
		name   string
		fault  vfstest.Fault
		status int
		reason vfs.Reason
	}{
		{"full", vfstest.FailOp("put", vfs.ErrFull), 507, audit.ReasonFull},
		{"full, midway", vfstest.Fault{Op: "put", Err: errors.Join(errors.New("at /srv/private"), vfs.ErrFull)}, 507, audit.ReasonFull},
		{"unavailable", vfstest.FailOp("put", vfs.ErrUnavailable), 503, audit.ReasonUnavailable},
		{"broken", vfstest.FailOp("put", errors.New("at /srv/private")), 503, audit.ReasonBackend},
		{"stat fails", vfstest.FailOp("stat", vfs.ErrUnavailable), 503, audit.ReasonUnavailable},
		{"list fails", vfstest.FailOp("list", errors.New("at /srv/private")), 503, audit.ReasonBackend},
	} {
		inner := mem.New()
		faults := vfstest.NewFaults(inner, c.fault)
		url, rec := writing(t, faults, allow("**"), server.Intake{})
		r := sendBody(t, "PUT", url+"/a", "body")
		a := rec.wait(t, 1)[0]
		if r.Status != c.status || a.Reason != c.reason || a.Verdict != audit.Failed || strings.Contains(r.Body, "srv") {
			t.Errorf("%s: %d %q, recorded %s %q", c.name, r.Status, r.Body, a.Verdict, a.Reason)
		}
		if retry := r.Header.Get("Retry-After"); (retry != "") != (c.status == 503) {
			t.Errorf("%s: Retry-After %q", c.name, retry)
		}
		for range inner.List(t.Context(), vfs.Root, "") {
			t.Errorf("%s: something was stored", c.name)
		}
	}
	removes := vfstest.NewFaults(mem.New(), vfstest.FailOp("remove", vfs.ErrUnavailable))
	url, _ := writing(t, removes, allow("**"), server.Intake{})
	if r := sendBody(t, "DELETE", url+"/a", ""); r.Status != 503 {
		t.Errorf("DELETE: %d", r.Status)
	}
}

// plant stores objects without the jail. The content of each is its name.
func plant(t testing.TB, b vfs.Backend, names ...string) {
	t.Helper()
	for _, s := range names {
		n, err := vfs.ParseName(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Put(t.Context(), n, strings.NewReader(s), vfs.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// contents returns all objects in b with their contents.
func contents(t testing.TB, b vfs.Backend) map[string]string {
	t.Helper()
	all := map[string]string{}
	var walk func(vfs.Name)
	walk = func(dir vfs.Name) {
		for e, err := range b.List(t.Context(), dir, "") {
			if err != nil {
				t.Fatal(err)
			}
			n, err := dir.Child(e.Elem)
			if err != nil {
				t.Fatal(err)
			}
			if e.Kind == vfs.KindDir {
				walk(n)
				continue
			}
			obj, err := b.Open(t.Context(), n, vfs.Request{})
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(obj.Body)
			obj.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			all[n.String()] = string(data)
		}
	}
	walk(vfs.Root)
	return all
}
