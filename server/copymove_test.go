package server_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/layer/mount"
	"github.com/bailiwick-fs/bailiwick/backends/layer/overlay"
	"github.com/bailiwick-fs/bailiwick/backends/layer/readonly"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

func TestCopyAndMove(t *testing.T) {
	eachWritable(t, func(t *testing.T, b vfs.Backend) {
		url, rec := writing(t, b, allow("**"), server.Intake{})
		tag := sendBody(t, "PUT", url+"/a b.txt", "one").Header.Get("Etag")
		for i, c := range []struct {
			method, path, to string
			headers          []string
			status           int
			gone, holds      string
		}{
			{"COPY", "/a%20b.txt", url + "/deep/c.txt", nil, 201, "", "/deep/c.txt"},
			{"COPY", "/a%20b.txt", "/deep/c.txt", nil, 204, "", "/deep/c.txt"},
			{"COPY", "/a%20b.txt", "/deep/c.txt", []string{"Overwrite", "F"}, 412, "", "/deep/c.txt"},
			{"COPY", "/a%20b.txt", "/d%20%C3%A9.txt", []string{"If-Match", tag, "Overwrite", "F"}, 201, "", "/d%20%C3%A9.txt"},
			{"MOVE", "/a%20b.txt", "/e.txt", []string{"If-Match", `"another"`}, 412, "/e.txt", "/a%20b.txt"},
			{"MOVE", "/a%20b.txt", "/deep/c.txt", []string{"Overwrite", "F"}, 412, "", "/a%20b.txt"},
			{"MOVE", "/a%20b.txt", "/e.txt", []string{"If-Match", tag, "Overwrite", "T"}, 201, "/a%20b.txt", "/e.txt"},
			{"MOVE", "/e.txt", "/deep/c.txt", nil, 204, "/e.txt", "/deep/c.txt"},
			{"COPY", "/deep/c.txt", "/f.txt", []string{"If-None-Match", "*"}, 412, "/f.txt", "/deep/c.txt"},
			{"MOVE", "/e.txt", "/deep/c.txt", nil, 404, "/e.txt", "/deep/c.txt"},
			{"MOVE", "/deep/c.txt", "/deep/c.txt", nil, 403, "/e.txt", "/deep/c.txt"},
			{"COPY", "/deep/c.txt", "/deep/c.txt", nil, 403, "/e.txt", "/deep/c.txt"},
		} {
			r := sendBody(t, c.method, url+c.path, "", append(c.headers, "Destination", c.to)...)
			if r.Status != c.status {
				t.Fatalf("%d: %s %s to %s: %d %q, want %d", i, c.method, c.path, c.to, r.Status, r.Body, c.status)
			}
			if c.gone != "" && get(t, "GET", url+c.gone).Status != 404 {
				t.Errorf("%d: %s is still there", i, c.gone)
			}
			got := get(t, "GET", url+c.holds)
			if got.Body != "one" {
				t.Errorf("%d: %s: %d %q", i, c.holds, got.Status, got.Body)
			}
			if r.Status < 300 && (r.Header.Get("Etag") == "" || r.Header.Get("Etag") != got.Header.Get("Etag")) {
				t.Errorf("%d: the ETag is %q, GET sends %q", i, r.Header.Get("Etag"), got.Header.Get("Etag"))
			}
		}
		for _, a := range rec.wait(t, 3)[1:2] {
			if a.Method != "COPY" || a.Name.String() != "a b.txt" || a.To.String() != "deep/c.txt" || a.Rule != "**" || a.Verdict != audit.Allowed {
				t.Errorf("the record of a copy: %+v", a)
			}
		}
	})
}

