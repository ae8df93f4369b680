// Package certs authenticates clients by verified TLS certificates.
package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/internal/userfile"
)

// An Authority is a set of certificate authorities whose client certificates are
// accepted. It is immutable and safe for concurrent use. There are no revocation lists:
// certificates are revoked by removing their authority from the file. The zero Authority
// accepts no certificate.
type Authority struct {
	pool  *x509.CertPool
	roots []*x509.Certificate
	now   func() time.Time
}

var _ auth.Certificates = (*Authority)(nil)

// Options is for tests. Otherwise use the zero value.
type Options struct {
	Now func() time.Time // default time.Now
}

// Load reads the authorities in the PEM file at path. An error names the file and the
// line of a block that is not a certificate, or not an authority's certificate. A file
// without certificates is an error.
func Load(path string, opts Options) (*Authority, error) {
	data, err := userfile.Bytes(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data, opts)
}

// Parse is like Load for data that was already read; path is used in errors.
func Parse(path string, data []byte, opts Options) (*Authority, error) {
	a := &Authority{pool: x509.NewCertPool(), now: opts.Now}
	if a.now == nil {
		a.now = time.Now
	}
	line := 1
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			break
		}
		// line is where the block ends: its beginning is unknown.
		line += bytes.Count(data[:len(data)-len(rest)], []byte("\n"))
		data = rest
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("%s:%d: not a certificate but %q; only certificates of authorities belong here", path, max(1, line-1), block.Type)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s:%d: a malformed certificate", path, max(1, line-1))
		case !cert.BasicConstraintsValid || !cert.IsCA:
			return nil, fmt.Errorf("%s:%d: not the certificate of an authority (its basic constraints do not say CA)", path, max(1, line-1))
		}
		a.pool.AddCert(cert)
		a.roots = append(a.roots, cert)
	}
	if bytes.Contains(data, []byte("-----BEGIN")) {
		return nil, fmt.Errorf("%s:%d: a malformed block", path, line)
	}
	if len(a.roots) == 0 {
		return nil, fmt.Errorf("%s: there is no certificate in it", path)
	}
	return a, nil
}

// Configure makes c request a client certificate. The handshake fails if the client
// sends an invalid one, and succeeds if it sends none.
func (a *Authority) Configure(c *tls.Config) {
	c.ClientCAs = a.pool
	if c.ClientCAs == nil {
		// In crypto/tls, nil means the system's authorities, which issue certificates to
		// anybody.
		c.ClientCAs = x509.NewCertPool()
	}
	c.ClientAuth = tls.VerifyClientCertIfGiven
}

// CheckCertificate implements [auth.Certificates]. The name is the subject's common name
// or, without one, the first alternative name: email, DNS, URI. The claims are "email",
// "dns" and "uri", and "ou" and "o" from the subject.
//
// A certificate that the handshake did not verify is ignored. A verified one is wrong
// unless it is issued for client authentication. It also becomes wrong when it or its
// authority expires, or when its authority is removed from the file, because connections
// and sessions can outlive that.
func (a *Authority) CheckCertificate(state *tls.ConnectionState) (auth.Principal, bool, error) {
	if state == nil || len(state.VerifiedChains) == 0 {
		return auth.Principal{}, false, nil
	}
	if a == nil || !slices.ContainsFunc(state.VerifiedChains, a.stands) {
		return auth.Principal{}, false, auth.ErrCredentials
	}
	leaf := state.VerifiedChains[0][0] // the first certificate of every chain
	name, ok := nameOf(leaf)
	// A certificate without the extension is valid for any use, including a server.
	if !ok || !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageClientAuth) {
		return auth.Principal{}, false, auth.ErrCredentials
	}
	claims := make(map[string][]string)
	for key, values := range map[string][]string{
		"email": leaf.EmailAddresses, "dns": leaf.DNSNames, "uri": uris(leaf),
		"ou": leaf.Subject.OrganizationalUnit, "o": leaf.Subject.Organization,
	} {
		if len(values) > 0 {
			claims[key] = slices.Clone(values)
		}
	}
	return auth.Principal{Name: name, Method: "certificate", Claims: claims}, true, nil
}

// stands reports whether a chain that was verified earlier is still valid.
func (a *Authority) stands(chain []*x509.Certificate) bool {
	if len(a.roots) == 0 {
		return false
	}
	now := a.now()
	for _, c := range chain {
		if now.Before(c.NotBefore) || now.After(c.NotAfter) {
			return false
		}
	}
	return len(chain) > 0 && slices.ContainsFunc(a.roots, chain[len(chain)-1].Equal)
}

// nameOf returns the principal's name. Several common names count as none, because
// programs disagree on which of them applies.
func nameOf(leaf *x509.Certificate) (string, bool) {
	var common []string
	for _, attribute := range leaf.Subject.Names {
		if attribute.Type.Equal(commonName) {
			s, _ := attribute.Value.(string)
			common = append(common, s)
		}
	}
	names := common
	if len(common) == 0 {
		names = slices.Concat(leaf.EmailAddresses, leaf.DNSNames, uris(leaf))
	}
	if len(common) > 1 || len(names) == 0 {
		return "", false
	}
	name := names[0]
	return name, name != "" && utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl)
}

var commonName = asn1.ObjectIdentifier{2, 5, 4, 3}

func uris(c *x509.Certificate) []string {
	var list []string
	for _, u := range c.URIs {
		list = append(list, u.String())
	}
	return list
}
