package daemon

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/server/auth/certs"
)

// transport is how connections are encrypted. Changes by a reload apply to the next
// connection.
type transport struct {
	certificate atomic.Pointer[tls.Certificate]
	authority   atomic.Pointer[certs.Authority]
	manager     *autocert.Manager // nil without ACME
}

// newTransport returns nil for a configuration without TLS.
func newTransport(cfg *config.Config) (*transport, error) {
	if cfg.TLS == nil {
		return nil, nil
	}
	t := new(transport)
	if a := cfg.TLS.ACME; a != nil {
		var domains []string
		for _, d := range a.Domains {
			domains = append(domains, string(d))
		}
		// It has to exist before the kernel confines the process to it.
		if err := os.MkdirAll(string(a.Dir), 0o700); err != nil {
			return nil, withPosition(cfg, "tls.acme.dir", cli.Failf("--acme-cache: certificates cannot be kept in %s: %s", cli.Printable(string(a.Dir)), cli.Cause(err)))
		}
		t.manager = &autocert.Manager{
			Prompt:     autocert.AcceptTOS,
			Cache:      autocert.DirCache(a.Dir),
			HostPolicy: autocert.HostWhitelist(domains...),
			Email:      a.Email,
			Client:     &acme.Client{DirectoryURL: string(a.Directory), UserAgent: "bailiwick"},
		}
		return t, nil
	}
	cert, err := loadCertificate(cfg.TLS)
	if err != nil {
		return nil, err
	}
	t.certificate.Store(cert)
	return t, nil
}

func loadCertificate(cfg *config.TLS) (*tls.Certificate, error) {
	cert, err := tls.LoadX509KeyPair(string(cfg.Cert), string(cfg.Key))
	if err != nil {
		return nil, cli.Usagef("tls: %s", cli.OneLine(err))
	}
	if cert.Leaf == nil {
		if cert.Leaf, err = x509.ParseCertificate(cert.Certificate[0]); err != nil {
			return nil, cli.Usagef("tls: %s: %s", cli.Printable(string(cfg.Cert)), cli.OneLine(err))
		}
	}
	return &cert, nil
}

// suites are those of TLS 1.2; those of 1.3 cannot be chosen. Each has forward secrecy and
// authenticated encryption: CBC, which Go still offers, has let plain text out more than
// once (Lucky 13, CVE-2013-0169).
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// strictTransport returns the header that makes browsers come back over TLS only, nil for
// none.
func strictTransport(cfg *config.Config) []string {
	if cfg.TLS == nil || cfg.TLS.HSTS == 0 {
		return nil
	}
	seconds := int64(time.Duration(cfg.TLS.HSTS) / time.Second)
	return []string{"max-age=" + strconv.FormatInt(seconds, 10)}
}

// config returns the configuration for a listener.
func (t *transport) config() *tls.Config {
	c := &tls.Config{
		MinVersion:     tls.VersionTLS12,
		CipherSuites:   suites,
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return t.certificate.Load(), nil },
	}
	if t.manager != nil {
		c.GetCertificate = t.manager.GetCertificate
		c.NextProtos = append(c.NextProtos, acme.ALPNProto)
	}
	c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		authority := t.authority.Load()
		if authority == nil {
			return nil, nil
		}
		own := c.Clone()
		own.GetConfigForClient = nil
		authority.Configure(own)
		return own, nil
	}
	return c
}

// A certificateSwap is a certificate that was loaded and is not in use yet.
type certificateSwap struct {
	transport *transport
	cert      *tls.Certificate
}

func (c *certificateSwap) load(t *transport, cfg *config.TLS) (err error) {
	if t == nil || cfg == nil || cfg.ACME != nil {
		return nil
	}
	c.transport = t
	c.cert, err = loadCertificate(cfg)
	return err
}

func (c *certificateSwap) use() {
	if c.cert != nil {
		c.transport.certificate.Store(c.cert)
	}
}
