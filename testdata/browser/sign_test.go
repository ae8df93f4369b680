package browser

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/bailiwick-fs/bailiwick/testdata/oidcprovider"
)

// users makes files of users and of keys, and returns the configuration that names them. The
// password of each user is that user's name, twice.
func users(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		run(t, name+name+"\n", "users", "add", filepath.Join(dir, "users"), name)
	}
	run(t, "", "keys", "new", filepath.Join(dir, "keys"))
	return "users: {htpasswd: " + quote(filepath.Join(dir, "users")) + ", sessions: {keys: " + quote(filepath.Join(dir, "keys")) + "}}\n"
}

// run runs the command to its end.
func run(t *testing.T, input string, args ...string) {
	t.Helper()
	cmd := exec.Command(program(t), args...)
	cmd.Stdin = strings.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
}

// signIn signs in a user of users, on the page that a path shows to nobody.
func (b *tab) signIn(path, user string) {
	b.t.Helper()
	b.signInWith(path, user, user+user)
}

func (b *tab) signInWith(path, user, password string) {
	b.t.Helper()
	b.expect(401)
	b.visit(path)
	b.fill(css("input[name=user]"), user)
	b.fill(css("input[name=password]"), password)
	b.load(func() { b.press(kb.Enter) })
	b.wait(shows(user))
	if b.path() != path {
		b.t.Fatalf("signing in led from %s to %s", path, b.path())
	}
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

// Sign in at an OpenID provider, and out again. Signing out there is up to the provider: to
// sign in again leads through it.
func TestSignInAtProvider(t *testing.T) {
	issuer := oidcprovider.Start(t)
	dir := t.TempDir()
	keys, secret := filepath.Join(dir, "keys"), filepath.Join(dir, "secret")
	run(t, "", "keys", "new", keys)
	if err := os.WriteFile(secret, []byte(issuer.Secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := onDisk(t)
	p.put(t, "private/note.txt", "a note")
	s := serve(t, p, "users: {oidc: {issuer: "+quote(issuer.Issuer)+", audience: elsewhere, client_id: "+quote(issuer.ConfidentialID)+", client_secret_file: "+quote(secret)+
		", groups_claim: groups}, sessions: {keys: "+quote(keys)+"}}\n"+
		"mounts: [{source: SOURCE, allow: ['**'], list: true, access: [{who: 'group:editors', can: [read, list]}]}]\n")
	for _, v := range []view{desktop, {width: 390, noScript: true}} {
		t.Run(v.String(), func(t *testing.T) {
			b := open(t, s.url, v)
			b.allowProvider(issuer.Issuer)
			b.expect(401)
			b.visit("/private/")
			if b.status() != 401 || eval[bool](b, "!!"+css("input")) {
				t.Errorf("without a password, the page to sign in is %d, or has a form", b.status())
			}
			b.barrierFree()
			b.load(func() { b.click(named("Sign in with your organization")) })
			b.fill(css("input[name=login]"), "carol")
			b.fill(css("input[name=password]"), "any")
			b.load(func() { b.press(kb.Enter) })
			b.load(func() { b.click(named("Continue")) })
			b.wait(link("note.txt"))
			if b.path() != "/private/" {
				t.Errorf("after signing in, the page is %s", b.path())
			}
			b.wait(shows("carol"))
			b.load(func() { b.click(named("Sign out")) })
			b.visit("/private/")
			if b.status() != 401 || !eval[bool](b, "!!"+named("Sign in with your organization")) {
				t.Errorf("after signing out, the page is %d", b.status())
			}
			b.wait("!" + shows("carol"))
		})
	}
}