// A Destination that is malformed is an error; one that leads elsewhere, or outside of
// the policy, is the uniform 404. Neither copies anything.
func TestDestination(t *testing.T) {
	b, err := mem.FromMap(map[string]string{"pub/a.txt": "one", "secret.txt": "secret", "pub/dir/x": "x", "pub/other.txt": "other"})
	if err != nil {
		t.Fatal(err)
	}
	url, _ := writing(t, b, allow("pub/**"), server.Intake{})
	host := strings.TrimPrefix(url, "http://")
	missing := get(t, "GET", url+"/pub/none")
	for _, c := range []struct {
		to     []string
		status int
	}{
		{nil, 400},
		{[]string{"/pub/b", "/pub/c"}, 400},
		{[]string{""}, 400},
		{[]string{"pub/b"}, 400},
		{[]string{"//" + host + "/pub/b"}, 400},
		{[]string{"http:/pub/b"}, 400},
		{[]string{"http:pub/b"}, 400},
		{[]string{"http://user:word@" + host + "/pub/b"}, 400},
		{[]string{url + "/pub/b?x"}, 400},
		{[]string{url + "/pub/b?"}, 400},
		{[]string{url + "/pub/b#x"}, 400},
		{[]string{"/pub/%zz"}, 400},
		{[]string{"*"}, 400},
		{[]string{url}, 400},
		{[]string{"http://evil.example/pub/b"}, 404},
		{[]string{"ftp://" + host + "/pub/b"}, 404},
		{[]string{"http://" + host + "1/pub/b"}, 404},
		{[]string{"/secret.txt"}, 404},
		{[]string{"/pub/../secret.txt"}, 404},
		{[]string{"/pub/%2e%2e/secret.txt"}, 404},
		{[]string{"/pub/..%2fsecret.txt"}, 404},
		{[]string{"/pub%2Fb"}, 404},
		{[]string{"/pub%2Fä"}, 404}, // a byte that net/url does not accept in a path
		{[]string{"/pub/b%2F{"}, 404},
		{[]string{"/pub/b%00"}, 404},
		{[]string{"/pub//b"}, 404},
		{[]string{"/pub/.hidden"}, 404},
		{[]string{"/pub/b/"}, 404},
		{[]string{"/"}, 404},
		{[]string{"/elsewhere"}, 404},
		{[]string{"/pub/dir"}, 404},
		{[]string{"/pub/a.txt/below"}, 404},
		{[]string{"/pub/Other.txt"}, 409},
		{[]string{"/pub/aux"}, 422},
	} {
		for _, method := range []string{"COPY", "MOVE"} {
			var headers []string
			for _, to := range c.to {
				headers = append(headers, "Destination", to)
			}
			r := sendBody(t, method, url+"/pub/a.txt", "", headers...)
			if r.Status != c.status || r.Status == 404 && r.Body != missing.Body {
				t.Errorf("%s to %q: %d %q, want %d", method, c.to, r.Status, r.Body, c.status)
			}
		}
	}
	for _, c := range [][2]string{{"Overwrite", "f"}, {"Overwrite", ""}, {"Overwrite", "T, F"}} {
		if r := sendBody(t, "COPY", url+"/pub/a.txt", "", "Destination", "/pub/b", c[0], c[1]); r.Status != 400 {
			t.Errorf("%s: %q: %d", c[0], c[1], r.Status)
		}
	}
	// What may not be read cannot be copied into view.
	for _, from := range []string{"/secret.txt", "/pub/none", "/pub/dir", "/pub/dir/", "/"} {
		if r := sendBody(t, "COPY", url+from, "", "Destination", "/pub/b"); r.Status != 404 || r.Body != missing.Body {
			t.Errorf("COPY %s: %d %q", from, r.Status, r.Body)
		}
	}
	if got := names(t, b); got != "pub/a.txt pub/dir/x pub/other.txt secret.txt" {
		t.Errorf("the backend holds %s", got)
	}
}

// names returns all names in b.
func names(t *testing.T, b vfs.Backend) string {
	t.Helper()
	var all []string
	var walk func(dir vfs.Name)
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
			} else {
				all = append(all, n.String())
			}
		}
	}
	walk(vfs.Root)
	return strings.Join(all, " ")
}

// A handler below a prefix takes only destinations below the same prefix, and none that
// its router would give to another handler.
func TestDestinationBelowAMount(t *testing.T) {
	b, err := mem.FromMap(map[string]string{"a": "one"})
	if err != nil {
		t.Fatal(err)
	}
	cfg := server.Config{Write: true, Logger: quiet}
	cfg.Auth.HasURL = func(_, path string) bool { return !strings.HasPrefix(path, "/my%20files/other/") }
	h := http.StripPrefix("/my files", server.New(jailOver(t, b, allow("**")), cfg))
	url := start(t, h)
	for _, c := range []struct {
		to     string
		status int
	}{
		{"/my%20files/b", 201},
		{url + "/my%20files/c", 201},
		{"/b", 404},
		{"/my%20filesb", 404},
		{"/my%20files/other/b", 404},
		{"/my%20files/../my%20files/b", 404},
	} {
		if r := sendBody(t, "COPY", url+"/my%20files/a", "", "Destination", c.to); r.Status != c.status {
			t.Errorf("COPY to %s: %d %q, want %d", c.to, r.Status, r.Body, c.status)
		}
	}
	if got := names(t, b); got != "a b c" {
		t.Errorf("the backend holds %s", got)
	}
}

