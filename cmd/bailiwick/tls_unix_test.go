//go:build unix

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// An identity is a certificate with its key.
type identity struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue makes a certificate for name signed by parent, or a self-signed authority if
// parent is nil.
func issue(t *testing.T, parent *identity, name string) *identity {
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
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: parent == nil,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	signer := &identity{template, key}
	if parent != nil {
		signer = parent
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer.cert, key.Public(), signer.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &identity{cert, key}
}

// pems returns the certificate and the key in PEM.
func (i *identity) pems(t *testing.T) (cert, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(i.key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.cert.Raw})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// save writes the certificate to NAME.pem and its key to NAME.key.
func (i *identity) save(t *testing.T, dir, name string) {
	t.Helper()
	cert, key := i.pems(t)
	write(t, filepath.Join(dir, name+".pem"), cert)
	write(t, filepath.Join(dir, name+".key"), key)
}

// trusting returns a client that trusts the authority and has its own connections.
func (i *identity) trusting(change func(*tls.Config)) *http.Client {
	pool := x509.NewCertPool()
	pool.AddCert(i.cert)
	c := &tls.Config{RootCAs: pool}
	if change != nil {
		change(c)
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: c, ForceAttemptHTTP2: true}}
}

const tlsConfig = `
tls: {cert: server.pem, key: server.key}
access_log: {file: "off"}
mounts: [{source: d, allow: ["**"]}]
`

// TestTLSReload replaces the certificate for new connections while a running transfer
// continues with the old one. An invalid certificate changes nothing.
func TestTLSReload(t *testing.T) {
	ca := issue(t, nil, "authority")
	dir := t.TempDir()
	first, second := issue(t, ca, "first"), issue(t, ca, "second")
	first.save(t, dir, "server")
	const size = 64 << 20
	if err := os.MkdirAll(filepath.Join(dir, "d"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "d", "a"), "a")
	if err := os.WriteFile(filepath.Join(dir, "d", "big"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, "d", "big"), size); err != nil {
		t.Fatal(err)
	}
	writeConfig(t, dir, tlsConfig)
	p := launch(t, command("serve", "--config", filepath.Join(dir, "bailiwick.yaml")))
	if !strings.HasPrefix(p.url, "https://") {
		t.Fatalf("the ready line says %s", p.url)
	}

	shown := func() (name, proto string) {
		client := ca.trusting(nil)
		defer client.CloseIdleConnections()
		resp, err := client.Get(p.url + "/a")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.TLS.PeerCertificates[0].Subject.CommonName, resp.Proto
	}
	if name, proto := shown(); name != "first" || proto != "HTTP/2.0" {
		t.Errorf("%s over %s", name, proto)
	}

	running, err := ca.trusting(nil).Get(p.url + "/big")
	if err != nil {
		t.Fatal(err)
	}
	defer running.Body.Close()

	reloads := 0
	reload := func(line string) {
		t.Helper()
		reloads++
		p.signal(syscall.SIGHUP)
		if last := p.awaitCount(regexp.MustCompile(`^reload`), reloads); !regexp.MustCompile(line).MatchString(last) {
			t.Errorf("the last line is %s, want %s", last, line)
		}
	}
	second.save(t, dir, "server")
	reload(`^reloaded`)
	if name, _ := shown(); name != "second" {
		t.Errorf("after the reload the certificate is %s", name)
	}

	// The key of another certificate, then no certificate at all.
	cert, key := issue(t, ca, "third").pems(t)
	write(t, filepath.Join(dir, "server.pem"), cert)
	reload(`^reload refused, .*bailiwick\.yaml:3: tls\.key: `)
	write(t, filepath.Join(dir, "server.key"), key)
	write(t, filepath.Join(dir, "server.pem"), "not a certificate")
	reload(`^reload refused, .*bailiwick\.yaml:3: tls\.cert: `)
	if err := os.Remove(filepath.Join(dir, "server.key")); err != nil {
		t.Fatal(err)
	}
	reload(`^reload refused, .*bailiwick\.yaml:3: tls\.key: there is no file `)
	if name, _ := shown(); name != "second" {
		t.Errorf("after invalid files the certificate is %s", name)
	}

	if n, err := io.Copy(io.Discard, running.Body); err != nil || n != size {
		t.Errorf("the transfer during the reloads: %d bytes, %v", n, err)
	}
}

// TLS below 1.2 and plain HTTP are refused.
func TestTLSVersions(t *testing.T) {
	ca := issue(t, nil, "authority")
	cert, key := issue(t, ca, "server").pems(t)
	p, _ := configured(t, tlsConfig, map[string]string{"server.pem": cert, "server.key": key, "d/a": "a"})
	for version, want := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		client := ca.trusting(func(c *tls.Config) { c.MinVersion, c.MaxVersion = version, version })
		resp, err := client.Get(p.url + "/a")
		if (err == nil) != want {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil {
			resp.Body.Close()
			client.CloseIdleConnections()
		}
	}
	resp, err := http.Get("http" + strings.TrimPrefix(p.url, "https") + "/a")
	if err == nil {
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("plain HTTP: %d", resp.StatusCode)
		}
	}
}

