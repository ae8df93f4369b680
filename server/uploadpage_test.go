package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// ofBrowsers is the Accept that browsers send with a form.
const ofBrowsers = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"

// TestUploadPage: a form gets a page that lists the stored files.
func TestUploadPage(t *testing.T) {
	s := uploadsInMemory(t, server.UploadConfig{})
	r := postForm(t, s.url, form(filePart("a.txt", "content"), filePart("b.bin", strings.Repeat("b", 2048)), filePart("", "no name")), "Accept", ofBrowsers)
	if r.Status != 201 {
		t.Fatalf("%d %q", r.Status, r.Body)
	}
	for key, want := range map[string]string{
		"Content-Type":                 "text/html; charset=utf-8",
		"Cache-Control":                "no-store",
		"Content-Length":               fmt.Sprint(len(r.Body)),
		"X-Content-Type-Options":       "nosniff",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Content-Security-Policy":      get(t, "GET", start(t, server.New(jail(t, nil, allow("**")), server.Config{List: true}))+"/", "Accept", "application/json").Header.Get("Content-Security-Policy"),
		"Location":                     "",
	} {
		if got := r.Header.Get(key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	for _, want := range []string{"3 files stored", "<bdi>a.txt</bdi>", "7 B", "<bdi>b.bin</bdi>", "2.0 KiB", "<bdi>file</bdi>"} {
		if !strings.Contains(r.Body, want) {
			t.Errorf("the page lacks %q: %s", want, r.Body)
		}
	}
	count, links := elements(t, r.Body)
	if count["script"] != 0 || count["form"] != 0 || len(links) != 3 {
		t.Fatalf("%v %q", count, links)
	}
	for i, want := range []string{"content", strings.Repeat("b", 2048), "no name"} {
		id, ok := strings.CutPrefix(links[i], "./")
		if r := get(t, "GET", s.url+"/"+id); !ok || !uuidName.MatchString(id) || r.Status != 200 || r.Body != want {
			t.Errorf("link %q: %d %q", links[i], r.Status, r.Body)
		}
	}
	one := postForm(t, s.url, form(filePart("a.txt", "content")), "Accept", ofBrowsers)
	if _, links := elements(t, one.Body); one.Status != 201 || len(links) != 1 || one.Header.Get("Location") != "/"+strings.TrimPrefix(links[0], "./") || !strings.Contains(one.Body, "1 file stored") {
		t.Errorf("one file: %d %v %s", one.Status, one.Header, one.Body)
	}
}

// TestUploadPageAccept: only a form whose Accept names HTML, and prefers it to JSON, gets a
// page. All other requests get JSON.
func TestUploadPageAccept(t *testing.T) {
	s := uploadsInMemory(t, server.UploadConfig{})
	body := form(filePart("a.txt", "content"))
	want := postForm(t, s.url, body)
	for _, accept := range []string{"", "*/*", "text/*", "text/html;q=0", "text/html;q=0.5, */*", "text/html, */*", "text/html;q=0.8, application/*", "application/json", "application/json, text/html", "application/xhtml+xml", "text/html;q=x", "text/htmlx"} {
		r := postForm(t, s.url, body, "Accept", accept)
		r.files(t)
		want.Header.Set("Location", r.Header.Get("Location"))
		want.Header.Set("Content-Length", r.Header.Get("Content-Length")) // the time may have fewer digits
		want.Body = r.Body
		same(t, accept, r, want)
	}
	for _, accept := range []string{ofBrowsers, "text/html", "TEXT/HTML", "text/html;level=1", "application/json;q=0.1, text/html;q=0.2", "text/html, application/json;q=0.5, */*", "text/html, */*;q=0.9"} {
		if r := postForm(t, s.url, body, "Accept", accept); r.Status != 201 || r.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("Accept: %s: %d %v", accept, r.Status, r.Header)
		}
	}
	// A raw body is not a form of a browser.
	sendRequest(t, "POST", s.url+"/", strings.NewReader("x"), "Content-Disposition", "attachment; filename=a", "Accept", ofBrowsers).files(t)
}

// TestNamesInUploadPage: no name adds an element or an attribute to a page, or a link.
func TestNamesInUploadPage(t *testing.T) {
	nasty := []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `javascript:alert(1)`, `data:text/html,x`, `&lt;b&gt;`,
		`</style><script>x</script>`, `</title><script>x</script>`, `{{.Style}}`, `<!--`, `]]>`, `--><svg/onload=x>`, "`onload=x`", `é&eacute;`, `</bdi></a><base href=//evil.example>`, `<meta http-equiv=refresh content=0;url=//evil.example>`,
		strings.Repeat("<b>", 300), "\u202egnp.exe", "+ADw-script+AD4-", "\x80<script>", " ", "  ",
	}
	s := uploadsInMemory(t, server.UploadConfig{})
	quote := strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A")
	var hostile, plain []formPart
	for i, name := range nasty {
		hostile = append(hostile, filePart(quote.Replace(name), fmt.Sprint(i)))
		plain = append(plain, filePart("plain", fmt.Sprint(i)))
	}
	r := postForm(t, s.url, form(hostile...), "Accept", ofBrowsers)
	got, links := elements(t, r.Body)
	want, _ := elements(t, postForm(t, s.url, form(plain...), "Accept", ofBrowsers).Body)
	if r.Status != 201 || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%d %v, want %v", r.Status, got, want)
	}
	if len(links) != len(nasty) {
		t.Fatalf("%d links for %d names", len(links), len(nasty))
	}
	for i, link := range links {
		id := strings.TrimPrefix(link, "./")
		if r := get(t, "GET", s.url+"/"+id); !uuidName.MatchString(id) || r.Body != fmt.Sprint(i) {
			t.Errorf("%q leads to %d %q", link, r.Status, r.Body)
		}
	}
	if id := strings.TrimPrefix(links[len(links)-1], "./"); !strings.Contains(r.Body, "<bdi>"+id+"</bdi>") {
		t.Error("a file of a name that shows nothing is not shown by its ID")
	}
	for _, shown := range []string{"&lt;script&gt;alert(1)&lt;_script&gt;", "{{.Style}}", "&amp;lt;b&amp;gt;"} {
		if !strings.Contains(r.Body, shown) {
			t.Errorf("the page does not show %s", shown)
		}
	}
}