// Each right is needed on its own object: read and, for MOVE, delete on the source, and
// write on the destination.
func TestCopyMoveRights(t *testing.T) {
	for _, c := range []struct {
		what       string
		may        map[string][]vfs.Op
		copy, move int
	}{
		{"all", map[string][]vfs.Op{"from": {vfs.OpRead, vfs.OpDelete}, "to": {vfs.OpWrite}}, 201, 201},
		{"no delete", map[string][]vfs.Op{"from": {vfs.OpRead, vfs.OpWrite}, "to": {vfs.OpWrite, vfs.OpDelete}}, 201, 404},
		{"no read", map[string][]vfs.Op{"from": {vfs.OpWrite, vfs.OpDelete}, "to": {vfs.OpRead, vfs.OpWrite, vfs.OpDelete}}, 404, 404},
		{"no write", map[string][]vfs.Op{"from": {vfs.OpRead, vfs.OpWrite, vfs.OpDelete}, "to": {vfs.OpRead, vfs.OpDelete}}, 404, 404},
	} {
		for method, want := range map[string]int{"COPY": c.copy, "MOVE": c.move} {
			b, err := mem.FromMap(map[string]string{"from": "one"})
			if err != nil {
				t.Fatal(err)
			}
			p := allow("**")
			p.Authorize = access.Func(func(_ context.Context, _ auth.Principal, op vfs.Op, n vfs.Name) bool {
				return slices.Contains(c.may[n.String()], op)
			})
			url, _ := writing(t, b, p, server.Intake{})
			if r := sendBody(t, method, url+"/from", "", "Destination", "/to"); r.Status != want {
				t.Errorf("%s: %s: %d %q, want %d", c.what, method, r.Status, r.Body, want)
			}
		}
	}
}

// A failed copy does not tell the version of a destination that the caller may not read.
func TestCopyTellsNoVersion(t *testing.T) {
	b, err := mem.FromMap(map[string]string{"from": "one", "to": "two"})
	if err != nil {
		t.Fatal(err)
	}
	p := allow("**")
	p.Authorize = access.Func(func(_ context.Context, _ auth.Principal, op vfs.Op, n vfs.Name) bool {
		return n.String() == "from" || op == vfs.OpWrite
	})
	url, _ := writing(t, b, p, server.Intake{})
	r := sendBody(t, "COPY", url+"/from", "", "Destination", "/to", "Overwrite", "F")
	if r.Status != 412 || r.Header.Get("Etag") != "" {
		t.Errorf("%d, ETag %q", r.Status, r.Header.Get("Etag"))
	}
	r = sendBody(t, "COPY", url+"/from", "", "Destination", "/to", "If-Match", `"another"`)
	if r.Status != 412 || r.Header.Get("Etag") == "" {
		t.Errorf("of another version: %d, ETag %q", r.Status, r.Header.Get("Etag"))
	}
}

