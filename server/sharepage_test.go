package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/access"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// withPages turns the full page on.
func (s *sharingServer) withPages() {
	s.change = func(c *server.ShareConfig) {
		for i := range c.Mounts {
			c.Mounts[i].Config.Page = server.Page{Mode: server.PageFull}
		}
	}
	s.apply()
}

// browser are the headers by which a browser asks for a page.
var browser = []string{"Accept", "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Mode", "navigate"}

// TestSharePages: the pages of a share have nothing of its issuer, of what lies above it, or of
// what only a user can do, and load their assets through the link.
func TestSharePages(t *testing.T) {
	s := newSharing(t)
	s.withPages()
	link := s.share("alice", fields{"path": "/files/docs/pub"}).URL
	for _, below := range []string{"", "deep/", "?show=a.txt", "deep/?show=b.html", "?q=txt&deep=1", "?sort=size"} {
		r := s.get(link+below, browser...)
		refs := assetRefs.FindAllStringSubmatch(r.Body, -1)
		if r.Status != 200 || len(refs) != 3 || r.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Fatalf("%s: %d, assets %v, %v\n%s", below, r.Status, refs, r.Header, r.Body)
		}
		text := fmt.Sprint(r.Header, r.Body)
		for _, hidden := range []string{"alice", "pub", "docs", "/files", "Sign", "#i-user", "referrer\"", "Share", "shares", "secret", canary, `method="post"`, "Delete", "../../"} {
			if strings.Contains(text, hidden) {
				t.Errorf("%q has %q: %s", below, hidden, text)
			}
		}
		for _, ref := range refs {
			u := resolve(t, "http://files.example"+link+below, ref[1])
			path, ok := strings.CutPrefix(u, "http://files.example")
			if a := s.get(path); !ok || !strings.HasPrefix(path, link+".bailiwick/") || a.Status != 200 {
				t.Errorf("%q loads %s: %d", below, u, a.Status)
			}
		}
	}
	for below, name := range map[string]string{"?zip": "files.zip", "deep/?zip": "deep.zip"} {
		if r := s.send("HEAD", link+below, ""); r.Status != 200 || !strings.HasPrefix(r.Header.Get("Content-Disposition"), "attachment; filename="+name+";") {
			t.Errorf("the archive %q: %d %v", below, r.Status, r.Header)
		}
	}
	var listed struct {
		Dir string
		Can []string
	}
	r := s.get(link+"deep/", "Accept", "application/json")
	if err := json.Unmarshal([]byte(r.Body), &listed); err != nil || listed.Dir != "deep" || fmt.Sprint(listed.Can) != "[zip]" {
		t.Errorf("the listing: %s", r.Body)
	}
	for _, below := range []string{"?delete=a.txt", "?show=secret.txt", "?show=missing", "?show=..", "?show=../../top.txt"} {
		if r := s.get(link+below, browser...); r.Status != 404 && r.Status != 303 || strings.Contains(fmt.Sprint(r), "docs") {
			t.Errorf("%s: %d %v", below, r.Status, r)
		}
	}
}

// pageStyle is the style in a page that loads nothing, with its nonce.
var pageStyle = regexp.MustCompile(`(?s)<style nonce="([^"]+)">.*</style>`)

// withoutStyle returns the header and the body of a page that loads nothing.
func withoutStyle(r reply) string {
	return fmt.Sprint(r.Header, pageStyle.ReplaceAllString(r.Body, ""))
}

