package server_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	neturl "net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/server/internal/memcatalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

var fullPage = server.Page{Mode: server.PageFull}

func pageOver(t testing.TB, cfg server.Config) string {
	t.Helper()
	cfg.List, cfg.Page.Mode = true, server.PageFull
	return start(t, server.New(jail(t, site, allow("**")), cfg))
}

var assetRefs = regexp.MustCompile(`(?:src|href)="([^"]*\.bailiwick/[^"]+)"`)

// Each page loads its own style and module, from wherever it is, and has a policy that allows
// nothing else.
func TestPageAssets(t *testing.T) {
	url := pageOver(t, server.Config{NoIndex: true})
	nonces := map[string]bool{}
	for _, dir := range []string{"/", "/img/", "/img/deep/", "/name%252f:x/"} {
		r := get(t, "GET", url+dir)
		policy := r.Header.Get("Content-Security-Policy")
		nonce := regexp.MustCompile(`script-src 'nonce-([^']+)'`).FindStringSubmatch(policy)
		if r.Status != 200 || nonce == nil || nonces[nonce[1]] || len(nonce[1]) < 22 {
			t.Fatalf("%s: %d, %q", dir, r.Status, policy)
		}
		nonces[nonce[1]] = true
		want := strings.ReplaceAll("default-src 'none'; script-src 'nonce-N'; style-src 'nonce-N'; img-src 'self'; media-src 'self'; connect-src 'self'; form-action 'self'; "+
			"frame-src 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'", "N", nonce[1])
		// It has a nonce, and may have the name of a user.
		if policy != want || r.Header.Get("Referrer-Policy") != "same-origin" || r.Header.Get("Cache-Control") != "private, no-store" {
			t.Errorf("%s: %q, %q, %q", dir, policy, r.Header.Get("Referrer-Policy"), r.Header.Get("Cache-Control"))
		}
		if n := strings.Count(r.Body, `nonce="`+nonce[1]+`"`); n != 2 {
			t.Errorf("%s: %d elements with the nonce, want the style and the module", dir, n)
		}
		refs := assetRefs.FindAllStringSubmatch(r.Body, -1)
		if len(refs) != 3 {
			t.Fatalf("%s loads %v", dir, refs)
		}
		for _, ref := range refs {
			a := get(t, "GET", resolve(t, url+dir, ref[1]))
			if a.Status != 200 || a.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" || a.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s%s: %d %v", dir, ref[1], a.Status, a.Header)
			}
			if head := get(t, "HEAD", resolve(t, url+dir, ref[1])); head.Status != 200 || head.Header.Get("Content-Length") != fmt.Sprint(len(a.Body)) {
				t.Errorf("HEAD %s: %d %v", ref[1], head.Status, head.Header)
			}
		}
	}
}

// resolve returns a reference of a page as a browser does.
func resolve(t testing.TB, base, ref string) string {
	t.Helper()
	u, err := neturl.Parse(base)
	if err == nil {
		u, err = u.Parse(ref)
	}
	if err != nil {
		t.Fatal(err)
	}
	return u.String()
}

// What everything on a page weighs together, unpacked.
func TestPageSize(t *testing.T) {
	url := pageOver(t, server.Config{NoIndex: true, Write: false})
	r := get(t, "GET", url+"/img/deep/")
	total := len(r.Body)
	for _, ref := range assetRefs.FindAllStringSubmatch(r.Body, -1) {
		total += len(get(t, "GET", resolve(t, url+"/img/deep/", ref[1])).Body)
	}
	t.Logf("%d bytes", total)
	if total > 60<<10 {
		t.Errorf("a page and what it loads have %d bytes; at most 60 KiB are allowed", total)
	}
}

