package server_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

var site = map[string]string{
	"index.html": "top", "docs/index.html": "docs", "docs/a.txt": "a", "img/b.txt": "b", "img/deep/c.txt": "c",
	"hidden/index.html": canary, "name%2f:x/index.html": "odd", "bin/data.bin": canary,
}

func sitePolicy() vfs.Policy {
	return vfs.Policy{Allow: vfs.Patterns("**/*.html", "**/*.txt"), Deny: vfs.Patterns("hidden")}
}

// The response for a directory, with a trailing slash and without.
func TestDirectories(t *testing.T) {
	type want struct {
		status int
		start  string // of the body, or the Location
	}
	const listed = "<!DOCTYPE html>"
	gone, redirect := want{404, "not found"}, func(to string) want { return want{308, to} }
	for _, c := range []struct {
		name string
		cfg  server.Config
		want map[string]want
	}{
		{"index", server.Config{}, map[string]want{
			"/": {200, "top"}, "/docs/": {200, "docs"}, "/docs": redirect("./docs/"), "/img/": gone, "/img": gone, "/hidden/": gone, "/hidden": gone,
			"/docs/index.html": {200, "docs"}, "/docs/index.html/": gone, "/docs//": gone, "/missing/": gone, "/missing": gone,
			"/name%252f:x": redirect("./name%252f%3Ax/"), "/name%252f:x/": {200, "odd"}, "/bin/": gone, "/bin": gone, "/docs?limit=1": redirect("./docs/"),
		}},
		{"list", server.Config{List: true}, map[string]want{
			"/": {200, "top"}, "/docs/": {200, "docs"}, "/img/": {200, listed}, "/img": redirect("./img/"), "/img/deep": redirect("./deep/"),
			"/hidden/": gone, "/hidden": gone, "/missing/": gone, "/missing": gone, "/docs/a.txt/": gone,
		}},
		{"list, no index", server.Config{List: true, NoIndex: true}, map[string]want{
			"/": {200, listed}, "/docs/": {200, listed}, "/docs": redirect("./docs/"),
		}},
		{"neither", server.Config{NoIndex: true}, map[string]want{
			"/": gone, "/docs/": gone, "/docs": gone, "/docs/index.html": {200, "docs"},
		}},
	} {
		h := server.New(jail(t, site, sitePolicy()), c.cfg)
		for path, want := range c.want {
			for _, method := range []string{"GET", "HEAD"} {
				w := send(t, h, method, path)
				got := w.Body.String()
				if w.Code == 308 {
					got = w.Header().Get("Location")
				}
				if w.Code != want.status || (method == "GET" || w.Code == 308) && !strings.HasPrefix(got, want.start) {
					t.Errorf("%s: %s %s: %d %.60q, want %d %q", c.name, method, path, w.Code, got, want.status, want.start)
				}
				if strings.Contains(w.Body.String(), canary) {
					t.Errorf("%s: %s: the canary was served", c.name, path)
				}
			}
		}
	}
}

// An index page is an object, with preconditions and a type of its own.
func TestIndexIsAnObject(t *testing.T) {
	h := start(t, server.New(jail(t, site, sitePolicy()), server.Config{List: true}))
	r := get(t, "GET", h+"/docs/")
	if r.Header.Get("Content-Type") != "text/html; charset=utf-8" || r.Header.Get("Vary") != "Accept" {
		t.Errorf("%v", r.Header)
	}
	if r := get(t, "GET", h+"/docs/", "If-None-Match", r.Header.Get("Etag")); r.Status != 304 || r.Header.Get("Vary") != "Accept" {
		t.Errorf("%d %v", r.Status, r.Header)
	}
}

type jsonPage struct {
	Dir     string
	Entries []struct {
		Name, Type, Modified string
		Size                 *int64
	}
	Next string
}