// TestShareGuestPages: the pages of a share that belong to no directory, to ask for its password
// and for files, have the look of all pages, load nothing, and lead nowhere above the share.
func TestShareGuestPages(t *testing.T) {
	s := newSharing(t)
	s.withPages()
	locked := s.share("alice", fields{"path": "/files/docs/pub/a.txt", "password": "right"}).URL
	drop := s.share("alice", fields{"path": "/files/drop", "upload": true}).URL
	form := append([]string{"Content-Type", "application/x-www-form-urlencoded"}, browser...)
	files := append([]string{"Content-Type", "multipart/form-data; boundary=b"}, browser...)
	file := func(name string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + name + "\"\r\n\r\nx\r\n--b--\r\n"
	}
	for what, c := range map[string]struct {
		got    reply
		status int
		has    string
	}{
		"the question":        {s.get(locked, browser...), 401, `type="password"`},
		"a wrong password":    {s.send("POST", locked, "password=wrong", form...), 401, `role="alert"`},
		"a form for files":    {s.get(drop, browser...), 200, `type="file"`},
		"what was sent":       {s.send("POST", drop, file("a.txt"), files...), 201, "1 file sent"},
		"what was not a form": {s.send("POST", drop, "a=b", form...), 400, `role="alert"`},
	} {
		style := pageStyle.FindStringSubmatch(c.got.Body)
		if c.got.Status != c.status || !strings.Contains(c.got.Body, c.has) || style == nil {
			t.Errorf("%s: %d %s", what, c.got.Status, c.got.Body)
			continue
		}
		referrer := "no-referrer"
		if strings.Contains(c.got.Body, `method="post"`) {
			referrer = "same-origin" // without one, browsers post "Origin: null"
		}
		if policy := c.got.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "style-src 'nonce-"+style[1]+"'") || c.got.Header.Get("Referrer-Policy") != referrer {
			t.Errorf("%s: %v", what, c.got.Header)
		}
		rest := withoutStyle(c.got)
		for _, m := range regexp.MustCompile(`(?:href|src|action)="([^"#][^"]*)"`).FindAllStringSubmatch(rest, -1) {
			if m[1] != "./" && !strings.HasPrefix(m[1], "data:") {
				t.Errorf("%s leads to %q", what, m[1])
			}
		}
		for _, hidden := range []string{"drop", "docs", "pub", "alice", "a.txt", "<script"} {
			if strings.Contains(rest, hidden) {
				t.Errorf("%s has %q: %s", what, hidden, rest)
			}
		}
	}
}

