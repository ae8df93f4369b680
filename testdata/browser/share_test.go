package browser

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// sharing lets each user who signed in do everything with all files, and share them. It
// follows what users returns.
func sharing(t *testing.T) string {
	return "shares: {catalog: " + quote("sqlite:"+filepath.Join(t.TempDir(), "shares.db")) + "}\n" +
		"mounts: [{source: SOURCE, allow: ['**'], list: true, write: true, no_index: true, access: [{who: authenticated, can: [read, list, write, delete, share]}]}]\n"
}

// shareServer serves a place to alice. The URL is that of this machine for one kind of place,
// and that of a server in a local network for the other: in each, forms must arrive.
func shareServer(t *testing.T, p *place) (url string) {
	t.Helper()
	s := serve(t, p, "hosts: ["+networkHost+"]\n"+users(t, "alice")+sharing(t))
	if p.kind == "disk" {
		return s.networkURL()
	}
	return s.url
}

// shareForm is the form to make a share, on the page that the tab shows.
type shareForm struct{ expires, password, note string }

// makeShare fills the form and returns the path of the link that the page then shows.
func (b *tab) makeShare(f shareForm) string {
	b.t.Helper()
	b.wait(visible(named("Make a link")))
	for field, value := range map[string]string{"expires": f.expires, "password": f.password, "note": f.note} {
		if value != "" {
			b.fill(css("input[name="+field+"]"), value)
		}
	}
	b.load(func() { b.click(named("Make a link")) })
	b.wait(visible(css("input[readonly]")))
	link, ok := strings.CutPrefix(eval[string](b, css("input[readonly]")+".value"), b.url)
	if !ok || !strings.HasPrefix(link, "/.bailiwick/s/") {
		b.t.Fatalf("the page of the new share shows no link of this server: %q", link)
	}
	return link
}

// revoke revokes the only share of the user who is signed in.
func (b *tab) revoke() {
	b.t.Helper()
	b.visit("/.bailiwick/shares")
	b.load(func() { b.click(named("Revoke")) })
	b.wait(shows("You have not shared anything."))
}

// gone fails the test unless a path is the uniform 404, the same as a link that never existed.
func (b *tab) gone(path string) {
	b.t.Helper()
	b.expect(401, 404) // 401: the browser asks for the icon of a page that has none
	for _, path := range []string{path, "/.bailiwick/s/AAAAAAAAAAAAAAAAAAAAAA/"} {
		b.visit(path)
		if status, text := b.status(), eval[string](b, "document.body.innerText.trim()"); status != 404 || text != "not found" {
			b.t.Errorf("%s is %d %q", path, status, text)
		}
	}
}

// downloads makes the browser store what this tab downloads in a directory.
func (b *tab) downloads() (dir string) {
	b.t.Helper()
	dir = b.t.TempDir()
	_, err := chromedp.CallBrowser(b.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, BrowserContextID: chromedp.FromContext(b.ctx).BrowserContextID, DownloadPath: dir,
	})
	must(b, err)
	return dir
}

// downloaded waits until a directory has a file with that content.
func (b *tab) downloaded(dir, name, content string) {
	b.t.Helper()
	for end := time.Now().Add(patience); ; b.frame() {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil && string(data) == content {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("%s was not downloaded: %q, %v", name, data, err)
		}
	}
}

// A user shares a file with a password; a guest opens the link, gets the file, and gets
// nothing once the user has revoked it.
func TestShareFile(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		p.put(t, "plans/draft & odd.bin", "the plan")
		p.put(t, "plans/secret.txt", "not shared")
		at := shareServer(t, p)
		owner, guest := open(t, at, desktop), open(t, at, phone)
		owner.signIn("/plans/", "alice")
		owner.load(func() { owner.click(row("draft & odd.bin") + ".querySelector('.share')") })
		link := owner.makeShare(shareForm{expires: "2h", password: "open sesame", note: "for the press"})
		owner.load(func() { owner.click(named("My shares")) })
		owner.wait(shows("for the press"))
		owner.wait(shows("/plans/draft & odd.bin"))
		owner.wait(shows("with a password"))

		guest.expect(401)
		dir := guest.downloads()
		guest.visit(link)
		if status := guest.status(); status != 401 {
			t.Errorf("without the password, the link is %d", status)
		}
		guest.fill(css("input[name=password]"), "wrong")
		guest.load(func() { guest.press(kb.Enter) })
		guest.wait(visible(css("[role=alert]")))
		guest.fill(css("input[name=password]"), "open sesame")
		guest.click(named("Open"))
		guest.downloaded(dir, "draft & odd.bin", "the plan")
		guest.wait("!" + shows("alice"))

		owner.visit("/.bailiwick/shares")
		owner.waitReloading(shows("uses: 1")) // written within a second, as the link has no limit
		owner.revoke()
		guest.gone(link)
	})
}