// Assets need no credentials, and are recorded. Everything else below the reserved element is
// the 404 of a missing name, in every spelling and for every method.
func TestPageReserves(t *testing.T) {
	files := map[string]string{"a.txt": "a"}
	reserved := []string{".bailiwick/x.txt", ".bailiwick", "d/.bailiwick/x.txt", "d/.BAILIWICK/x.txt", ".Bailiwick/x.txt", ".ba\u0131liwick/x.txt",
		".\uff42ailiwick/x.txt", ".bailiwic\u212a/x.txt", ".bai\u00adliwick/x.txt", "d/e/.bailiwick"}
	for _, name := range reserved[2:] {
		files[name] = canary
	}
	files[reserved[0]] = canary
	policy := allow("**", "**/.*", "**/.*/**")
	rec := &recorder{}
	url := start(t, server.New(jail(t, files, policy), server.Config{List: true, Page: fullPage, Recorder: rec}))
	plain := start(t, server.New(jail(t, files, policy), server.Config{List: true}))
	missing := get(t, "GET", url+"/missing.txt")
	served := 0
	for _, name := range reserved {
		n := parsed(t, name)
		if get(t, "GET", plain+"/"+n.EscapedPath()).Status == 200 {
			served++
		}
		for _, path := range []string{"/" + n.EscapedPath(), "/" + n.EscapedPath() + "/"} {
			if name == ".ba\u0131liwick/x.txt" {
				continue // a dotless i is another letter
			}
			if r := get(t, "GET", url+path); r.Status != 404 || r.Body != missing.Body {
				t.Errorf("GET %s: %d %q", path, r.Status, r.Body)
			}
		}
	}
	if served < 7 {
		t.Fatalf("without a page, only %d of the names are served: the test proves nothing", served)
	}
	for _, query := range []string{"", "?q=x&deep=1", "?sort=size"} {
		for _, accept := range []string{"text/html", "application/json"} {
			if r := get(t, "GET", url+"/"+query, "Accept", accept); r.Status != 200 || strings.Contains(strings.ToLower(strings.ReplaceAll(r.Body, "./.bailiwick/", "")), ".bailiwick/x") {
				t.Errorf("%s %s: %d\n%s", accept, query, r.Status, r.Body)
			}
		}
	}
	if r := get(t, "GET", url+"/.bailiwick/page-0000000000000000.js"); r.Status != 404 {
		t.Errorf("an asset of another version: %d", r.Status)
	}

	before := len(rec.wait(t, 1))
	page := get(t, "GET", url+"/")
	ref := assetRefs.FindStringSubmatch(page.Body)[1]
	get(t, "GET", resolve(t, url+"/", ref))
	if a := rec.wait(t, before+2); a[len(a)-1].Rule != "page" || a[len(a)-1].Status != 200 {
		t.Errorf("recorded %+v", a[len(a)-1])
	}
}

// Writes can neither create nor reach a reserved name.
func TestPageReservesWrites(t *testing.T) {
	m := mem.New()
	policy := allow("**", "**/.*", "**/.*/**")
	h := server.New(jailOver(t, m, policy), server.Config{List: true, Write: true, Page: fullPage, Logger: quiet})
	if r := request(t, server.New(jailOver(t, m, policy), server.Config{Write: true}), "PUT", "/.bailiwick/a.txt"); r.Status != 201 {
		t.Fatalf("without a page, the name cannot be created: %d", r.Status)
	}
	if r := request(t, h, "PUT", "/a.txt"); r.Status != 201 {
		t.Fatal(r.Status)
	}
	for _, c := range [][]string{
		{"PUT", "/.bailiwick/b.txt"}, {"PUT", "/.BAILIWICK/b.txt"}, {"PUT", "/.bailiwick"}, {"PUT", "/d/.bailiwick/b.txt"}, {"DELETE", "/.bailiwick/a.txt"},
		{"COPY", "/a.txt", "Destination", "/.bailiwick/c.txt"}, {"MOVE", "/a.txt", "Destination", "/x/.Bailiwick"}, {"COPY", "/.bailiwick/a.txt", "Destination", "/stolen.txt"},
	} {
		if r := request(t, h, c[0], c[1], c[2:]...); r.Status != 404 {
			t.Errorf("%v: %d", c, r.Status)
		}
	}
}