// A preview that has the text of a file is a use of the share, and so is an archive that is
// sent, but not one that is refused because too many are.
func TestSharePreviewsAndArchivesAreUses(t *testing.T) {
	s := newSharing(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	s.tree = &hookedBackend{Backend: s.tree, open: func(n vfs.Name) {
		if n.Base() == "b.html" {
			entered <- struct{}{}
			<-leave
		}
	}}
	s.change = func(c *server.ShareConfig) {
		c.Mounts[0].Config.Page = server.Page{Mode: server.PageFull}
		c.Mounts[0].Config.Archive.Slots = server.NewSlots(1)
	}
	s.apply()
	link := s.share("alice", fields{"path": "/files/docs/pub", "uses": 1}).URL
	slow := s.share("alice", fields{"path": "/files/docs/pub"}).URL
	done := make(chan reply)
	go func() { done <- s.get(slow + "?zip") }()
	<-entered
	if r := s.get(link + "?zip"); r.Status != http.StatusServiceUnavailable {
		t.Errorf("an archive without a slot: %d", r.Status)
	}
	close(leave)
	if r := <-done; r.Status != 200 {
		t.Errorf("the archive that has the slot: %d", r.Status)
	}
	if r := s.get(link+"?show=a.txt", browser...); r.Status != 200 || !strings.Contains(r.Body, "the file a") {
		t.Errorf("a preview after the refused archive: %d", r.Status)
	}
	s.gone("after the preview", link+"?show=a.txt", browser...)
}

// TestListingCanShare: "can" has "share" where the rules let the caller share the directory or
// something in it, if the server has shares; not for links.
func TestListingCanShare(t *testing.T) {
	s := newSharing(t)
	l := rules(t, nil,
		access.Rule{Who: "anyone", Can: can(vfs.OpRead, vfs.OpList)},
		access.Rule{Who: "user:alice", Can: can(access.OpShare), Names: []string{"docs/pub/**"}})
	j := jailOver(t, s.tree, vfs.Policy{Allow: vfs.Patterns("**"), Authorize: l})
	for _, c := range []struct {
		shares     bool
		user, path string
		want       bool
	}{
		{true, "alice", "/docs/pub/", true}, {true, "alice", "/docs/pub/deep/", true}, {true, "alice", "/docs/", true}, {true, "alice", "/drop/", false},
		{true, "bob", "/docs/pub/", false}, {true, "", "/docs/pub/", false}, {false, "alice", "/docs/pub/", false},
	} {
		for _, mode := range []server.PageMode{server.PagePlain, server.PageFull} {
			h := server.New(j, server.Config{List: true, NoIndex: true, Page: server.Page{Mode: mode, Shares: c.shares}, Auth: server.Auth{Authenticator: chain(s.who)}})
			headers := as(c.user)
			if c.user == "" {
				headers = nil
			}
			r := sendTo(t, h, "GET", c.path, "", append([]string{"Accept", "application/json"}, headers...)...)
			if got := strings.Contains(r.Body, `"share"`); r.Status != 200 || got != c.want {
				t.Errorf("%+v: %d %s", c, r.Status, r.Body)
			}
			if mode != server.PageFull {
				continue
			}
			r = sendTo(t, h, "GET", c.path, "", append(browser, headers...)...)
			link := `href="/.bailiwick/shares?path=` + url.QueryEscape(c.path) + `"`
			if r.Status != 200 || strings.Contains(r.Body, link) != c.want || strings.Contains(r.Body, "My shares") != (c.shares && c.user != "") {
				t.Errorf("%+v: %d %s", c, r.Status, r.Body)
			}
		}
	}
	// Each row leads to the form for its entry, if the caller may share that.
	rows := server.New(j, server.Config{List: true, NoIndex: true, Page: server.Page{Mode: server.PageFull, Shares: true}, Auth: server.Auth{Authenticator: chain(s.who)}})
	for _, c := range []struct {
		path string
		want []string
	}{
		{"/docs/", []string{"/docs/", "/docs/pub/"}}, {"/docs/pub/", []string{"/docs/pub/", "/docs/pub/a.txt", "/docs/pub/deep/", "/docs/pub/secret.txt"}}, {"/drop/", nil},
		{"/docs/?q=b&deep=1", []string{"/docs/", "/docs/pub/", "/docs/pub/deep/b.html"}},
	} {
		r := sendTo(t, rows, "GET", c.path, "", append(browser, as("alice")...)...)
		var got []string
		for _, m := range regexp.MustCompile(`href="/\.bailiwick/shares\?path=([^"]+)"`).FindAllStringSubmatch(r.Body, -1) {
			path, err := url.QueryUnescape(html.UnescapeString(m[1]))
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, path)
		}
		if r.Status != 200 || !slices.Equal(got, c.want) {
			t.Errorf("%s: %d, forms for %q, want %q", c.path, r.Status, got, c.want)
		}
	}
	h := http.StripPrefix("/files", server.New(j, server.Config{List: true, Page: server.Page{Mode: server.PageFull, Shares: true}, Auth: server.Auth{Authenticator: chain(s.who)}}))
	for target, want := range map[string]string{
		"/files/docs/pub/": "%2Ffiles%2Fdocs%2Fpub%2F", "/files/docs/pub/?show=a.txt": "%2Ffiles%2Fdocs%2Fpub%2Fa.txt", "/files/docs/?show=other.txt": "",
	} {
		r := sendTo(t, h, "GET", target, "", append(browser, as("alice")...)...)
		if has := strings.Contains(r.Body, "/.bailiwick/shares?path="+want+`"`); r.Status != 200 || has != (want != "") {
			t.Errorf("%s: %d %s", target, r.Status, r.Body)
		}
	}
}