// A folder is shared by its row, or inside it; a file in its preview, or on its page. What
// the guest of a folder gets are its pages, and nothing above them.
func TestShareFolder(t *testing.T) {
	p := onDisk(t)
	for _, name := range []string{"top.txt", "plans/a.txt", "plans/deep/b.txt"} {
		p.put(t, name, "the text of "+name)
	}
	s := serve(t, p, users(t, "alice")+sharing(t))
	owner := open(t, s.url, phone)
	owner.signIn("/", "alice")
	path := "document.querySelector('input[name=path]').value"
	for _, c := range []struct {
		what, want string
		click      func()
	}{
		{"the row of a folder", "/plans/", func() { owner.click(row("plans") + ".querySelector('.share')") }},
		{"the row of a file", "/top.txt", func() { owner.click(row("top.txt") + ".querySelector('.share')") }},
		{"the preview of a file", "/top.txt", func() {
			owner.click(link("top.txt"))
			owner.wait(shows("the text of top.txt"))
			owner.click(namedIn("document.querySelector('dialog.viewer')", "Share"))
		}},
		{"the page of a folder", "/plans/", func() {
			owner.visit("/plans/")
			owner.click(named("Share"))
		}},
		{"the page of a file", "/plans/a.txt", func() {
			owner.visit("/plans/?show=a.txt")
			owner.click(named("Share"))
		}},
	} {
		owner.visit("/")
		owner.load(c.click)
		if got := eval[string](owner, path); got != c.want {
			t.Errorf("%s leads to the form for %q, want %q", c.what, got, c.want)
		}
	}
	owner.visit("/")
	owner.load(func() { owner.click(row("plans") + ".querySelector('.share')") })
	link0 := owner.makeShare(shareForm{})
	for _, v := range []view{desktop, {width: 390, noScript: true}} {
		t.Run(v.String(), func(t *testing.T) {
			guest := open(t, s.url, v)
			guest.visit(link0)
			if got := guest.names(); !slices.Equal(got, []string{"deep/", "a.txt"}) && !slices.Equal(got, []string{"a.txt", "deep/"}) {
				t.Errorf("the share lists %q", got)
			}
			guest.fits()
			if eval[bool](guest, "!!"+css(".share")+" || !!"+named("Share")+" || !!"+css("input[type=file]")+" || "+shows("plans")+" || "+shows("alice")) {
				t.Error("the page of a guest has what only a user can do, or tells where the share leads")
			}
			guest.load(func() { guest.click(link("deep")) })
			if v.noScript {
				guest.load(func() { guest.click(row("b.txt") + ".querySelector('.more')") })
			} else {
				guest.click(link("b.txt"))
			}
			guest.wait(shows("the text of plans/deep/b.txt"))
			guest.visit(link0 + "deep/")
			guest.load(func() { guest.click(css(".brand")) })
			if guest.path() != link0 {
				t.Errorf("the title leads to %s", guest.path())
			}
		})
	}
	owner.revoke()
	guest := open(t, s.url, phone)
	guest.gone(link0)
}