// Assets of a mount with sign-in load before anyone has signed in.
func TestPageAssetsForEveryone(t *testing.T) {
	p := allow("**")
	p.Authorize = vfs.AuthorizeFunc(nil)
	cfg := server.Config{List: true, Page: fullPage, Auth: server.Auth{Authenticator: auth.NewChain(auth.ChainConfig{})}}
	url := start(t, server.New(jail(t, site, p), cfg))
	ref := assetRefs.FindStringSubmatch(get(t, "GET", pageOver(t, server.Config{NoIndex: true})+"/").Body)[1]
	if r := get(t, "GET", resolve(t, url+"/", ref), "Authorization", "Bearer wrong"); r.Status != 200 {
		t.Errorf("an asset: %d", r.Status)
	}
	if r := get(t, "GET", url+"/", "Authorization", "Bearer wrong"); r.Status == 200 {
		t.Errorf("the page: %d", r.Status)
	}
	uploads := start(t, server.NewUploads(jailOver(t, mem.New(), catalog.Policy()), &memcatalog.Catalog{}, server.UploadConfig{Page: fullPage}))
	if r := get(t, "GET", resolve(t, uploads+"/", ref)); r.Status != 200 {
		t.Errorf("an asset of uploads: %d", r.Status)
	}
}

// The page says who is signed in, and offers to sign in or out where there are sessions.
func TestPageUser(t *testing.T) {
	p := allow("**")
	p.Authorize = access.Anyone()
	h := server.New(jail(t, site, p), server.Config{List: true, NoIndex: true, Page: fullPage, Auth: server.Auth{SignIn: http.NotFoundHandler()}})
	for _, c := range []struct {
		who  auth.Principal
		want []string
	}{
		{auth.Principal{}, []string{`href="/.bailiwick/login?next=%2Fimg%2F"`}},
		{auth.Principal{Name: "<b>", Method: "session"}, []string{"<bdi>&lt;b&gt;</bdi>", `action="/.bailiwick/logout"`, `name="next" value="/img/"`}},
		{auth.Principal{Name: "alice", Method: "basic"}, []string{"<bdi>alice</bdi>"}},
	} {
		r := httptest.NewRequest("GET", "/img/", nil)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(auth.WithPrincipal(r.Context(), c.who)))
		for _, want := range c.want {
			if !strings.Contains(w.Body.String(), want) {
				t.Errorf("%v: no %q in\n%.3000s", c.who, want, w.Body)
			}
		}
		if out := strings.Contains(w.Body.String(), "Sign out"); out != (c.who.Method == "session") {
			t.Errorf("%v: signing out is offered: %t", c.who, out)
		}
	}
}

func TestPageOff(t *testing.T) {
	url := start(t, server.New(jail(t, site, allow("**")), server.Config{List: true, Page: server.Page{Mode: server.PageOff}}))
	for path, want := range map[string]string{"/img/": "application/json", "/": "text/html; charset=utf-8"} {
		if r := get(t, "GET", url+path, "Accept", "text/html"); r.Status != 200 || r.Header.Get("Content-Type") != want {
			t.Errorf("%s: %d %s", path, r.Status, r.Header.Get("Content-Type"))
		}
	}
}

func TestPageLook(t *testing.T) {
	for _, p := range []server.Page{
		{Mode: 3}, {Title: "x"}, {Mode: server.PageOff, Color: "#112233"},
		{Mode: server.PageFull, Color: "red"}, {Mode: server.PageFull, Color: "#1122334"}, {Mode: server.PageFull, Color: "#12345g"}, {Mode: server.PageFull, Color: "#+12345"},
		{Mode: server.PageFull, Title: "a\u202eb"}, {Mode: server.PageFull, Title: " "}, {Mode: server.PageFull, Title: strings.Repeat("x", 101)},
		{Mode: server.PageFull, Logo: []byte("<html><svg/></html>")}, {Mode: server.PageFull, Logo: []byte("text")},
		{Mode: server.PageFull, Logo: append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 256<<10)...)},
	} {
		if panicOf(func() { server.New(jail(t, site, allow("**")), server.Config{List: true, Page: p}) }) == "" {
			t.Errorf("%.80q was accepted", fmt.Sprint(p))
		}
	}
	svg := `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`
	url := pageOver(t, server.Config{NoIndex: true, Page: server.Page{Title: `A & B <i>`, Logo: []byte(svg), Color: "#ffee00"}})
	r := get(t, "GET", url+"/")
	if !strings.Contains(r.Body, "<title>A &amp; B &lt;i&gt;</title>") {
		t.Error("the title is not on the page")
	}
	logo := regexp.MustCompile(`\.bailiwick/logo-[0-9a-f]+\.svg`).FindString(r.Body)
	if l := get(t, "GET", url+"/"+logo); l.Status != 200 || l.Body != svg || !strings.Contains(l.Header.Get("Content-Security-Policy"), "sandbox") || l.Header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("the logo: %d %v", l.Status, l.Header)
	}
	style := regexp.MustCompile(`\.bailiwick/page-[0-9a-f]+\.css`).FindString(r.Body)
	if s := get(t, "GET", url+"/"+style); !strings.HasPrefix(s.Body, ":root{--accent:#") || strings.Contains(s.Body[:100], "--accent:#ffee00;--on-accent:#fff") {
		t.Errorf("the style begins with %.120q", s.Body)
	}
}

