package certs_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/certs"
)

// An issued is a certificate with its key.
type issued struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue creates a certificate signed by parent, or self-signed if parent is nil.
func issue(t testing.TB, parent *issued, change func(*x509.Certificate)) *issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true,
	}
	change(template)
	by := parent
	if by == nil {
		by = &issued{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issued{cert, key}
}

func authority(t testing.TB, name string, parent *issued) *issued {
	return issue(t, parent, func(c *x509.Certificate) {
		c.Subject.CommonName = name
		c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign
	})
}

func client(t testing.TB, parent *issued, change func(*x509.Certificate)) *issued {
	return issue(t, parent, func(c *x509.Certificate) {
		c.KeyUsage = x509.KeyUsageDigitalSignature
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		change(c)
	})
}

func (i *issued) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.cert.Raw})
}

func (i *issued) keyPEM(t testing.TB) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(i.key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func (i *issued) tls(more ...*issued) tls.Certificate {
	c := tls.Certificate{Certificate: [][]byte{i.cert.Raw}, PrivateKey: i.key}
	for _, m := range more {
		c.Certificate = append(c.Certificate, m.cert.Raw)
	}
	return c
}

func parse(t testing.TB, opts certs.Options, roots ...*issued) *certs.Authority {
	t.Helper()
	var file bytes.Buffer
	for _, r := range roots {
		file.WriteString("# " + r.cert.Subject.String() + "\n")
		file.Write(r.pem())
	}
	a, err := certs.Parse("ca.pem", file.Bytes(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// serve responds with the principal, over real TLS.
func serve(t testing.TB, handshake, judge *certs.Authority) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok, err := judge.CheckCertificate(r.TLS)
		if err != nil {
			http.Error(w, "wrong", http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(w, "%v %q", ok, p.Name)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{}
	handshake.Configure(s.TLS)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// get returns the response to a client with a certificate, "" if the handshake failed.
func get(t testing.TB, s *httptest.Server, certificates ...tls.Certificate) string {
	t.Helper()
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AddCert(s.Certificate())
	if len(certificates) > 0 {
		// The server's list of authorities is a hint, which an attacker's client ignores.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificates[0], nil }
	}
	transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
	answer, err := (&http.Client{Transport: transport}).Get(s.URL)
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

func TestTLS(t *testing.T) {
	root, stranger := authority(t, "our CA", nil), authority(t, "our CA", nil)
	middle := authority(t, "middle", root)
	s := serve(t, parse(t, certs.Options{}, root), parse(t, certs.Options{}, root))
	named := func(name string) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.Subject.CommonName = name }
	}
	noUsage := func(c *x509.Certificate) { c.Subject.CommonName, c.ExtKeyUsage = "alice", nil }
	link, err := url.Parse("spiffe://example.org/alice")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		cert tls.Certificate
		want string // "" if the handshake fails
	}{
		{"ours", client(t, root, named("alice")).tls(), `true "alice"`},
		{"through an intermediate authority", client(t, middle, named("alice")).tls(middle), `true "alice"`},
		{"email", client(t, root, func(c *x509.Certificate) {
			c.EmailAddresses, c.DNSNames = []string{"a@example.org", "b@example.org"}, []string{"a.example.org"}
		}).tls(), `true "a@example.org"`},
		{"host", client(t, root, func(c *x509.Certificate) { c.DNSNames = []string{"a.example.org"} }).tls(), `true "a.example.org"`},
		{"address", client(t, root, func(c *x509.Certificate) { c.URIs = []*url.URL{link} }).tls(), `true "spiffe://example.org/alice"`},
		{"common name first", client(t, root, func(c *x509.Certificate) {
			c.Subject.CommonName, c.EmailAddresses = "alice", []string{"mallory@example.org"}
		}).tls(), `true "alice"`},

		{"from another authority, same name", client(t, stranger, named("alice")).tls(), ""},
		{"self-signed", client(t, nil, named("alice")).tls(), ""},
		{"the intermediate authority is missing", client(t, middle, named("alice")).tls(), ""},
		{"signed by a client", client(t, client(t, root, named("alice")), named("bob")).tls(), ""},
		{"for servers", client(t, root, func(c *x509.Certificate) {
			c.Subject.CommonName, c.ExtKeyUsage = "alice", []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}).tls(), ""},
		{"expired", client(t, root, func(c *x509.Certificate) {
			c.Subject.CommonName, c.NotAfter = "alice", time.Now().Add(-time.Minute)
		}).tls(), ""},
		{"not valid yet", client(t, root, func(c *x509.Certificate) {
			c.Subject.CommonName, c.NotBefore = "alice", time.Now().Add(time.Minute)
		}).tls(), ""},

		{"without a usage", client(t, root, noUsage).tls(), "wrong"},
		{"for anything", client(t, root, func(c *x509.Certificate) {
			c.Subject.CommonName, c.ExtKeyUsage = "alice", []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
		}).tls(), "wrong"},
		{"of nobody", client(t, root, func(*x509.Certificate) {}).tls(), "wrong"},
		{"of two", client(t, root, func(c *x509.Certificate) {
			cn := asn1.ObjectIdentifier{2, 5, 4, 3}
			c.Subject = pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{{Type: cn, Value: "alice"}, {Type: cn, Value: "bob"}}}
		}).tls(), "wrong"},
		{"with a line break", client(t, root, named("alice\nbob")).tls(), "wrong"},
	}
	if got := get(t, s); got != `false ""` {
		t.Errorf("no certificate: %s", got)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := get(t, s, test.cert); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}

	// The control: a server that only requests certificates accepts every one.
	naive := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "true %q", r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	naive.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	naive.StartTLS()
	defer naive.Close()
	if got := get(t, naive, client(t, stranger, named("alice")).tls()); got != `true "alice"` {
		t.Errorf("a naive server responds %q: the attack does not work", got)
	}
	// Behind such a server, an unverified certificate is ignored.
	unverified := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{client(t, stranger, named("alice")).cert}}
	if p, ok, err := parse(t, certs.Options{}, root).CheckCertificate(unverified); ok || err != nil || !p.Anyone() {
		t.Errorf("an unverified certificate: %v, %v, %v", p, ok, err)
	}
	if _, ok, err := parse(t, certs.Options{}, root).CheckCertificate(nil); ok || err != nil {
		t.Errorf("no TLS: %v, %v", ok, err)
	}
}

// TestLongConnections checks a chain that was verified before things changed.
func TestLongConnections(t *testing.T) {
	root, other := authority(t, "ours", nil), authority(t, "other", nil)
	alice := client(t, root, func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: "alice", Organization: []string{"Books"}, OrganizationalUnit: []string{"desk", "stock"}}
		c.EmailAddresses = []string{"alice@example.org"}
	})
	now := time.Now()
	state := &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{alice.cert, root.cert}}}
	opts := certs.Options{Now: func() time.Time { return now }}
	before, after := parse(t, opts, root, other), parse(t, opts, other)

	p, ok, err := before.CheckCertificate(state)
	want := auth.Principal{Name: "alice", Method: "certificate", Claims: map[string][]string{
		"o": {"Books"}, "ou": {"desk", "stock"}, "email": {"alice@example.org"},
	}}
	if diff := cmp.Diff(want, p); err != nil || !ok || diff != "" {
		t.Fatalf("%v, %v\n%s", ok, err, diff)
	}
	if _, ok, err := after.CheckCertificate(state); ok || !errors.Is(err, auth.ErrCredentials) {
		t.Errorf("after its authority was removed: %v, %v", ok, err)
	}
	now = now.Add(2 * time.Hour)
	if _, ok, err := before.CheckCertificate(state); ok || !errors.Is(err, auth.ErrCredentials) {
		t.Errorf("after it has expired: %v, %v", ok, err)
	}

	// Over TLS: the handshake still uses the old authority.
	s := serve(t, parse(t, certs.Options{}, root), parse(t, certs.Options{}, other))
	if got := get(t, s, alice.tls()); got != "wrong" {
		t.Errorf("over TLS: %q", got)
	}
}

func TestCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		if os.Getenv("BAILIWICK_REQUIRE_SERVERS") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	root, stranger := authority(t, "ours", nil), authority(t, "other", nil)
	a := parse(t, certs.Options{}, root)
	s := serve(t, a, a)
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	server := write("server.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	run := func(args ...string) string {
		out, _ := exec.CommandContext(t.Context(), curl, append([]string{"-q", "-sS", "--max-time", "20", "--cacert", server, s.URL}, args...)...).Output()
		return strings.TrimSpace(string(out))
	}
	named := func(c *x509.Certificate) { c.Subject.CommonName = "alice" }
	with := func(i *issued) []string {
		return []string{"--cert", write("c.pem", i.pem()), "--key", write("k.pem", i.keyPEM(t))}
	}
	if got := run(); got != `false ""` {
		t.Errorf("no certificate: %q", got)
	}
	if got := run(with(client(t, root, named))...); got != `true "alice"` {
		t.Errorf("ours: %q", got)
	}
	if got := run(with(client(t, stranger, named))...); got != "" {
		t.Errorf("a stranger's: %q", got)
	}
}

func TestLoad(t *testing.T) {
	root := authority(t, "ours", nil)
	leaf := client(t, root, func(c *x509.Certificate) { c.Subject.CommonName = "alice" })
	dir := t.TempDir()
	for name, test := range map[string]struct{ text, want string }{
		"empty":     {"", ": there is no certificate"},
		"text":      {"hello\n", ": there is no certificate"},
		"a key too": {string(root.pem()) + string(root.keyPEM(t)), `: not a certificate but "PRIVATE KEY"`},
		"a leaf":    {string(leaf.pem()), ": not the certificate of an authority"},
		"garbage":   {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", ":3: a malformed certificate"},
		"cut off":   {string(root.pem()) + "-----BEGIN CERTIFICATE-----\nAAAA\n", ": a malformed block"},
		"good":      {"# ours\n" + string(root.pem()) + "\n# again\n" + string(root.pem()), ""},
	} {
		file := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := certs.Load(file, certs.Options{})
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), file) || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if _, err := certs.Load(filepath.Join(dir, "none"), certs.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