// TestUploadFailurePage: a failed form gets a page with the fixed text. The uniform 404
// stays as it is.
func TestUploadFailurePage(t *testing.T) {
	who := people{"alice": {Name: "alice"}}
	signIn := server.UploadConfig{Auth: server.Auth{Authenticator: chain(who)}, Authorize: server.UploadRules(rules(t, nil, access.Rule{Who: "user:alice", Can: can(vfs.OpUpload)}))}
	images, err := server.ParseTypes("image/*")
	if err != nil {
		t.Fatal(err)
	}
	own := server.UploadConfig{Auth: server.Auth{Unauthorized: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("log in")) })}, Authorize: signIn.Authorize}
	for _, c := range []struct {
		what, path, body string
		cfg              server.UploadConfig
		more             []string
		status           int
		page             bool
	}{
		{"too many files", "/", form(filePart("a", "x"), filePart("b", "x")), server.UploadConfig{MaxFiles: 1}, nil, 413, true},
		{"no file", "/", form(), server.UploadConfig{}, nil, 400, true},
		{"broken", "/", "--nonsense", server.UploadConfig{}, nil, 400, true},
		{"type", "/", form(filePart("a.html", "x")), server.UploadConfig{Intake: server.Intake{Types: images}}, nil, 415, true},
		{"condition", "/", form(filePart("a", "x")), server.UploadConfig{}, []string{"If-Match", "*"}, 412, true},
		{"wrong path", "/elsewhere", form(filePart("a", "x")), server.UploadConfig{}, nil, 405, true},
		{"log in", "/", form(filePart("a", "x")), signIn, nil, 401, true},
		{"own log-in", "/", form(filePart("a", "x")), own, nil, 401, false},
		{"cross-site", "/", form(filePart("a", "x")), server.UploadConfig{}, []string{"Sec-Fetch-Site", "cross-site"}, 404, false},
	} {
		s := uploadsInMemory(t, c.cfg)
		headers := append([]string{"Content-Type", "multipart/form-data; boundary=" + boundary}, c.more...)
		plain := sendRequest(t, "POST", s.url+c.path, strings.NewReader(c.body), headers...)
		r := sendRequest(t, "POST", s.url+c.path, strings.NewReader(c.body), append(headers, "Accept", ofBrowsers)...)
		if !c.page {
			if r.Status != c.status {
				t.Errorf("%s: %d", c.what, r.Status)
			}
			same(t, c.what, r, plain)
			continue
		}
		heading := fmt.Sprintf("<h1><bdi>%d %s</bdi></h1>", c.status, http.StatusText(c.status))
		if r.Status != c.status || !strings.Contains(r.Body, heading) || !strings.Contains(r.Body, "<p>"+escapeQuotes(strings.TrimSpace(plain.Body))+"</p>") {
			t.Errorf("%s: %d %s, want the text %q", c.what, r.Status, r.Body, plain.Body)
		}
		if csp := r.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; style-src 'sha256-") {
			t.Errorf("%s: %q", c.what, csp)
		}
		// All other headers are those of the response without a page.
		for _, key := range []string{"Content-Type", "Content-Length", "Content-Security-Policy", "Cross-Origin-Resource-Policy", "Date"} {
			r.Header.Del(key)
			plain.Header.Del(key)
		}
		sameHeaders(t, r.Header, plain.Header)
		s.wantEmpty(t, c.what)
	}
}

func escapeQuotes(s string) string { return strings.ReplaceAll(s, `"`, "&#34;") }
