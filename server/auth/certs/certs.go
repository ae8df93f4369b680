// Package certs takes verified client certificates as credentials.
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

// An Authority is the certificate authorities whose certificates are accepted.
// It does not change, and is safe for concurrent use. Certificates are revoked
// by taking their authority out of the file: there are no revocation lists. The zero
// Authority accepts no certificate.
type Authority struct {
	pool  *x509.CertPool
	roots []*x509.Certificate
	now   func() time.Time
}

var _ auth.Certificates = (*Authority)(nil)

// Options is for tests. The zero value is right otherwise.
type Options struct {
	Now func() time.Time // time.Now
}

// Load reads the authorities in the PEM file at path. An error names the file
// and the block in it: something other than a certificate, or a certificate that
// is not an authority's. A file without any is an error.
func Load(path string, opts Options) (*Authority, error) {
	data, err := userfile.Bytes(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data, opts)
}

// Parse is Load of a file that was read already; path is for errors.
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
		// The line of the block's end, which is where it could be read.
		line += bytes.Count(data[:len(data)-len(rest)], []byte("\n"))
		data = rest
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("%s:%d: not a certificate but %q; only certificates of authorities belong here", path, max(1, line-1), block.Type)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s:%d: not a certificate that can be read", path, max(1, line-1))
		case !cert.BasicConstraintsValid || !cert.IsCA:
			return nil, fmt.Errorf("%s:%d: not the certificate of an authority (its basic constraints do not say CA)", path, max(1, line-1))
		}
		a.pool.AddCert(cert)
		a.roots = append(a.roots, cert)
	}
	if bytes.Contains(data, []byte("-----BEGIN")) {
		return nil, fmt.Errorf("%s:%d: a block that cannot be read", path, line)
	}
	if len(a.roots) == 0 {
		return nil, fmt.Errorf("%s: there is no certificate in it", path)
	}
	return a, nil
}

// Configure makes c ask each client for a certificate, refuse the handshake of
// one that shows a wrong one, and go on with one that shows none.
func (a *Authority) Configure(c *tls.Config) {
	c.ClientCAs = a.pool
	if c.ClientCAs == nil {
		// To crypto/tls nil means the authorities of the system, which sign for anybody.
		c.ClientCAs = x509.NewCertPool()
	}
	c.ClientAuth = tls.VerifyClientCertIfGiven
}

// CheckCertificate implements [auth.Certificates]. The name is the subject's
// common name, or, where it has none, the first of the alternative names: email,
// DNS, URI. Claims are "email", "dns", "uri", and of the subject "ou" and "o".
//
// A certificate that the handshake did not verify is none. A verified one is
// wrong unless it says that it is for clients; it is wrong, too, once it or its
// authority has expired, or after its authority has left the file: connections
// and sessions live longer than that.
func (a *Authority) CheckCertificate(state *tls.ConnectionState) (auth.Principal, bool, error) {
	if state == nil || len(state.VerifiedChains) == 0 {
		return auth.Principal{}, false, nil
	}
	if a == nil || !slices.ContainsFunc(state.VerifiedChains, a.stands) {
		return auth.Principal{}, false, auth.ErrCredentials
	}
	leaf := state.VerifiedChains[0][0] // every chain begins with it
	name, ok := nameOf(leaf)
	// Without the extension a certificate is for anything, a server's too.
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

// stands reports whether a chain that was verified once holds still.
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

// nameOf returns the principal's name. Several common names are none: which one
// of them counts depends on who reads the certificate.
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
