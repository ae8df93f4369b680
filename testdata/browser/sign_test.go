package browser

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// users makes files of users and of keys, and returns the configuration that names them. The
// password of each user is that user's name, twice.
func users(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	run := func(input string, args ...string) {
		t.Helper()
		cmd := exec.Command(program(t), args...)
		cmd.Stdin = strings.NewReader(input)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
	for _, name := range names {
		run(name+name+"\n", "users", "add", filepath.Join(dir, "users"), name)
	}
	run("", "keys", "new", filepath.Join(dir, "keys"))
	if _, err := os.Stat(filepath.Join(dir, "keys")); err != nil {
		t.Fatal(err)
	}
	return "users: {htpasswd: " + quote(filepath.Join(dir, "users")) + ", sessions: {keys: " + quote(filepath.Join(dir, "keys")) + "}}\n"
}

// Sign in with a wrong and the right password, and out again, in every view.
func TestSignIn(t *testing.T) {
	p := onDisk(t)
	p.put(t, "private/note.txt", "a note")
	s := serve(t, p, users(t, "alice")+"mounts: [{source: SOURCE, allow: ['**'], list: true, access: [{who: authenticated, can: [read, list]}]}]\n")
	for _, v := range []view{desktop, phone, {width: 390, noScript: true}} {
		t.Run(v.String(), func(t *testing.T) {
			b := open(t, s.url, v)
			b.expect(401)
			b.visit("/private/")
			b.wait(visible(css("input[name=password]")))
			if b.path() != "/private/" {
				t.Errorf("the page to sign in is at %s", b.path())
			}
			b.fits()
			if !v.noScript {
				b.accessible()
			}
			sign := func(password string) {
				b.fill(css("input[name=user]"), "alice")
				b.fill(css("input[name=password]"), password)
				b.load(func() { b.press(kb.Enter) })
			}
			sign("wrong")
			b.wait(visible(css("[role=alert]")))
			sign("alicealice")
			b.wait(link("note.txt"))
			if b.path() != "/private/" {
				t.Errorf("after signing in, the page is %s", b.path())
			}
			b.wait(shows("alice"))
			b.fits()
			b.load(func() { b.click(named("Sign out")) })
			b.visit("/private/")
			b.wait(visible(css("input[name=password]")))
		})
	}
}
