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

// loadUsers loads a configuration with the given users and rules, and creates the files
// that it names.
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

// Names have a suffix only if there are several authentication methods.
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

// With several authentication methods, plain names belong to users in files. A plain
// name for any other user is an error that tells what to write instead.
func TestStrangers(t *testing.T) {
	rule := func(who string) string { return "  access: [{who: '" + who + "', can: [read]}]\n" }
	all := fromFile + "  tokens: tokens\n" + fromOIDC + fromCert
	for _, tt := range []struct {
		users, rules string
		want         string // part of the error; "" for no error
	}{
		{all, rule("user:alice"), ""},
		{all, rule("user:backup"), ""},
		{all, rule("user:bob@example.org"), ""},
		{all, rule("user:carol@id.example.org"), ""},
		{all, rule("user:carol@cert"), ""},
		{all, rule("user:carol"), "mounts[0].access[0].who: there is no user carol: no user file has this name, and other names have a suffix, as in carol@id.example.org (OpenID Connect) or carol@cert (certificate); write the full name"},
		{all, rule("user:Alice"), "there is no user Alice"},
		{all, rule("user:carol@ID.example.org"), "there is no user carol@ID.example.org"},
		{all, rule("user:carol@example.org"), "there is no user carol@example.org"},
		{all, rule("group:g") + "groups: {g: [alice, carol@cert]}\n", ""},
		{all, rule("group:g") + "groups: {g: [alice, carol]}\n", "groups.g[1]: there is no user carol"},
		{fromOIDC + fromCert, rule("user:alice"), "there is no user alice: names have a suffix, as in alice@id.example.org (OpenID Connect) or alice@cert (certificate); write the full name"},
		{fromFile + fromCert, rule("user:carol"), "other names have a suffix, as in carol@cert (certificate)"},
		// With one authentication method, the set of users is unknown.
		{fromFile, rule("user:carol"), ""},
		{fromOIDC, rule("user:carol"), ""},
		{fromCert, rule("user:carol"), ""},
		// Plain names belong to the provider, whose users are unknown.
		{strings.Replace(fromOIDC, "groups}", "groups, suffix: none}", 1) + fromCert, rule("user:carol"), ""},
	} {
		c := loadUsers(t, tt.users, tt.rules)
		err := c.Check()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s%s: %v, want %q", tt.users, tt.rules, err, tt.want)
		}
		// A reload accepts users that the running configuration already mentions,
		running := loadUsers(t, tt.users, tt.rules)
		c.Replaces(running)
		if err := c.Check(); err != nil {
			t.Errorf("%s%s: again: %v", tt.users, tt.rules, err)
		}
		var local []string
		if strings.Contains(tt.users, fromFile) {
			local = []string{"alice", "backup", "bob@example.org"}
		}
		if want := tt.want != ""; (c.Strangers(local) > 0) != want {
			t.Errorf("%s%s: strangers: %v", tt.users, tt.rules, !want)
		}
		// but not if the names had another meaning before.
		c = loadUsers(t, tt.users, tt.rules)
		c.Replaces(loadUsers(t, fromCert, tt.rules))
		if err := c.Check(); (err == nil) != (tt.want == "") && tt.users != fromCert {
			t.Errorf("%s%s: after a change of authentication methods: %v", tt.users, tt.rules, err)
		}
	}
}

// A user in a file whose name belongs to another namespace, or looks like it, is an
// error that names the file, the line and the user.
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
		t.Errorf("without other methods: %v", err)
	}
}
