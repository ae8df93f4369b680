package server_test

import (
	"fmt"
	"net/http/httptest"
	neturl "net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/internal/memcatalog"
	"github.com/bailiwick-fs/bailiwick/server/internal/page"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// The page of a file shows what cannot run, and text as text.
func TestShowPreview(t *testing.T) {
	files := map[string]string{
		"d/a.png": "x", "d/a.mp3": "x", "d/a.mp4": "x", "d/a.pdf": "%PDF", "d/a.svg": "<svg/>", "d/a.html": "<script>1</script>", "d/a.xhtml": "<html/>", "d/a.mht": "x",
		"d/a.md": "# <b>", "d/a.txt": "<script>alert(1)</script>", "d/a.json": "{}", "d/bad.txt": "\xff\xfe", "d/large.txt": strings.Repeat("x", 1<<20+1), "d/full.txt": strings.Repeat("x", 1<<20), "d/a.zip": "PK",
	}
	rec := &recorder{}
	url := start(t, server.New(jail(t, files, allow("**")), server.Config{List: true, Page: fullPage, Content: server.ContentUntrusted, Recorder: rec}))
	for name, want := range map[string]string{
		"a.png": `<img src="./a.png"`, "a.mp3": `<audio src="./a.mp3"`, "a.mp4": `<video src="./a.mp4"`, "a.pdf": `<iframe src="?show=a.pdf&amp;frame"`,
		"a.md": "# &lt;b&gt;</pre>", "a.txt": "<pre tabindex=\"0\">&lt;script&gt;alert(1)&lt;/script&gt;</pre>", "a.json": ">{}</pre>", "full.txt": "xxx</pre>",
		"a.svg": "There is no preview", "a.html": "There is no preview", "a.xhtml": "There is no preview", "a.mht": "There is no preview", "bad.txt": "There is no preview", "large.txt": "There is no preview", "a.zip": "There is no preview",
	} {
		r := get(t, "GET", url+"/d/?show="+name, "Accept", "text/html")
		if r.Status != 200 || !strings.Contains(r.Body, want) {
			t.Errorf("%s: %d, no %q in\n%.3000s", name, r.Status, want, r.Body)
		}
	}
	frame := get(t, "GET", url+"/d/?show=a.pdf&frame", "Accept", "text/html")
	if h := frame.Header; frame.Body != "%PDF" || h.Get("Cache-Control") != "private, no-store" || h.Get("Content-Disposition") != "" || h.Get("Content-Type") != "application/pdf" || !strings.HasSuffix(h.Get("Content-Security-Policy"), "; sandbox") {
		t.Errorf("the frame: %d %v", frame.Status, h)
	}
	for _, name := range []string{"a.html", "a.svg", "a.txt"} {
		if r := get(t, "GET", url+"/d/?show="+name+"&frame", "Accept", "text/html"); !strings.HasPrefix(r.Body, "<!DOCTYPE html>") {
			t.Errorf("%s was sent as a frame", name)
		}
	}
	attempts := rec.wait(t, len(files)+4)
	if a := attempts[len(attempts)-1]; !strings.HasPrefix(a.Name.String(), "d/a.") {
		t.Errorf("recorded %+v", a)
	}
}

// What is hidden has no page: the 404 is the same for all names.
func TestShowHides(t *testing.T) {
	files := map[string]string{"a.txt": "a", "hidden/a.txt": canary, "secret.txt": canary, "d/a.txt": "x"}
	p := vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("hidden", "secret.txt")}
	url := start(t, server.New(jail(t, files, p), server.Config{List: true, Page: fullPage}))
	want := get(t, "GET", url+"/missing.txt")
	for _, path := range []string{
		"/?show=secret.txt", "/?show=missing.txt", "/?show=hidden", "/?show=d", "/?show=d/../a.txt", "/?show=d/a.txt", "/?show=hidden/a.txt", "/?show=no/such:file", "/?show=d%2fa.txt&frame", "/?delete=d/a.txt", "/?show=/", "/?show=", "/?show=..", "/?show=../a.txt", "/?show=.bailiwick", "/hidden/?show=a.txt", "/?show=a.txt%2f",
		"/?show=secret.txt&frame", "/?delete=secret.txt", "/?delete=a.txt", "/?delete=missing.txt",
	} {
		r := get(t, "GET", url+path, "Accept", "text/html")
		if r.Status != 404 || r.Body != want.Body {
			t.Errorf("%s: %d %.100q", path, r.Status, r.Body)
		}
		sameHeaders(t, r.Header, want.Header)
	}
	// What a search finds below the directory has its page there.
	found := get(t, "GET", url+"/?q=a.txt&deep=1", "Accept", "text/html").Body
	if ref := regexp.MustCompile(`class="more" href="([^"]*d/[^"]*)"`).FindStringSubmatch(found); ref == nil || ref[1] != "./d/?show=a.txt" || get(t, "GET", resolve(t, url+"/", ref[1]), "Accept", "text/html").Status != 200 {
		t.Errorf("a file below the directory has the page %q", ref)
	}
	// Programs that want JSON have no pages of files.
	if r := get(t, "GET", url+"/?show=a.txt", "Accept", "application/json"); r.Status != 200 || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("JSON: %d %s", r.Status, r.Header.Get("Content-Type"))
	}
}

