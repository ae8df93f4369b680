//go:build unix

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// An acmeServer is a certificate authority with enough of RFC 8555 to issue one
// certificate at a time. It does not verify the signatures of requests. It validates the
// domain by tls-alpn-01.
type acmeServer struct {
	*httptest.Server
	t       *testing.T
	ca      *identity
	target  atomic.Value // the address of the server to validate
	orders  atomic.Int64
	domain  string
	valid   atomic.Bool
	refused atomic.Value // why the validation failed
	chain   []byte
}

func newACMEServer(t *testing.T, domain string) *acmeServer {
	s := &acmeServer{t: t, ca: issue(t, nil, "authority"), domain: domain}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *acmeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var message struct{ Payload string }
	_ = json.NewDecoder(r.Body).Decode(&message)
	payload, _ := base64.RawURLEncoding.DecodeString(message.Payload)
	w.Header().Set("Replay-Nonce", rand.Text())
	answer := func(status int, v map[string]any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	state := func(done string) string {
		if s.valid.Load() {
			return done
		}
		return "pending"
	}
	challenge := func() map[string]any {
		return map[string]any{"type": "tls-alpn-01", "url": s.URL + "/challenge", "token": "token", "status": state("valid")}
	}
	order := func(status string) map[string]any {
		return map[string]any{
			"status": status, "identifiers": []any{map[string]any{"type": "dns", "value": s.domain}},
			"authorizations": []string{s.URL + "/authz"}, "finalize": s.URL + "/finalize", "certificate": s.URL + "/certificate",
		}
	}
	switch r.URL.Path {
	case "/directory":
		answer(200, map[string]any{"newNonce": s.URL + "/nonce", "newAccount": s.URL + "/account", "newOrder": s.URL + "/order"})
	case "/nonce":
	case "/account":
		w.Header().Set("Location", s.URL+"/account/1")
		answer(201, map[string]any{"status": "valid"})
	case "/order":
		if len(payload) > 0 {
			s.orders.Add(1)
			w.Header().Set("Location", s.URL+"/order")
			answer(201, order(state("ready")))
			return
		}
		answer(200, order(state("ready")))
	case "/authz":
		answer(200, map[string]any{
			"status": state("valid"), "identifier": map[string]any{"type": "dns", "value": s.domain}, "challenges": []any{challenge()},
		})
	case "/challenge":
		if err := s.validate(r.Context()); err != nil {
			s.refused.Store(err.Error())
		} else {
			s.valid.Store(true)
		}
		answer(200, challenge())
	case "/finalize":
		var request struct{ CSR string }
		_ = json.Unmarshal(payload, &request)
		der, _ := base64.RawURLEncoding.DecodeString(request.CSR)
		if err := s.sign(der); err != nil || !s.valid.Load() {
			answer(403, map[string]any{"type": "urn:ietf:params:acme:error:unauthorized"})
			return
		}
		w.Header().Set("Location", s.URL+"/order")
		answer(200, order("valid"))
	case "/certificate":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		_, _ = w.Write(s.chain)
	default:
		http.NotFound(w, r)
	}
}

// validate checks that the server at target has a tls-alpn-01 certificate for the domain.
func (s *acmeServer) validate(ctx context.Context) error {
	dialer := &tls.Dialer{Config: &tls.Config{ServerName: s.domain, NextProtos: []string{"acme-tls/1"}, InsecureSkipVerify: true}}
	conn, err := dialer.DialContext(ctx, "tcp", s.target.Load().(string))
	if err != nil {
		return err
	}
	defer conn.Close()
	leaf := conn.(*tls.Conn).ConnectionState().PeerCertificates[0]
	for _, extension := range leaf.Extensions {
		if extension.Id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}) {
			return leaf.VerifyHostname(s.domain)
		}
	}
	return fmt.Errorf("the certificate for %v has no ACME extension", leaf.DNSNames)
}

func (s *acmeServer) sign(der []byte) error {
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return err
	}
	cert, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(s.orders.Load() + 1), DNSNames: csr.DNSNames,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, s.ca.cert, csr.PublicKey, s.ca.key)
	if err != nil {
		return err
	}
	var chain bytes.Buffer
	for _, der := range [][]byte{cert, s.ca.cert.Raw} {
		if err := pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
			return err
		}
	}
	s.chain = chain.Bytes()
	return nil
}

// A certificate is obtained at the first handshake and stored in the directory, which is
// created. The next start, configured by flags, uses the stored one. Names that are not
// configured get no certificate.
func TestTLSACME(t *testing.T) {
	const domain = "files.example.org"
	authority := newACMEServer(t, domain)
	dir := tree(t, map[string]string{"d/a": "a"})
	writeConfig(t, dir, fmt.Sprintf(`
tls: {acme: {domains: [%s], dir: state/acme, directory: "%s/directory"}}
mounts: [{source: d, allow: ["**"]}]
`, domain, authority.URL))
	for _, server := range []struct {
		start string
		args  []string
	}{
		{"first", []string{"--config", filepath.Join(dir, "bailiwick.yaml")}},
		{"second", []string{filepath.Join(dir, "d"), "--allow", "**", "--listen", "127.0.0.1:0", "--acme-host", domain,
			"--acme-cache", filepath.Join(dir, "state", "acme"), "--acme-directory", authority.URL + "/directory"}},
	} {
		start := server.start
		p := launch(t, command(append([]string{"serve"}, server.args...)...))
		addr := strings.TrimPrefix(p.url, "https://")
		authority.target.Store(addr)
		request := func(host string) (*http.Response, error) {
			client := authority.ca.trusting(nil)
			client.Transport.(*http.Transport).DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "tcp", addr)
			}
			defer client.CloseIdleConnections()
			return client.Get("https://" + host + "/a")
		}
		resp, err := request(domain)
		if err != nil {
			t.Fatalf("%s start: %v; validation: %v", start, err, authority.refused.Load())
		}
		resp.Body.Close()
		if resp.StatusCode != 200 || resp.Proto != "HTTP/2.0" {
			t.Errorf("%s start: %d over %s", start, resp.StatusCode, resp.Proto)
		}
		if resp, err := request("other.example.org"); err == nil {
			resp.Body.Close()
			t.Errorf("%s start: a name that is not configured got a certificate", start)
		}
		p.stop()
	}
	if n := authority.orders.Load(); n != 1 {
		t.Errorf("%d certificates were ordered", n)
	}
	if st, err := os.Stat(filepath.Join(dir, "state", "acme")); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("the directory of keys: %v %v", st, err)
	}
}
