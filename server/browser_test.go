package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// browse loads a page in a real browser, lets its scripts run, and returns the resulting
// document.
func browse(t *testing.T, url string) string {
	t.Helper()
	browser, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("BAILIWICK_REQUIRE_SERVERS") != "" {
			t.Fatal("chromium is not installed")
		}
		t.Skip("chromium is not installed")
	}
	// The browser's child processes may write here shortly after it has exited.
	profile, err := os.MkdirTemp("", "bailiwick-browser-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(profile) })
	// On a busy machine, a browser occasionally hangs when it starts. That says nothing
	// about the page, so it is retried.
	for try := 1; ; try++ {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		cmd := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
			"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
			fmt.Sprintf("--user-data-dir=%s/%d", profile, try), "--virtual-time-budget=2000", "--dump-dom", url)
		// Child processes keep the output open shortly after the browser has exited.
		cmd.WaitDelay = 10 * time.Second
		dom, err := cmd.Output()
		hung := ctx.Err() != nil
		cancel()
		switch {
		case err == nil:
			return string(dom)
		case !hung || try == 3:
			t.Fatalf("chromium: %v", err)
		}
	}
}

// A beacon counts the requests for /beacon, which only a script that runs can send. It
// serves its own page at /host and passes on everything else.
type beacon struct {
	http.Handler
	host string
	hits atomic.Int64
}

func (b *beacon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/beacon":
		b.hits.Add(1)
	case "/host":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, b.host)
	default:
		b.Handler.ServeHTTP(w, r)
	}
}

func serveBeacon(t *testing.T, host string, files map[string]string, cfg server.Config) (*beacon, string) {
	t.Helper()
	backend, err := mem.FromMap(files)
	if err != nil {
		t.Fatal(err)
	}
	jail, err := vfs.New(backend, vfs.Policy{Allow: vfs.Patterns("**")})
	if err != nil {
		t.Fatal(err)
	}
	b := &beacon{Handler: server.New(jail, cfg), host: host}
	srv := httptest.NewServer(b)
	t.Cleanup(srv.Close)
	return b, srv.URL
}

// TestListingInBrowser lists names that contain markup in a browser that runs scripts: they
// are shown as text, and none runs.
func TestListingInBrowser(t *testing.T) {
	names := []string{
		`plain name.txt`, `<img src=x onerror=fetch('beacon')>.txt`, `"><script>fetch('beacon')<script>.txt`,
		`' onmouseover='fetch(1)' x='.txt`, `javascript:fetch('beacon')`, `&lt;b&gt;&amp;.txt`, `{{printf "x"}}.txt`,
		`<svg onload=fetch('beacon')>`, `<meta http-equiv=refresh content=0;url=beacon>`, `<base href=x:>`, "`${fetch('beacon')}`",
	}
	corpus, err := vfstest.Corpus(os.Getenv(vfstest.CorpusVariable))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range corpus {
		if _, err := vfs.ParseName(p.Raw); err == nil && strings.HasPrefix(p.File, "xss") && !strings.ContainsAny(p.Raw, "/") && p.Raw[0] != '.' {
			names = append(names, p.Raw)
		}
	}
	files := map[string]string{}
	for _, n := range names {
		files[n] = "x"
	}
	seen, url := serveBeacon(t, "", files, server.Config{List: true})
	dom := browse(t, url+"/")
	for _, n := range names {
		if !strings.Contains(dom, "<bdi>"+escapeText(n)+"</bdi></a>") {
			t.Errorf("%q is not on the page verbatim", n)
		}
	}
	if n := strings.Count(dom, "<a "); n != len(files)+3 { // and three of the headings
		t.Errorf("the page has %d links for %d names and three headings", n, len(files))
	}
	for _, element := range []string{"<img", "<script", "<svg", "<iframe", "<base", "<object", "<embed", "<meta http-equiv"} {
		if strings.Contains(strings.ToLower(dom), element) {
			t.Errorf("the page contains %s", element)
		}
	}
	if n := seen.hits.Load(); n != 0 {
		t.Errorf("a name ran as a script: %d requests", n)
	}
}

// escapeText escapes a text as the browser does when it prints a document.
func escapeText(s string) string {
	return strings.NewReplacer("&#34;", `"`, "&#39;", "'").Replace(html.EscapeString(s))
}

// TestUntrustedContentInBrowser embeds untrusted content into a page of the same origin in
// every way that a page can. The control serves the same files as ContentTrusted: there the
// scripts run.
func TestUntrustedContentInBrowser(t *testing.T) {
	const script = `<script>fetch("/beacon")</script>`
	files := map[string]string{
		"page.html":  "<!doctype html><title>x</title>" + script,
		"image.svg":  `<svg xmlns="http://www.w3.org/2000/svg">` + script + `</svg>`,
		"page.xhtml": `<html xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title>` + script + `</head></html>`,
		"text.txt":   script,
		"lying.png":  "<!doctype html>" + script,
		"no-type":    "<!doctype html>" + script,
	}
	var host strings.Builder
	host.WriteString("<!doctype html><title>host</title>")
	for name := range files {
		host.WriteString(`<iframe src="/` + name + `"></iframe><object data="/` + name + `"></object><embed src="/` + name + `">`)
	}
	for _, content := range []server.Content{server.ContentTrusted, server.ContentUntrusted} {
		seen, url := serveBeacon(t, host.String(), files, server.Config{Content: content})
		browse(t, url+"/host")
		switch n := seen.hits.Load(); {
		case content == server.ContentTrusted && n == 0:
			t.Error("the control: no script ran, so the test proves nothing")
		case content == server.ContentUntrusted && n != 0:
			t.Errorf("scripts of untrusted content ran: %d requests", n)
		}
	}
}