func TestJSONListing(t *testing.T) {
	url := start(t, server.New(jail(t, site, sitePolicy()), server.Config{List: true}))
	for path, want := range map[string]string{
		"/docs/": `{"dir":"docs","can":["zip"],"entries":[{"name":"a.txt","type":"file","media":"text/plain; charset=utf-8","size":1,"modified":"2026-03-04T05:06:07Z"},` +
			`{"name":"index.html","type":"file","media":"text/html; charset=utf-8","size":4,"modified":"2026-03-04T05:06:07Z"}]}` + "\n",
		"/img/deep/":      `{"dir":"img/deep","can":["zip"],"entries":[{"name":"c.txt","type":"file","media":"text/plain; charset=utf-8","size":1,"modified":"2026-03-04T05:06:07Z"}]}` + "\n",
		"/docs/?limit=1":  `{"dir":"docs","can":["zip"],"entries":[{"name":"a.txt","type":"file","media":"text/plain; charset=utf-8","size":1,"modified":"2026-03-04T05:06:07Z"}],"next":"a.txt"}` + "\n",
		"/?after=docs/":   `{"dir":".","can":["zip"],"entries":[{"name":"img","type":"dir"},{"name":"index.html","type":"file","media":"text/html; charset=utf-8","size":3,"modified":"2026-03-04T05:06:07Z"},{"name":"name%2f:x","type":"dir"}]}` + "\n",
		"/?after=img%2Fx": "", // not a key of this directory: ignored
	} {
		r := get(t, "GET", url+path, "Accept", "application/json")
		if want != "" && r.Body != want {
			t.Errorf("%s: %d %s, want %s", path, r.Status, r.Body, want)
		}
		if r.Status != 200 || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Content-Length") != fmt.Sprint(len(r.Body)) || r.Header.Get("Vary") != "Accept" {
			t.Errorf("%s: %d %v", path, r.Status, r.Header)
		}
		head := get(t, "HEAD", url+path, "Accept", "application/json")
		head.Header.Del("Date")
		r.Header.Del("Date")
		sameHeaders(t, head.Header, r.Header)
	}
	if r := get(t, "GET", url+"/bin/", "Accept", "application/json"); r.Status != 404 {
		t.Errorf("a directory without visible entries: %d %s", r.Status, r.Body)
	}
	if r := get(t, "GET", url+"/hidden/", "Accept", "application/json"); r.Status != 404 {
		t.Errorf("hidden: %d %s", r.Status, r.Body)
	}
}

func TestAcceptOfListings(t *testing.T) {
	h := start(t, server.New(jail(t, site, sitePolicy()), server.Config{List: true, NoIndex: true}))
	for accept, asJSON := range map[string]bool{
		"": false, "*/*": false, "application/json": true, "application/json, text/plain, */*": true, "text/html,application/xhtml+xml,*/*;q=0.8": false,
		"text/html, application/json;q=0.9": false, "text/html;q=0.5, application/json;q=0.9": true, "application/json;q=0": false, "application/json;q=x": false,
		"application/*": false, "APPLICATION/JSON": true, "application/json;q=0.001": true, "application/json;q=1.001": false, "application/json;charset=utf-8;q=1": true,
	} {
		want := "text/html; charset=utf-8"
		if asJSON {
			want = "application/json"
		}
		if got := get(t, "GET", h+"/img/", "Accept", accept).Header.Get("Content-Type"); got != want {
			t.Errorf("Accept: %q: %s", accept, got)
		}
	}
}

// Paging returns every entry once, whatever the page size, and no query makes it fail.
func TestPages(t *testing.T) {
	files := map[string]string{}
	for i := range 1500 {
		files[fmt.Sprintf("many/f%04d.txt", i)] = ""
	}
	for _, name := range []string{"few/a/x.txt", "few/a-b.txt", "few/a.txt", "few/a b&c=d+é.txt", "few/z/y.txt"} {
		files[name] = ""
	}
	top := start(t, server.New(jail(t, files, allow("**")), server.Config{List: true}))
	page := func(query string) (p jsonPage) {
		r := get(t, "GET", top+query, "Accept", "application/json")
		if err := json.Unmarshal([]byte(r.Body), &p); err != nil || r.Status != 200 {
			t.Fatalf("%s: %d %v", query, r.Status, err)
		}
		return p
	}
	want := []string{"a b&c=d+é.txt", "a-b.txt", "a.txt", "a", "z"}
	for limit := 1; limit <= 6; limit++ {
		var got []string
		for after := ""; ; {
			p := page(fmt.Sprintf("/few/?limit=%d&after=%s", limit, url.QueryEscape(after)))
			for _, e := range p.Entries {
				got = append(got, e.Name)
			}
			if after = p.Next; after == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("limit %d: %q, want %q", limit, got, want)
		}
	}
	for query, n := range map[string]int{
		"": 1000, "?limit=0": 1, "?limit=-5": 1, "?limit=x": 1000, "?limit=99999999999999999999": 1000, "?limit=10001": 1500, "?limit=1500": 1500, "?limit=": 1000,
		"?limit=%zz": 1000, "?after=../..": 1000, "?after=%00": 1000, "?after=f0999.txt": 500, "?after=zzz": 0, "?after=f1499.txt&limit=5": 0,
	} {
		if p := page("/many/" + query); len(p.Entries) != n || (p.Next != "") != (n < 1500 && !strings.HasPrefix(query, "?after=f") && n > 0) {
			t.Errorf("%s: %d entries, next %q", query, len(p.Entries), p.Next)
		}
	}
	if html := get(t, "GET", top+"/many/?limit=7").Body; !strings.Contains(html, `href="?after=f0006.txt&amp;limit=7"`) {
		t.Errorf("no link to the next page in %s", html)
	}
}