// What a PUT would not accept under a name gets there by no rename either.
func TestRenameIsNoIntake(t *testing.T) {
	types, err := server.ParseTypes("text/plain", "image/png")
	if err != nil {
		t.Fatal(err)
	}
	images, err := server.ParseTypes("image/*")
	if err != nil {
		t.Fatal(err)
	}
	rejected := inspectorFunc(func(_ context.Context, u *server.Upload) error {
		if u.Filename == "run.txt" {
			return server.ErrRejected
		}
		return nil
	})
	for _, c := range []struct {
		what   string
		in     server.Intake
		to     string
		status int
	}{
		{"an accepted type", server.Intake{Types: types}, "/b.txt", 201},
		{"a type that is not accepted", server.Intake{Types: types}, "/a.html", 415},
		{"an accepted type that the content does not have", server.Intake{Types: images}, "/a.png", 415},
		{"a name that the Inspector rejects", server.Intake{Inspect: rejected}, "/run.txt", 422},
		{"a name that the Inspector accepts", server.Intake{Inspect: rejected}, "/b.txt", 201},
	} {
		for _, method := range []string{"COPY", "MOVE"} {
			b, err := mem.FromMap(map[string]string{"a.txt": "plain text"})
			if err != nil {
				t.Fatal(err)
			}
			url, _ := writing(t, b, allow("**"), c.in)
			if r := sendBody(t, method, url+"/a.txt", "", "Destination", c.to); r.Status != c.status {
				t.Errorf("%s: %s: %d %q, want %d", c.what, method, r.Status, r.Body, c.status)
			}
			if got := get(t, "GET", url+c.to).Status; (got == 200) != (c.status == 201) {
				t.Errorf("%s: %s: then GET is %d", c.what, method, got)
			}
		}
	}
	b, err := mem.FromMap(map[string]string{"a": strings.Repeat("x", 100)})
	if err != nil {
		t.Fatal(err)
	}
	url, _ := writing(t, b, allow("**"), server.Intake{MaxBytes: 99})
	if r := sendBody(t, "COPY", url+"/a", "", "Destination", "/b"); r.Status != 413 {
		t.Errorf("a COPY of more than a body may have: %d", r.Status)
	}
	if r := sendBody(t, "MOVE", url+"/a", "", "Destination", "/b"); r.Status != 201 {
		t.Errorf("a MOVE, which takes no room: %d", r.Status)
	}
}

// Without Write, and across origins, nothing is copied.
func TestCopyMoveRefused(t *testing.T) {
	b, err := mem.FromMap(map[string]string{"a": "one"})
	if err != nil {
		t.Fatal(err)
	}
	readOnly := start(t, server.New(jailOver(t, b, allow("**")), server.Config{Logger: quiet}))
	url, _ := writing(t, b, allow("**"), server.Intake{})
	for _, method := range []string{"COPY", "MOVE"} {
		if r := sendBody(t, method, readOnly+"/a", "", "Destination", "/b"); r.Status != 405 {
			t.Errorf("%s without Write: %d", method, r.Status)
		}
		if r := sendBody(t, method, url+"/a", "", "Destination", "/b", "Sec-Fetch-Site", "cross-site"); r.Status != 404 {
			t.Errorf("%s of a page of another site: %d", method, r.Status)
		}
	}
	if got := names(t, b); got != "a" {
		t.Errorf("the backend holds %s", got)
	}
}

// An If with the version of the destination replaces that version only. What is replaced without
// the client's knowledge is lost, so an If that cannot be evaluated is an error.
func TestDestinationVersion(t *testing.T) {
	eachWritable(t, func(t *testing.T, b vfs.Backend) {
		url, _ := writing(t, b, allow("**"), server.Intake{})
		for _, method := range []string{"COPY", "MOVE"} {
			there := sendBody(t, "PUT", url+"/d/there.txt", "seen by "+method).Header.Get("Etag")
			now := sendBody(t, "PUT", url+"/d/there.txt", "of a colleague, for "+method).Header.Get("Etag")
			sendBody(t, "PUT", url+"/a.txt", "mine, by "+method)
			for _, c := range []struct {
				condition []string
				status    int
			}{
				{[]string{"</d/there.txt> ([" + there + "])"}, 412},
				{[]string{"</d/there.txt> ([W/" + now + "])"}, 412},
				{[]string{"</d/none.txt> ([" + now + "])"}, 400},
				{[]string{"</a.txt> ([" + now + "])"}, 400},
				{[]string{"<//d/there.txt> ([" + now + "])"}, 400},
				{[]string{"<http://evil.example/d/there.txt> ([" + now + "])"}, 400},
				{[]string{"([" + now + "])"}, 400},
				{[]string{"</d/there.txt> (Not [" + now + "])"}, 400},
				{[]string{"</d/there.txt> ([" + there + "]) ([" + now + "])"}, 400},
				{[]string{"</d/there.txt> ([" + now + "] <urn:x>)"}, 400},
				{[]string{"</d/there.txt> (<opaquelocktoken:1>)"}, 400},
				{[]string{"</d/there.txt> ([" + now + "]"}, 400},
				{[]string{"</d/there.txt> ([" + now + ")"}, 400},
				{[]string{"</d/there.txt> " + now}, 400},
				{[]string{""}, 400},
				{[]string{"</d/there.txt> ([" + now + "])", "</d/there.txt> ([" + now + "])"}, 400},
			} {
				headers := []string{"Destination", "/d/there.txt"}
				for _, line := range c.condition {
					headers = append(headers, "If", line)
				}
				if r := sendBody(t, method, url+"/a.txt", "", headers...); r.Status != c.status {
					t.Errorf("%s, If: %q: %d %s, want %d", method, c.condition, r.Status, r.Body, c.status)
				}
				if r := get(t, "GET", url+"/d/there.txt"); r.Body != "of a colleague, for "+method {
					t.Fatalf("%s, If: %q: the destination is %q", method, c.condition, r.Body)
				}
			}
			if r := sendBody(t, method, url+"/a.txt", "", "Destination", "/d/new.txt", "If", "</d/new.txt> (["+now+"])"); r.Status != 412 {
				t.Errorf("%s to a name without an object: %d %s", method, r.Status, r.Body)
			}
			if r := sendBody(t, method, url+"/a.txt", "", "Destination", "/d/there.txt", "Overwrite", "T", "If", " <"+url+"/d/%74here.txt>  ( [ "+now+" ] ) "); r.Status != 204 {
				t.Errorf("%s over the version that is there: %d %s", method, r.Status, r.Body)
			}
			if r := get(t, "GET", url+"/d/there.txt"); r.Body != "mine, by "+method {
				t.Errorf("%s: the destination is %q", method, r.Body)
			}
		}
	})
}