// TestMyShares makes and revokes a share as a browser without scripts does.
func TestMyShares(t *testing.T) {
	s := newSharing(t)
	user := append(as("alice"), browser...)
	r := s.get("/.bailiwick/shares", user...)
	if r.Status != 200 || !strings.Contains(r.Body, "not shared anything") || !strings.Contains(r.Body, "<bdi>alice</bdi>") || strings.Contains(r.Body, "<script") {
		t.Fatalf("no shares: %d %s", r.Status, r.Body)
	}
	r = s.get("/.bailiwick/shares?path=/files/docs/pub/", user...)
	if r.Status != 200 || !strings.Contains(r.Body, `name="path" value="/files/docs/pub/"`) || !strings.Contains(r.Body, `name="upload"`) || !strings.Contains(r.Body, `name="expires" value="7d"`) {
		t.Fatalf("the form: %d %s", r.Status, r.Body)
	}
	if r := s.get("/.bailiwick/shares?path=/files/docs/pub/a.txt", user...); r.Status != 200 || strings.Contains(r.Body, `name="upload"`) {
		t.Errorf("the form for a file: %d %s", r.Status, r.Body)
	}
	if r := s.get("/.bailiwick/shares?path=../x", user...); r.Status != 400 {
		t.Errorf("the form for no path: %d", r.Status)
	}
	form := append([]string{"Content-Type", "application/x-www-form-urlencoded", "Origin", "https://files.example", "Sec-Fetch-Site", "same-origin"}, user...)
	sent := "path=%2Ffiles%2Fdocs%2Fpub%2F&password=&uses=&note=for+the+press&expires="
	if r := s.send("POST", "/.bailiwick/shares", sent+"never", form...); r.Status != 400 || !strings.Contains(r.Body, `role="alert"`) || !strings.Contains(r.Body, `value="/files/docs/pub/"`) {
		t.Errorf("a wrong form: %d %s", r.Status, r.Body)
	}
	if r := s.send("POST", "/.bailiwick/shares", sent+"1h", append(form[:4:4], append(user, "Sec-Fetch-Site", "cross-site")...)...); r.Status != 404 {
		t.Errorf("a form of another site: %d", r.Status)
	}
	r = s.send("POST", "/.bailiwick/shares", sent+"1h", form...)
	link := regexp.MustCompile(`value="https://files\.example(/\.bailiwick/s/[^"]+)"`).FindStringSubmatch(r.Body)
	if r.Status != 201 || link == nil || r.Header.Get("Cache-Control") != "private, no-store" {
		t.Fatalf("made: %d %v %s", r.Status, r.Header, r.Body)
	}
	if r := s.get(link[1] + "a.txt"); r.Status != 200 {
		t.Errorf("the link: %d", r.Status)
	}
	r = s.get("/.bailiwick/shares", user...)
	action := regexp.MustCompile(`method="post" action="(/\.bailiwick/shares/[^"]+)"`).FindStringSubmatch(r.Body)
	if action == nil || !strings.Contains(r.Body, "for the press") || !strings.Contains(r.Body, `href="/files/docs/pub/"`) || strings.Contains(r.Body, link[1]) {
		t.Fatalf("the list: %s", r.Body)
	}
	if r := s.send("POST", action[1], "", append(form[:4:4], append(user, "Sec-Fetch-Site", "cross-site")...)...); r.Status != 404 {
		t.Errorf("revoked by another site: %d", r.Status)
	}
	if r := s.send("POST", action[1], "", form...); r.Status != 303 || r.Header.Get("Location") != "/.bailiwick/shares" {
		t.Errorf("revoked: %d %v", r.Status, r.Header)
	}
	s.gone("a revoked share", link[1])
	if r := s.get("/.bailiwick/shares", append(as("alice"), "Accept", "*/*")...); r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("for a program: %v", r.Header)
	}
}

// TestShareNotesAreText: whatever a note, or a path, has, the page gets no element of it.
func TestShareNotesAreText(t *testing.T) {
	s := newSharing(t)
	elements := func(path, note string) (list []string) {
		m := s.share("alice", fields{"path": path, "note": note})
		r := s.get("/.bailiwick/shares", append(as("alice"), browser...)...)
		if s := s.send("DELETE", "/.bailiwick/shares/"+m.ID, "", as("alice")...); r.Status != 200 || s.Status != 204 {
			t.Fatalf("%q: %d, %d", note, r.Status, s.Status)
		}
		z := html.NewTokenizer(strings.NewReader(r.Body))
		for {
			switch z.Next() {
			case html.ErrorToken:
				return list
			case html.StartTagToken, html.SelfClosingTagToken:
				token := z.Token()
				for _, a := range token.Attr {
					token.Data += " " + a.Key
				}
				list = append(list, token.Data)
			}
		}
	}
	want := fmt.Sprint(elements("/files/docs/pub/", "plain"))
	var notes []string
	for _, a := range vfstest.Attacks() {
		notes = append(notes, a.Raw)
	}
	notes = append(notes, "<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "</bdi></p></ul><form>", "'><a href=javascript:alert(1)>", "\u202e<b>", "<!--", "&lt;b&gt;", "{{.}}")
	for _, note := range notes {
		if len(note) > 1024 || note == "" || !utf8.ValidString(note) || strings.ContainsRune(note, 0) {
			continue
		}
		if got := fmt.Sprint(elements("/files/docs/pub/", note)); got != want {
			t.Errorf("%q: %s", note, got)
		}
	}
}