// TestUploadInBrowser submits a form of files with difficult names from a real browser, and
// then the same form to a server of another origin, which must refuse it.
func TestUploadInBrowser(t *testing.T) {
	names := []string{`plain.txt`, `two words & "quotes".txt`, `back\slash.txt`, "tab\tand\x01control.txt", "ünïcode 写真 😀.txt", `<img src=x onerror=alert(1)>.txt`, `100%25 %22.txt`, `.hidden`, strings.Repeat("é", 100) + ".txt"}
	want := []string{`plain.txt`, `two words & "quotes".txt`, `back_slash.txt`, "tabandcontrol.txt", "ünïcode 写真 😀.txt", `<img src=x onerror=alert(1)>.txt`, `100%25 ".txt`, `.hidden`, strings.Repeat("é", 100) + ".txt"}
	list, err := json.Marshal(names)
	if err != nil {
		t.Fatal(err)
	}
	s := newUploads(t, server.UploadConfig{})
	attempts := &recorder{}
	other := uploadsInMemory(t, server.UploadConfig{Recorder: attempts})
	page := `<!doctype html><title>upload</title><pre id=out>nothing yet</pre><script>
	async function send(to) {
		const form = new FormData();
		form.append("comment", "a field");
		for (const name of ` + string(list) + `) form.append("files", new File(["content of " + name], name));
		try {
			const answer = await fetch(to, {method: "POST", body: form, mode: to === "/" ? "cors" : "no-cors"});
			return await answer.text();
		} catch (e) { return String(e); }
	}
	(async () => {
		const mine = await send("/");
		await send("` + other.url + `/");
		document.getElementById("out").textContent = mine;
	})();
	</script>`
	site := httptest.NewServer(&beacon{Handler: s.handler, host: page})
	t.Cleanup(site.Close)
	dom := browse(t, site.URL+"/host")
	_, text, _ := strings.Cut(dom, "<pre id=\"out\">")
	text, _, _ = strings.Cut(text, "</pre>")
	got := reply{Status: http.StatusCreated, Body: html.UnescapeString(text)}.files(t)
	if len(got) != len(names) {
		t.Fatalf("the page shows %q", text)
	}
	for i, f := range got {
		if f.Name != want[i] || f.SHA256 != sum("content of "+names[i]) {
			t.Errorf("%q arrived as %+v", names[i], f)
		}
		givenBack(t, s, f)
	}
	if a := attempts.wait(t, 1)[0]; a.Reason != audit.ReasonCrossOrigin {
		t.Errorf("the server of another origin recorded %+v", a)
	}
	other.wantEmpty(t, "the server of another origin")
}

// TestUploadFormInBrowser submits a form from a real browser to the path of a mount without
// a slash. The redirect keeps the files, and the resulting page shows their names, which
// contain markup, as text.
func TestUploadFormInBrowser(t *testing.T) {
	names := []string{
		`plain name.txt`, `<img src=x onerror=fetch('beacon')>.txt`, `"><script>fetch('beacon')<script>.txt`, `' onmouseover='fetch(1)' x='.txt`,
		`javascript:fetch('beacon')`, `&lt;b&gt;&amp;.txt`, `{{printf "x"}}.txt`, `<svg onload=fetch('beacon')>`,
		`<meta http-equiv=refresh content=0;url=beacon>`, `<base href=x:>`, "`${fetch('beacon')}`",
	}
	list, err := json.Marshal(names)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		max   int
		title string
	}{{0, fmt.Sprint(len(names), " files stored")}, {1, "413 Request Entity Too Large"}} {
		mounted, err := vfs.ParseName("my files")
		if err != nil {
			t.Fatal(err)
		}
		s := newUploads(t, server.UploadConfig{Mounted: mounted, MaxFiles: c.max})
		seen := &beacon{Handler: http.StripPrefix("/my files", s.handler), host: `<!doctype html><title>host</title>
		<form method=post enctype=multipart/form-data action="/my%20files"><input type=file name=f multiple></form><script>
		const files = new DataTransfer();
		for (const name of ` + string(list) + `) files.items.add(new File(["content of " + name], name));
		document.querySelector("input").files = files.files;
		document.querySelector("form").submit();
		</script>`}
		site := httptest.NewServer(seen)
		t.Cleanup(site.Close)
		dom := browse(t, site.URL+"/host")
		if !strings.Contains(dom, "<h1><bdi>"+c.title+"</bdi></h1>") {
			t.Fatalf("the browser shows %s", dom)
		}
		if c.max > 0 {
			s.wantEmpty(t, c.title)
			continue
		}
		for _, n := range names {
			if !strings.Contains(dom, "<bdi>"+escapeText(n)+"</bdi></a>") {
				t.Errorf("%q is not on the page as it is", n)
			}
		}
		if n := strings.Count(dom, `<a href="./`); n != len(names) {
			t.Errorf("the page has %d links for %d files", n, len(names))
		}
		for _, element := range []string{"<img", "<script", "<svg", "<base", "<meta http-equiv"} {
			if strings.Contains(strings.ToLower(dom), element) {
				t.Errorf("the page has %s", element)
			}
		}
		if n := seen.hits.Load(); n != 0 {
			t.Errorf("a name ran as a script: %d requests", n)
		}
	}
}