// tags returns the elements of a document with the names of their attributes, but for what
// differs between all pages.
func tags(t *testing.T, doc string) []string {
	t.Helper()
	var list []string
	z := html.NewTokenizer(strings.NewReader(doc))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return list
		case html.StartTagToken, html.SelfClosingTagToken:
			tok := z.Token()
			tag := tok.Data
			for _, a := range tok.Attr {
				tag += " " + a.Key
			}
			list = append(list, tag)
		}
	}
}

// No name adds an element or an attribute to a page, be it of a file, a directory or in a
// query.
func TestPageHostileNames(t *testing.T) {
	hostile := []string{`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' autofocus onfocus='alert(1)`, `javascript:alert(1)`, `{{.Site}}`, "${alert(1)}",
		`a" onmouseover="x`, `--><svg onload=alert(1)>`, `</title><script>x</script>`, "\u202egnp.exe", `&lt;b&gt;`, "`x`", "a\u2028b", `x<!--`, `<base href=//evil>`, `</svg><p>`}
	plain := func(i int) string { return fmt.Sprintf("name%d", i) }
	of := func(name func(i int) string) (files map[string]string) {
		files = map[string]string{}
		for i := range hostile {
			elem := strings.ReplaceAll(name(i), "/", "\u2044")
			if _, err := vfs.ParseName(elem); err != nil {
				continue
			}
			files[elem+".txt"], files[elem+"/"+elem] = "x", "y"
		}
		return files
	}
	bad := of(func(i int) string { return hostile[i] })
	good := map[string]string{}
	for i := range hostile {
		if _, err := vfs.ParseName(strings.ReplaceAll(hostile[i], "/", "\u2044")); err == nil {
			good[plain(i)+".txt"], good[plain(i)+"/"+plain(i)] = "x", "y"
		}
	}
	if len(bad) < 20 || len(bad) != len(good) {
		t.Fatal(len(bad), len(good))
	}
	cfg := server.Config{List: true, Page: fullPage, Write: false}
	badURL, goodURL := start(t, server.New(jail(t, bad, allow("**")), cfg)), start(t, server.New(jail(t, good, allow("**")), cfg))
	want := tags(t, get(t, "GET", goodURL+"/").Body)
	got := tags(t, get(t, "GET", badURL+"/").Body)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the page of hostile names has\n%q\nwant\n%q", got, want)
	}
	wantDir := tags(t, get(t, "GET", goodURL+"/name0/").Body)
	wantQuery := tags(t, get(t, "GET", goodURL+"/name0/?q=nothing").Body)
	for name := range bad {
		dir, _, ok := strings.Cut(name, "/")
		if !ok {
			continue
		}
		path := "/" + parsed(t, dir).EscapedPath() + "/"
		if got := tags(t, get(t, "GET", badURL+path).Body); !slices.Equal(got, wantDir) {
			t.Errorf("the page of %q has\n%q\nwant\n%q", dir, got, wantDir)
		}
		if got := tags(t, get(t, "GET", goodURL+"/name0/?q="+neturl.QueryEscape(dir)).Body); !slices.Equal(got, wantQuery) {
			t.Errorf("the page of q=%q has\n%q\nwant\n%q", dir, got, wantQuery)
		}
	}
}