// The case of a name can be corrected, by a MOVE and by a form.
func TestMoveCorrectsCase(t *testing.T) {
	eachWritable(t, func(t *testing.T, b vfs.Backend) {
		base, _ := writing(t, b, allow("**"), server.Intake{})
		if r := sendBody(t, "PUT", base+"/d/readme.txt", "text"); r.Status != 201 {
			t.Fatal(r.Status)
		}
		if r := sendBody(t, "MOVE", base+"/d/readme.txt", "", "Destination", "/d/README.txt", "Overwrite", "F"); r.Status != 201 {
			t.Errorf("MOVE: %d %q", r.Status, r.Body)
		}
		if r := sendBody(t, "POST", base+"/d/", "action=move&name=README.txt&to=Readme.txt", "Content-Type", "application/x-www-form-urlencoded"); r.Status != 201 {
			t.Errorf("the form: %d %q", r.Status, r.Body)
		}
		if r := sendBody(t, "COPY", base+"/d/Readme.txt", "", "Destination", "/d/README.txt"); r.Status != 409 && r.Status != 404 {
			t.Errorf("COPY: %d %q", r.Status, r.Body)
		}
		if got := contents(t, b); len(got) != 1 || got["d/Readme.txt"] != "text" {
			t.Errorf("%q", got)
		}
	})
}

// A failure of the store is not taken for an object that does not fit: operators see it. What a MOVE
// has copied before the removal fails is there.
func TestTransferFails(t *testing.T) {
	for what, c := range map[string]struct {
		join   func(top vfs.Backend) (vfs.Backend, error)
		method string
		copied bool
	}{
		"no removal": {func(top vfs.Backend) (vfs.Backend, error) {
			low, err := mem.FromMap(map[string]string{"x": "low"})
			if err != nil {
				return nil, err
			}
			return mount.New(top, mount.Point{At: "d", Backend: readonly.New(low)})
		}, "MOVE", true},
		"no copy": {func(top vfs.Backend) (vfs.Backend, error) { return unsupportedPuts{top}, nil }, "COPY", false},
		"no move": {func(top vfs.Backend) (vfs.Backend, error) { return unsupportedPuts{top}, nil }, "MOVE", false},
	} {
		top, err := mem.FromMap(map[string]string{"c": "there", "d/x": "low"})
		if err != nil {
			t.Fatal(err)
		}
		b, err := c.join(top)
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		url := start(t, server.New(jailOver(t, b, allow("**")), server.Config{Write: true, Logger: slog.New(slog.NewTextHandler(&log, nil))}))
		if r := sendBody(t, c.method, url+"/d/x", "", "Destination", "/c"); r.Status != 500 || !strings.Contains(log.String(), "backend failed") {
			t.Errorf("%s: %s: %d, logged %q", what, c.method, r.Status, &log)
		}
		want := "there"
		if c.copied {
			want = "low"
		}
		if got := get(t, "GET", url+"/c").Body; got != want {
			t.Errorf("%s: the destination is %q, want %q", what, got, want)
		}
		if got := get(t, "GET", url+"/d/x").Body; got != "low" {
			t.Errorf("%s: the object is %q", what, got)
		}
	}
}