// formOf returns the fields of the form of a page that has this button.
func formOf(t *testing.T, doc, button string) neturl.Values {
	t.Helper()
	root, err := html.Parse(strings.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" || !strings.Contains(textOf(n), button) {
			continue
		}
		fields := neturl.Values{}
		for in := range n.Descendants() {
			if in.Data == "input" && attr(in, "type") != "checkbox" {
				fields.Set(attr(in, "name"), attr(in, "value"))
			}
		}
		return fields
	}
	t.Fatalf("no form with the button %q in\n%s", button, doc)
	return nil
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// Without scripts, a file is renamed and deleted by the forms of its pages, in the version that
// they show.
func TestShowForms(t *testing.T) {
	m := mem.New()
	url := start(t, server.New(jailOver(t, m, allow("**")), server.Config{List: true, Write: true, Page: fullPage, Logger: quiet}))
	name := "a & b's #1 +%41.txt"
	at := "/d/" + neturl.PathEscape(name)
	put := func(body string) {
		if r := sendBody(t, "PUT", url+at, body); r.Status != 201 && r.Status != 204 {
			t.Fatal(r.Status)
		}
	}
	post := func(fields neturl.Values) int {
		t.Helper()
		return sendBody(t, "POST", url+"/d/", fields.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Accept", "text/html").Status
	}
	put("1")
	shown := get(t, "GET", url+"/d/?show="+neturl.QueryEscape(name), "Accept", "text/html").Body
	move := formOf(t, shown, "Move, rename")
	if move.Get("name") != name || move.Get("etag") == "" {
		t.Fatalf("the form has %v", move)
	}
	confirm := formOf(t, get(t, "GET", url+"/d/?delete="+neturl.QueryEscape(name), "Accept", "text/html").Body, "Delete")
	put("2")
	if status := post(confirm); status != 412 {
		t.Errorf("a version that was not shown was deleted: %d", status)
	}
	move.Set("action", "move")
	move.Set("to", "x.txt")
	if status := post(move); status != 412 {
		t.Errorf("a version that was not shown was moved: %d", status)
	}
	shown = get(t, "GET", url+"/d/?show="+neturl.QueryEscape(name), "Accept", "text/html").Body
	move = formOf(t, shown, "Move, rename")
	move.Set("action", "move")
	move.Set("to", "x.txt")
	if status := post(move); status != 303 {
		t.Errorf("move: %d", status)
	}
	confirm = formOf(t, get(t, "GET", url+"/d/?delete=x.txt", "Accept", "text/html").Body, "Delete")
	if status := post(confirm); status != 303 {
		t.Errorf("delete: %d", status)
	}
	if r := get(t, "GET", url+"/d/x.txt"); r.Status != 404 {
		t.Errorf("after the deletion: %d", r.Status)
	}
}

// The page offers only what the caller may do.
func TestShowRights(t *testing.T) {
	p := allow("**")
	p.Authorize = rules(t, nil, access.Rule{Who: "anyone", Can: can(vfs.OpRead, vfs.OpList)})
	j := jailOver(t, mem.New(), p)
	if r := request(t, server.New(jailOver(t, mem.New(), allow("**")), server.Config{List: true, Write: true, Page: fullPage}), "GET", "/"); !strings.Contains(r.Body, `type="file"`) {
		t.Error("no form to upload")
	}
	h := server.New(j, server.Config{List: true, Write: true, Page: fullPage})
	if r := request(t, h, "GET", "/"); r.Status != 200 || strings.Contains(r.Body, `type="file"`) {
		t.Errorf("a reader gets a form to upload: %d", r.Status)
	}
	files := map[string]string{"a.txt": "a"}
	h = server.New(jail(t, files, allow("**")), server.Config{List: true, Page: fullPage})
	if r := request(t, h, "GET", "/?show=a.txt"); r.Status != 200 || strings.Contains(r.Body, "?delete=") || strings.Contains(r.Body, `name="to"`) {
		t.Errorf("a reader may change the file: %d", r.Status)
	}
}

// No name adds an element or an attribute to the pages of a file.
func TestShowHostileNames(t *testing.T) {
	names := []string{"plain.txt"}
	for _, n := range corpusNames(t) {
		if parsed, err := vfs.ParseName(n); err == nil && !strings.Contains(parsed.String(), "/") {
			names = append(names, n+".txt")
		}
	}
	files := map[string]string{}
	for _, n := range names {
		if _, err := vfs.ParseName(n); err == nil {
			files[n] = "</pre><script>alert(1)</script>"
		}
	}
	h := server.New(jail(t, files, allow("**", "**/.*")), server.Config{List: true, Page: fullPage})
	want := tags(t, request(t, h, "GET", "/?show=plain.txt").Body)
	shown := 0
	for n := range files {
		r := request(t, h, "GET", "/?show="+neturl.QueryEscape(n))
		if r.Status != 200 {
			continue // a deceptive name
		}
		shown++
		if got := tags(t, r.Body); !slices.Equal(got, want) {
			t.Errorf("the page of %q has\n%q\nwant\n%q", n, got, want)
		}
	}
	if shown < 15 {
		t.Errorf("only %d pages were shown", shown)
	}
	// Each row of the listing has the same elements, whatever the names.
	z := tags(t, request(t, h, "GET", "/").Body)
	count := map[string]int{}
	for _, tag := range z {
		count[tag]++
	}
	rows := count["tr"] - 1
	for tag, n := range count {
		if strings.Contains(tag, "onerror") || strings.HasPrefix(tag, "script") && n != 1 || tag == "bdi" && n != rows+1 {
			t.Errorf("%d × <%s> for %d rows", n, tag, rows)
		}
	}
}

// corpusNames returns hostile names: some of our own, and those of the corpus where there is
// one.
func corpusNames(t *testing.T) []string {
	t.Helper()
	names := []string{`<script>alert(1)<\script>`, `"><img src=x onerror=alert(1)>`, `' onfocus='alert(1)`, `javascript:alert(1)`, `{{.Site}}`, "${alert(1)}", `a" onmouseover="x`,
		`--><svg onload=alert(1)>`, `&lt;b&gt;`, "`x`", `x<!--`, `<base href=evil>`, `]]>`, `&#x3c;b&#x3e;`, `%3Cscript%3E`, `<xmp>`, `<plaintext>`, `+ADw-script+AD4-`}
	dir := os.Getenv("BAILIWICK_CORPUS")
	if dir == "" {
		return names
	}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".txt") {
			return err
		}
		b, err := os.ReadFile(path)
		for line := range strings.Lines(string(b)) {
			if len(names) < 2500 {
				names = append(names, strings.TrimRight(line, "\r\n"))
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// The top of uploads is a page for those who may upload, and the 404 for others.
func TestUploadTop(t *testing.T) {
	cat := &memcatalog.Catalog{}
	types, err := server.ParseTypes("image/*", "application/pdf")
	if err != nil {
		t.Fatal(err)
	}
	cfg := server.UploadConfig{Page: fullPage, Logger: quiet, Intake: server.Intake{MaxBytes: 3 << 20, Types: types}}
	h := server.NewUploads(jailOver(t, mem.New(), catalog.Policy()), cat, cfg)
	r := request(t, h, "GET", "/", "Accept", "text/html")
	for _, want := range []string{`enctype="multipart/form-data"`, `accept="image/*,application/pdf"`, "3.0 MiB", `id="mine"`} {
		if r.Status != 200 || !strings.Contains(r.Body, want) {
			t.Errorf("%d: no %q in\n%s", r.Status, want, r.Body)
		}
	}
	cfg.Page = server.Page{}
	if r := request(t, server.NewUploads(jailOver(t, mem.New(), catalog.Policy()), cat, cfg), "GET", "/"); r.Status != 404 {
		t.Errorf("without a page: %d", r.Status)
	}
	cfg.Page, cfg.Authorize = fullPage, server.UploadFunc(nil)
	if r := request(t, server.NewUploads(jailOver(t, mem.New(), catalog.Policy()), cat, cfg), "GET", "/"); r.Status != 404 {
		t.Errorf("for a caller who may not upload: %d", r.Status)
	}
}

// A caller with a name sees the files that the server knows as the caller's own, and no others.
func TestUploadTopOwn(t *testing.T) {
	cat := &memcatalog.Catalog{}
	h := asPrincipal(server.NewUploads(jailOver(t, mem.New(), catalog.Policy()), cat, server.UploadConfig{Page: fullPage, Logger: quiet}))
	mine, theirs := postTo(t, h, "alice"), postTo(t, h, "bob")
	r := request(t, h, "GET", "/", "As", "alice", "Accept", "text/html")
	if r.Status != 200 || !strings.Contains(r.Body, `href="./`+mine+`"`) || strings.Contains(r.Body, theirs) {
		t.Errorf("%d, want the file of alice alone:\n%s", r.Status, r.Body)
	}
	second := postTo(t, h, "alice")
	r = request(t, h, "GET", "/?limit=1", "As", "alice", "Accept", "text/html")
	next := regexp.MustCompile(`href="(\?after=[^"]+)" rel="next"`).FindStringSubmatch(r.Body)
	if !strings.Contains(r.Body, second) || strings.Contains(r.Body, mine) || next == nil {
		t.Fatalf("the first page has\n%s", r.Body)
	}
	if r := request(t, h, "GET", "/"+html.UnescapeString(next[1]), "As", "alice", "Accept", "text/html"); !strings.Contains(r.Body, mine) || strings.Contains(r.Body, second) {
		t.Errorf("the second page has\n%s", r.Body)
	}
}

// Forms are answered in the look of the page, in words.
func TestPageAnswers(t *testing.T) {
	url := start(t, server.New(jailOver(t, mem.New(), allow("**")), server.Config{List: true, Write: true, Page: fullPage, Logger: quiet}))
	form := "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nx\r\n--x--\r\n"
	for _, want := range []struct {
		status int
		text   string
	}{{201, "<h1>1 file stored</h1>"}, {412, "<h1>It exists already, or was changed meanwhile</h1>"}, {412, "Nothing was stored."}} {
		r := sendBody(t, "POST", url+"/d/", form, "Content-Type", "multipart/form-data; boundary=x", "Accept", "text/html")
		if r.Status != want.status || !strings.Contains(r.Body, want.text) || !strings.Contains(r.Header.Get("Content-Security-Policy"), "script-src 'nonce-") {
			t.Errorf("%d, want %d and %s:\n%s", r.Status, want.status, want.text, r.Body)
		}
		if ref := regexp.MustCompile(`href="([^"]*\.css)"`).FindStringSubmatch(r.Body); ref == nil || get(t, "GET", resolve(t, url+"/d/", ref[1])).Status != 200 {
			t.Errorf("the answer has no style: %v", ref)
		}
	}
}

// The page of a file is shown where its directory has an index file, too: a search leads there.
func TestShowBesideIndex(t *testing.T) {
	url := start(t, server.New(jail(t, map[string]string{"sub/index.html": "the index", "sub/report.txt": "the report"}, allow("**")),
		server.Config{List: true, Page: fullPage}))
	for query, want := range map[string]string{"": "the index", "?q=x": "the index", "?show=report.txt": "the report"} {
		if r := get(t, "GET", url+"/sub/"+query, "Accept", "text/html"); r.Status != 200 || !strings.Contains(r.Body, want) {
			t.Errorf("%s: %d %.200q", query, r.Status, r.Body)
		}
	}
	if r := get(t, "GET", url+"/sub/?show=missing.txt", "Accept", "text/html"); r.Status != 404 {
		t.Errorf("a missing file: %d", r.Status)
	}
}

// BenchmarkPage compares the page of 1,000 files with the plain table, which is without
// scripts.
func BenchmarkPage(b *testing.B) {
	m := mem.New()
	for i := range 1000 {
		n, err := vfs.ParseName(fmt.Sprintf("photos/IMG_%04d holiday.jpg", i))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := m.Put(b.Context(), n, strings.NewReader("x"), vfs.PutOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	j := jailOver(b, m, allow("**"))
	for _, mode := range []struct {
		name string
		page server.Page
	}{{"plain", server.Page{}}, {"full", fullPage}} {
		h := server.New(j, server.Config{List: true, Page: mode.page})
		b.Run(mode.name, func(b *testing.B) {
			for b.Loop() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest("GET", "/photos/", nil))
				if w.Code != 200 {
					b.Fatal(w.Code)
				}
			}
		})
	}
}

// A page promises to keep a changed file only if it can tell versions of it apart.
func TestShowDeleteWithoutVersions(t *testing.T) {
	f := page.File{Name: parsed(t, "a.txt"), ETag: `"1"`}
	const promise = "If the file is changed meanwhile, it is kept."
	site, err := page.New(page.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{`"1"`, ""} {
		f.ETag = tag
		var out strings.Builder
		err := site.ConfirmDelete(page.Frame{Base: "./"}, f).Render(&out)
		if err != nil || strings.Contains(out.String(), promise) != (tag != "") {
			t.Errorf("with the ETag %q: %v\n%s", tag, err, out.String())
		}
	}
}
