package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

// certificate returns a new certificate and its key, PEM.
func certificate(t *testing.T, authority bool) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: authority, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return block("CERTIFICATE", der), block("PRIVATE KEY", keyDER)
}

const named = `tls:
  cert: cert.pem
  key: key.pem
users:
  htpasswd: users
  tokens: tokens
  client_certificates:
    ca: ca.pem
links:
  keys: keys
mounts:
- source: nowhere
  allow: ["a"]
  allow_file: [names]
- path: /u
  source: elsewhere
  uploads:
    catalog_file: catalog
`

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	cert, key := certificate(t, false)
	_, otherKey := certificate(t, false)
	ca, _ := certificate(t, true)
	const hash = "$2a$04$yyqIXSXCmbUO.C9QDl8K7.OkEsB.5qHqKzPzH1N3hUh3xw3RkvG4W"
	link := "k1:" + base64.StdEncoding.EncodeToString(make([]byte, 32)) + "\n"
	good := map[string]string{
		"f": named, "cert.pem": cert, "key.pem": key, "ca.pem": ca,
		"users": "# comment\nalice:" + hash + "\n", "tokens": "bob:" + strings.Repeat("0a", 32) + "\n",
		"keys": link, "names": "a/b\nc\n", "catalog": "postgres://u:hunter2@h/d\n",
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	for _, c := range []struct {
		name, content string // of the only bad file; "-" means that it is missing
		want          []string
	}{
		{"", "", nil},
		{"users", "alice:" + hash + "\nbob:" + hash + "\nalice:" + hash + "\n", []string{file("users") + ":3: alice is listed twice"}},
		{"users", "alice:secret\n", []string{file("users") + ":1: "}},
		{"users", "-", []string{file("f") + ":5: users.htpasswd: there is no file " + file("users")}},
		{"tokens", "bob:" + strings.Repeat("0A", 32) + "\n", []string{file("tokens") + ":1: "}},
		{"keys", link + link, []string{file("keys") + ":2: duplicate key id k1"}},
		{"keys", "", []string{file("keys") + ":1: there is no key"}},
		{"names", "a\n../b\n", []string{file("names") + ":2: "}},
		{"names", "-", []string{file("f") + ":14: mounts[0].allow_file[0]: there is no file " + file("names")}},
		{"ca.pem", cert, []string{file("ca.pem") + ":"}},
		{"ca.pem", "nothing\n", []string{file("f") + ":8: users.client_certificates.ca: " + file("ca.pem") + ": there is no certificate in it"}},
		{"key.pem", otherKey, []string{file("f") + ":3: tls.key: "}},
		{"key.pem", "-", []string{file("f") + ":3: tls.key: there is no file"}},
		{"cert.pem", "nothing\n", []string{file("f") + ":2: tls.cert: "}},
		{"catalog", "mysql://hunter2\n", []string{file("catalog") + ":1: write sqlite:PATH"}},
		{"catalog", "\n", []string{file("catalog") + ":1: the file is empty"}},
		{"catalog", "sqlite:a\nsqlite:b\n", []string{file("catalog") + ":2: the file has a second line"}},
	} {
		for name, content := range good {
			if name == c.name {
				content = c.content
			}
			_ = os.Remove(file(name))
			if content == "-" {
				continue
			}
			if err := os.WriteFile(file(name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		loaded, err := config.Load(file("f"))
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Split(fmt.Sprint(loaded.Check()), "\n")
		if len(c.want) == 0 && !slices.Equal(got, []string{"<nil>"}) || len(c.want) > 0 && !slices.EqualFunc(got, c.want, strings.HasPrefix) {
			t.Errorf("%s: Check: %q, want %q", c.name, got, c.want)
		}
		if strings.Contains(fmt.Sprint(got), "hunter2") {
			t.Errorf("%s: the error leaks a secret: %q", c.name, got)
		}
		if c.name == "" {
			checkReady(t, loaded)
		}
	}
}

// checkReady checks what serve reads from good files.
func checkReady(t *testing.T, c *config.Config) {
	t.Helper()
	allowed, err := c.Allowed(&c.Mounts[0])
	if err != nil || len(allowed) != 2 || len(c.Mounts[0].Allow) != 1 {
		t.Errorf("Allowed: %v, %v", allowed, err)
	}
	catalog, err := c.Catalog(&c.Mounts[1])
	if err != nil || catalog.DSN() != "postgres://u:hunter2@h/d" {
		t.Errorf("Catalog: %v, %v", catalog, err)
	}
}