// An unsupportedPuts is a backend that turns out to store nothing.
type unsupportedPuts struct{ vfs.Backend }

func (unsupportedPuts) Put(_ context.Context, n vfs.Name, _ io.Reader, _ vfs.PutOptions) (vfs.Info, error) {
	return vfs.Info{}, &vfs.Error{Op: "put", Name: n.String(), Err: vfs.ErrUnsupported}
}

// A keepingBackend stores codings.
type keepingBackend struct{ codedBackend }

func (b keepingBackend) Caps() vfs.Caps {
	caps := b.Backend.Caps()
	caps.Encodings, caps.Moves = true, false
	return caps
}

func (b keepingBackend) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	info, err := b.Backend.Put(ctx, n, body, opts)
	if err == nil {
		b.codings[n.String()] = opts.Encoding
		info.Encoding = opts.Encoding
	}
	return info, err
}

// An object that is stored with a content coding keeps it, or it is neither copied nor moved:
// without the coding, clients would take its bytes for the object itself.
func TestCopyAndMoveKeepTheCoding(t *testing.T) {
	coded := func() codedBackend {
		b, err := mem.FromMap(map[string]string{"a.css": "coded", "d/a.css": "coded"})
		if err != nil {
			t.Fatal(err)
		}
		return codedBackend{b, map[string]string{"a.css": "gzip", "d/a.css": "gzip"}}
	}
	plain := func() vfs.Backend {
		b, err := mem.FromMap(map[string]string{"c.css": "plain"})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	overlaid := func(top vfs.Backend) (vfs.Backend, error) {
		return overlay.New([]vfs.Backend{top, coded()}, overlay.Options{})
	}
	mounted := func(top vfs.Backend) (vfs.Backend, error) {
		return mount.New(top, mount.Point{At: "d", Backend: keepingBackend{coded()}})
	}
	for _, tt := range []struct {
		what string
		join func(top vfs.Backend) (vfs.Backend, error)
		top  vfs.Backend
		from string
		kept bool
	}{
		{"an overlay that loses it", overlaid, plain(), "/a.css", false},
		{"an overlay that keeps it", overlaid, keepingBackend{codedBackend{plain(), map[string]string{}}}, "/a.css", true},
		{"a mount that loses it", mounted, plain(), "/d/a.css", false},
		{"a mount that keeps it", mounted, keepingBackend{codedBackend{plain(), map[string]string{}}}, "/d/a.css", true},
	} {
		b, err := tt.join(tt.top)
		if err != nil {
			t.Fatal(err)
		}
		url, _ := writing(t, b, allow("**"), server.Intake{})
		for _, c := range []struct{ method, to, was string }{
			{"COPY", "/b.css", ""}, {"COPY", "/c.css", "plain"}, {"MOVE", "/c.css", "plain"}, {"MOVE", "/e.css", ""},
		} {
			if got := get(t, "GET", url+tt.from, "Accept-Encoding", "gzip"); got.Status != 200 || got.Header.Get("Content-Encoding") != "gzip" {
				break // moved
			}
			r := sendBody(t, c.method, url+tt.from, "", "Destination", c.to)
			got := get(t, "GET", url+c.to, "Accept-Encoding", "gzip")
			switch {
			case tt.kept != (r.Status < 300), !tt.kept && r.Status != 409:
				t.Errorf("%s: %s to %s: %d", tt.what, c.method, c.to, r.Status)
			case tt.kept && (got.Body != "coded" || got.Header.Get("Content-Encoding") != "gzip"):
				t.Errorf("%s: after %s, %s is %d %q, coding %q", tt.what, c.method, c.to, got.Status, got.Body, got.Header.Get("Content-Encoding"))
			case !tt.kept && (got.Status == 200) != (c.was != ""), !tt.kept && c.was != "" && (got.Body != c.was || got.Header.Get("Content-Encoding") != ""):
				t.Errorf("%s: after a failed %s, %s is %d %q", tt.what, c.method, c.to, got.Status, got.Body)
			}
		}
	}
}
