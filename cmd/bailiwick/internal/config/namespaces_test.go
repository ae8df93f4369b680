package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

const (
	bcryptHash = "$2a$04$ui.62yczoZ18A9xMGQw4l.QYzJUTb5FaPO5485sfqkKJxS5FiZDnm"
	tokenHash  = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
)

const (
	fromFile = "  htpasswd: users\n"
	fromOIDC = "  oidc: {issuer: 'https://ID.example.org:8443/realms/x', audience: us, groups_claim: groups}\n"
	fromCert = "  client_certificates: {ca: ca.pem}\n"
)

// loadUsers loads a configuration with these users and rules, and the files that it names.
func loadUsers(t *testing.T, users, rules string) *config.Config {
	t.Helper()
	dir := t.TempDir()
	cert, key := certificate(t, true)
	for name, text := range map[string]string{
		"cert.pem": cert, "key.pem": key, "ca.pem": cert,
		"users": "alice:" + bcryptHash + "\nbob@example.org:" + bcryptHash + "\n", "tokens": "backup:" + tokenHash + "\n",
		"c.yaml": "tls: {cert: cert.pem, key: key.pem}\nusers:\n" + users + "mounts:\n- source: x\n  allow: [a]\n" + rules,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := config.Load(filepath.Join(dir, "c.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Names have a suffix where users log in by several ways, and nowhere else.
func TestSuffixes(t *testing.T) {
	oidc := func(suffix string) string {
		return strings.Replace(fromOIDC, "groups}", "groups, suffix: "+suffix+"}", 1)
	}
	cert := func(suffix string) string { return strings.Replace(fromCert, "ca.pem", "ca.pem, suffix: "+suffix, 1) }
	for _, tt := range []struct{ users, oidc, cert string }{
		{fromFile, "", ""},
		{fromFile + "  tokens: tokens\n", "", ""},
		{fromOIDC, "", ""},
		{fromCert, "", ""},
		{fromFile + fromOIDC, "id.example.org", ""},
		{"  tokens: tokens\n" + fromOIDC, "id.example.org", ""},
		{fromFile + fromCert, "", "cert"},
		{fromOIDC + fromCert, "id.example.org", "cert"},
		{fromFile + fromOIDC + fromCert, "id.example.org", "cert"},
		{oidc("x"), "x", ""},
		{oidc("none"), "", ""},
		{oidc("none") + fromCert, "", "cert"},
		{fromOIDC + cert("none"), "id.example.org", ""},
		{fromFile + oidc("x") + cert("y"), "x", "y"},
		{strings.Replace(fromOIDC, "ID.example.org", "[::1]", 1) + fromFile, "1", ""},
	} {
		c := loadUsers(t, tt.users, "")
		if o, s := c.Users.OIDCSuffix(), c.Users.CertificateSuffix(); o != tt.oidc || s != tt.cert {
			t.Errorf("%s: %q and %q, want %q and %q", tt.users, o, s, tt.oidc, tt.cert)
		}
	}
}

// Plain names in a configuration with several kinds of users are those of users of files,
// and what names somebody else so is an error that says what to write.
func TestStrangers(t *testing.T) {
	rule := func(who string) string { return "  access: [{who: '" + who + "', can: [read]}]\n" }
	all := fromFile + "  tokens: tokens\n" + fromOIDC + fromCert
	for _, tt := range []struct {
		users, rules string
		want         string // in the error; "" for none
	}{
		{all, rule("user:alice"), ""},
		{all, rule("user:backup"), ""},
		{all, rule("user:bob@example.org"), ""},
		{all, rule("user:carol@id.example.org"), ""},
		{all, rule("user:carol@cert"), ""},
		{all, rule("user:carol"), "mounts[0].access[0].who: nobody is called carol: no file of users has that name, and others are called carol@id.example.org (OpenID Connect) or carol@cert (certificate); write the whole name"},
		{all, rule("user:Alice"), "nobody is called Alice"},
		{all, rule("user:carol@ID.example.org"), "nobody is called carol@ID.example.org"},
		{all, rule("user:carol@example.org"), "nobody is called carol@example.org"},
		{all, rule("group:g") + "groups: {g: [alice, carol@cert]}\n", ""},
		{all, rule("group:g") + "groups: {g: [alice, carol]}\n", "groups.g[1]: nobody is called carol"},
		{fromOIDC + fromCert, rule("user:alice"), "nobody is called alice: users are called alice@id.example.org (OpenID Connect) or alice@cert (certificate); write the whole name"},
		{fromFile + fromCert, rule("user:carol"), "others are called carol@cert (certificate)"},
		// Where there is one kind of users, nothing is known of who there is.
		{fromFile, rule("user:carol"), ""},
		{fromOIDC, rule("user:carol"), ""},
		{fromCert, rule("user:carol"), ""},
		// The plain names are the provider's, who is not asked.
		{strings.Replace(fromOIDC, "groups}", "groups, suffix: none}", 1) + fromCert, rule("user:carol"), ""},
	} {
		c := loadUsers(t, tt.users, tt.rules)
		err := c.Check()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s%s: %v, want %q", tt.users, tt.rules, err, tt.want)
		}
		// A reload does not keep the old rules for that.
		running := loadUsers(t, tt.users, tt.rules)
		c.Replaces(running)
		if err := c.Check(); err != nil {
			t.Errorf("%s%s: again: %v", tt.users, tt.rules, err)
		}
		var local []string
		if strings.Contains(tt.users, fromFile) {
			local = []string{"alice", "backup", "bob@example.org"}
		}
		if want := tt.want != ""; (len(c.Strangers(local)) > 0) != want {
			t.Errorf("%s%s: strangers: %v", tt.users, tt.rules, !want)
		}
		// It does where names meant something else.
		c = loadUsers(t, tt.users, tt.rules)
		c.Replaces(loadUsers(t, fromCert, tt.rules))
		if err := c.Check(); (err == nil) != (tt.want == "") && tt.users != fromCert {
			t.Errorf("%s%s: after another kind of users: %v", tt.users, tt.rules, err)
		}
	}
}

// A user of a file whose name is, or looks like, one of another namespace is an error that
// names the file, the line and the user.
func TestLocalNamesOfOthers(t *testing.T) {
	for name, want := range map[string]string{
		"carol@id.example.org": "", "carol@ID.EXAMPLE.ORG": "", "carol＠id.example.org": "", "carol@cert": "", "carol@ｃert": "",
		"carol@example.org": "ok", "carol@cert.org": "ok", "cert": "ok", "id.example.org": "ok",
	} {
		for file, line := range map[string]string{"users": name + ":" + bcryptHash, "tokens": name + ":" + tokenHash} {
			c := loadUsers(t, fromFile+"  tokens: tokens\n"+fromOIDC+fromCert, "")
			path := filepath.Dir(string(c.Users.Htpasswd)) + "/" + file
			if err := os.WriteFile(path, []byte("# c\n"+line+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			err := c.Check()
			if (err == nil) != (want == "ok") || err != nil && (!strings.Contains(err.Error(), file+":2: ") || !strings.Contains(err.Error(), "rename the user")) {
				t.Errorf("%s in %s: %v", name, file, err)
			}
		}
	}
	c := loadUsers(t, fromFile, "")
	if err := os.WriteFile(string(c.Users.Htpasswd), []byte("carol@cert:"+bcryptHash+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Check(); err != nil || !slices.Equal(c.Users.Suffixes(), nil) {
		t.Errorf("where there are no others: %v", err)
	}
}