// elements returns how often each element and attribute occurs in a page, and the targets
// of its links.
func elements(t *testing.T, page string) (count map[string]int, links []string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	count = map[string]int{}
	for {
		token, err := d.Token()
		if err == io.EOF {
			return count, links
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok {
			count[e.Name.Local]++
			for _, a := range e.Attr {
				count[e.Name.Local+" "+a.Name.Local]++
				if a.Name.Local == "href" {
					links = append(links, a.Value)
				}
			}
		}
	}
}

// TestLinksOfPages: a client that follows rel="next" (RFC 8288) gets the whole directory,
// as HTML and as JSON. A client that does not, like programs that mirror HTML, gets the
// first 10,000 names.
func TestLinksOfPages(t *testing.T) {
	files := map[string]string{}
	for i := range 10_001 {
		files[fmt.Sprintf("many/n%05d", i)] = ""
	}
	files["odd/a b>\"é"], files["odd/a,;c"], files["odd/z"] = "", "", ""
	h := server.New(jail(t, files, allow("**")), server.Config{List: true})
	href := regexp.MustCompile(`href="\./n\d{5}"`)
	for _, c := range []struct {
		target, accept string
		pages, names   int
	}{
		{"/many/", "text/html", 2, 10_001},
		{"/many/", "application/json", 11, 10_001},
		{"/many/?limit=4000", "text/html", 3, 10_001},
		{"/many/?limit=4000&after=n04999", "application/json", 2, 5001},
		{"/odd/?limit=1", "text/html", 3, 0},
		{"/odd/?limit=1", "application/json", 3, 3},
		{"/odd/?limit=3", "application/json", 1, 3},
	} {
		pages, names := 0, 0
		at, err := url.Parse(c.target)
		if err != nil {
			t.Fatal(err)
		}
		for at != nil && pages < 20 {
			head := request(t, h, "HEAD", at.String(), "Accept", c.accept)
			r := request(t, h, "GET", at.String(), "Accept", c.accept)
			pages++
			names += len(href.FindAllString(r.Body, -1)) + strings.Count(r.Body, `"type":"file"`)
			link := r.Header["Link"]
			if r.Status != 200 || !slices.Equal(link, head.Header["Link"]) || len(link) > 1 {
				t.Fatalf("%s: %d, %v, HEAD %v", at, r.Status, link, head.Header["Link"])
			}
			if (link != nil) != (strings.Contains(r.Body, `"next":`) || strings.Contains(r.Body, `href="?after=`)) {
				t.Errorf("%s: Link %q, %.200q", at, link, r.Body)
			}
			if link == nil {
				break
			}
			reference, ok := strings.CutSuffix(strings.TrimPrefix(link[0], "<"), `>; rel="next"`)
			next, err := at.Parse(reference)
			if !ok || err != nil || next.Path != at.Path || strings.ContainsAny(reference, "<>\" ") {
				t.Fatalf("%s: Link %q, %v", at, link, err)
			}
			at = next
		}
		if pages != c.pages || names != c.names {
			t.Errorf("%s, %s: %d names in %d pages, want %d in %d", c.target, c.accept, names, pages, c.names, c.pages)
		}
	}
}

// TestNamesInPages: no name adds an element or an attribute to a page, or links to another
// site.
func TestNamesInPages(t *testing.T) {
	nasty := []string{
		`<script>alert(1)<`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `javascript:alert(1)`, `data:text,html,x`, `a:b`, `&lt;b&gt;`,
		`</style><script>x<`, `</title><script>x<`, `{{.Style}}`, `<!--`, `]]>`, `%22%3E`, `a?b#c`, `;jsessionid=1`, "`onload=x`", `é&eacute;`, `  `, `+`, `~`, `-->`,
	}
	files, plain := map[string]string{}, map[string]string{}
	for i, name := range nasty {
		name = strings.ReplaceAll(name, "/", "\u2215")
		files["d/"+name] = name
		plain[fmt.Sprintf("d/name%d", i)] = ""
	}
	url := start(t, server.New(jail(t, files, allow("**")), server.Config{List: true}))
	r := get(t, "GET", url+"/d/")
	got, links := elements(t, r.Body)
	want, _ := elements(t, get(t, "GET", start(t, server.New(jail(t, plain, allow("**")), server.Config{List: true}))+"/d/").Body)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
	for _, link := range links {
		if strings.HasPrefix(link, "?") {
			continue // of a heading
		}
		if link != "../" && !strings.HasPrefix(link, "./") {
			t.Errorf("link %q", link)
		}
		if link == "../" {
			continue
		}
		if r := get(t, "GET", url+"/d/"+link[2:]); r.Status != 200 || files["d/"+r.Body] != r.Body {
			t.Errorf("%s leads to %d %q", link, r.Status, r.Body)
		}
	}
	_, style, _ := strings.Cut(r.Body, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	csp := r.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(csp, "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
		t.Errorf("the Content-Security-Policy %q does not match the style", csp)
	}
	if !strings.HasSuffix(csp, "'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'") {
		t.Errorf("the Content-Security-Policy %q allows something else", csp)
	}
	if got["script"] != 0 || got["form"] != 1 || got["form action"] != 0 {
		t.Errorf("%v", got)
	}
}
