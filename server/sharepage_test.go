package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
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
	drop := s.share("alice", fields{"path": "/files/drop", "upload": true}).URL
	if r := s.get(drop, browser...); r.Status != 200 || strings.Contains(fmt.Sprint(r), "drop") || strings.Contains(fmt.Sprint(r), "alice") {
		t.Errorf("a form for files: %v", r)
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