// A guest sends two files of one name, and sees nothing, in every view; the user who asked
// for them finds each.
func TestFileRequest(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		p.put(t, "inbox/there.txt", "there before")
		at := shareServer(t, p)
		owner := open(t, at, desktop)
		owner.signIn("/", "alice")
		owner.load(func() { owner.click(row("inbox") + ".querySelector('.share')") })
		owner.click(css("input[name=upload]"))
		link := owner.makeShare(shareForm{})
		for i, v := range []view{phone, {width: 390, noScript: true}} {
			t.Run(v.String(), func(t *testing.T) {
				guest := open(t, at, v)
				guest.visit(link)
				name := []string{"report.txt", "again.txt"}[i]
				first := filepath.Join(local(t, map[string]string{name: "the first"}), name)
				second := filepath.Join(local(t, map[string]string{name: "the second"}), name)
				guest.choose("document.querySelector('input[type=file]')", first, second)
				guest.load(func() { guest.click(named("Send")) })
				guest.wait(shows("2 files sent"))
				guest.fits()
				for _, path := range []string{"", "?zip", "?q=t&deep=1", "?show=there.txt"} {
					guest.visit(link + path)
					if eval[bool](guest, shows("there.txt")+" || "+shows(name)+" || "+shows("alice")+" || "+shows("inbox")) || !eval[bool](guest, "!!"+visible(css("input[type=file]"))) {
						t.Errorf("%q shows the guest more than a form", path)
					}
				}
				for _, path := range []string{"there.txt", name, ".bailiwick/", "../" + strings.TrimPrefix(link, "/.bailiwick/s/") + "x"} {
					guest.gone(link + path)
				}
				guest.visit(link)
				guest.load(func() { guest.click(css(".brand")) })
				if guest.path() != link {
					t.Errorf("the title leads to %s", guest.path())
				}
			})
		}
		owner.visit("/inbox/")
		if got, want := owner.names(), []string{"again (2).txt", "again.txt", "report (2).txt", "report.txt", "there.txt"}; !slices.Equal(got, want) {
			t.Errorf("the folder has %q, want %q", got, want)
		}
		for name, want := range map[string]string{"report.txt": "the first", "report (2).txt": "the second", "there.txt": "there before"} {
			owner.stored(p, "inbox/"+name, want)
		}
		owner.visit("/.bailiwick/shares")
		owner.wait(shows("receives files"))
		owner.wait(shows("uses: 4"))
		owner.revoke()
		guest := open(t, at, phone)
		guest.gone(link)
	})
}

// The pages around shares and signing in have no barrier that axe-core finds, on a desktop
// and at 320 px, in both themes. The uniform 404 is a plain text, which has none to find.
func TestShareAccessible(t *testing.T) {
	p := onDisk(t)
	p.put(t, "plans/a name that goes on and on and on and on and on and on_and_on_and_on_and_on.txt", "x")
	p.put(t, "plans/folder/a.txt", "x")
	s := serve(t, p, users(t, "alice")+sharing(t))
	owner, guest := open(t, s.url, desktop), open(t, s.url, desktop)
	owner.expect(400, 401)
	guest.expect(401)
	owner.visit("/.bailiwick/login")
	owner.barrierFree()
	owner.visit("/missing/")
	if owner.status() != 401 {
		t.Errorf("to somebody, a folder is %d", owner.status())
	}
	owner.barrierFree()
	owner.signIn("/.bailiwick/shares", "alice")
	owner.wait(shows("You have not shared anything."))
	owner.barrierFree()
	owner.visit("/plans/")
	owner.barrierFree()
	owner.load(func() { owner.click(row("folder") + ".querySelector('.share')") })
	owner.barrierFree()
	owner.fill(css("input[name=expires]"), "never")
	owner.load(func() { owner.click(named("Make a link")) })
	owner.wait(visible(css("[role=alert]")))
	owner.barrierFree()
	locked := owner.makeShare(shareForm{expires: "1h", password: "x", note: strings.Repeat("a note ", 20) + strings.Repeat("long", 30)})
	owner.barrierFree()
	owner.visit("/.bailiwick/shares?path=/plans/folder/")
	owner.click(css("input[name=upload]"))
	request := owner.makeShare(shareForm{expires: "1h"})
	owner.visit("/.bailiwick/shares")
	owner.barrierFree()

	guest.visit(locked)
	guest.barrierFree()
	guest.fill(css("input[name=password]"), "wrong")
	guest.load(func() { guest.press(kb.Enter) })
	guest.barrierFree()
	guest.fill(css("input[name=password]"), "x")
	guest.load(func() { guest.press(kb.Enter) })
	guest.wait(link("a.txt"))
	guest.barrierFree()
	guest.visit(request)
	guest.barrierFree()
	from := local(t, map[string]string{"a.txt": "x"})
	guest.choose("document.querySelector('input[type=file]')", filepath.Join(from, "a.txt"))
	guest.load(func() { guest.click(named("Send")) })
	guest.wait(shows("1 file sent"))
	guest.barrierFree()
}