// Client certificates over TLS with curl: without one, the client is anonymous; with one of
// another authority, the handshake fails. A reload with another authority also affects
// resumed sessions and open connections.
func TestTLSClientCertificates(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		if os.Getenv("BAILIWICK_REQUIRE_SERVERS") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	ca, people, strangers := issue(t, nil, "authority"), issue(t, nil, "people"), issue(t, nil, "strangers")
	dir := tree(t, map[string]string{"d/alice/a": "hers", "d/bob/a": "his"})
	ca.save(t, dir, "root")
	people.save(t, dir, "people")
	issue(t, ca, "server").save(t, dir, "server")
	issue(t, people, "alice").save(t, dir, "alice")
	issue(t, strangers, "alice").save(t, dir, "stranger")
	writeConfig(t, dir, `
tls: {cert: server.pem, key: server.key}
users: {client_certificates: {ca: people.pem}}
mounts:
  - {source: d, allow: ["**"], access: [{who: authenticated, can: [read], names: ["{user}/**"]}]}
`)
	p := launch(t, command("serve", "--config", filepath.Join(dir, "bailiwick.yaml")))
	curlStatus := func(who, path string) string {
		t.Helper()
		args := []string{"-s", "-o", "/dev/null", "-w", "%{http_code} %{http_version}", "--max-time", "10", "--cacert", filepath.Join(dir, "root.pem")}
		if who != "" {
			args = append(args, "--cert", filepath.Join(dir, who+".pem"), "--key", filepath.Join(dir, who+".key"))
		}
		out, _ := exec.CommandContext(t.Context(), curl, append(args, p.url+path)...).Output()
		return string(out)
	}
	for _, c := range []struct{ who, path, want string }{
		{"alice", "/alice/a", "200 2"},
		{"alice", "/bob/a", "404 2"},
		{"", "/alice/a", "404 2"}, // not 401: no challenge exists for certificates
		{"stranger", "/alice/a", "000 "},
	} {
		if got := curlStatus(c.who, c.path); !strings.HasPrefix(got, c.want) {
			t.Errorf("%q %s: %q, want %q", c.who, c.path, got, c.want)
		}
	}
	p.await(regexp.MustCompile(`"raw":"/alice/a".*"principal":"alice"`))

	// A session of the old authority is resumed after a reload that removed the authority.
	alice, err := tls.LoadX509KeyPair(filepath.Join(dir, "alice.pem"), filepath.Join(dir, "alice.key"))
	if err != nil {
		t.Fatal(err)
	}
	sessions := tls.NewLRUClientSessionCache(1)
	fresh := func() int {
		client := ca.trusting(func(c *tls.Config) {
			c.Certificates, c.ClientSessionCache = []tls.Certificate{alice}, sessions
		})
		defer client.CloseIdleConnections()
		resp, err := client.Get(p.url + "/alice/a")
		if err != nil {
			return 0
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	kept := ca.trusting(func(c *tls.Config) { c.Certificates = []tls.Certificate{alice} })
	onKept := func() int {
		resp, err := kept.Get(p.url + "/alice/a")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if a, b := fresh(), onKept(); a != 200 || b != 200 {
		t.Fatalf("before the reload: %d and %d", a, b)
	}
	strangers.save(t, dir, "people")
	p.signal(syscall.SIGHUP)
	p.await(regexp.MustCompile(`^reloaded`))
	if status := fresh(); status == 200 {
		t.Error("a resumed session is still authenticated after the reload")
	}
	if status := onKept(); status == 200 {
		t.Error("an open connection is still authenticated after the reload")
	}
	if got := curlStatus("stranger", "/alice/a"); !strings.HasPrefix(got, "200") {
		t.Errorf("the new authority's certificate: %q", got)
	}
}

// Strict-Transport-Security is sent only if configured and only over TLS. A reload changes
// it.
func TestHSTS(t *testing.T) {
	ca := issue(t, nil, "authority")
	dir := tree(t, map[string]string{"d/a": "a"})
	issue(t, ca, "server").save(t, dir, "server")
	with := func(hsts string) {
		writeConfig(t, dir, "tls: {cert: server.pem, key: server.key"+hsts+"}\naccess_log: {file: off}\nmounts: [{source: d, allow: ['**']}]\n")
	}
	with("")
	p := launch(t, command("serve", "--config", filepath.Join(dir, "bailiwick.yaml")))
	for i, c := range []struct{ hsts, want string }{{"", ""}, {", hsts: 180d", "max-age=15552000"}, {", hsts: off", ""}} {
		if i > 0 {
			with(c.hsts)
			p.signal(syscall.SIGHUP)
			p.awaitCount(reloadedLine, i)
		}
		client := ca.trusting(nil)
		for _, path := range []string{"/a", "/missing"} {
			resp, err := client.Get(p.url + path)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if got := resp.Header.Get("Strict-Transport-Security"); got != c.want {
				t.Errorf("%q: %s: %q, want %q", c.hsts, path, got, c.want)
			}
		}
		client.CloseIdleConnections()
	}
	p.stop()
	if code, _, said := runCommand(t, "serve", filepath.Join(dir, "d"), "--allow", "**", "--listen", "127.0.0.1:0", "--hsts", "180d"); code != cli.ExitUsage {
		t.Errorf("without TLS: exit code %d: %s", code, said)
	}
}

// TLS 1.2 accepts no CBC cipher suite. The control is a suite without CBC.
func TestSuites(t *testing.T) {
	ca := issue(t, nil, "authority")
	dir := tree(t, map[string]string{"d/a": "a"})
	issue(t, ca, "server").save(t, dir, "server")
	writeConfig(t, dir, tlsConfig)
	p := launch(t, command("serve", "--config", filepath.Join(dir, "bailiwick.yaml")))
	taken := 0
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		client := ca.trusting(func(c *tls.Config) {
			c.MaxVersion, c.MinVersion, c.CipherSuites = tls.VersionTLS12, tls.VersionTLS12, []uint16{suite.ID}
		})
		resp, err := client.Get(p.url + "/a")
		if err != nil {
			continue
		}
		taken++
		resp.Body.Close()
		client.CloseIdleConnections()
		if strings.Contains(suite.Name, "_CBC_") || resp.TLS.CipherSuite != suite.ID {
			t.Errorf("%s is accepted", suite.Name)
		}
	}
	if taken == 0 {
		t.Error("no suite is accepted")
	}
}
