package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/auth/certs"
	"github.com/bailiwick-fs/bailiwick/server/auth/htpasswd"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
	"github.com/bailiwick-fs/bailiwick/server/auth/session"
	"github.com/bailiwick-fs/bailiwick/server/auth/tokens"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Check reads the local files that the configuration names, as serve would: users,
// tokens, keys, certificates, lists of names, and the catalog's address. It connects to
// nothing and opens no source. An error is [Errors]; a problem inside a file names that
// file and its line.
func (c *Config) Check() error {
	k := &checker{Config: c}
	k.certificate()
	var local []string
	others := c.Users.Suffixes()
	k.file("users.htpasswd", c.Users.Htpasswd, func(p string) error {
		users, err := htpasswd.Load(p, htpasswd.Options{OtherSuffixes: others})
		if err == nil {
			local = append(local, users.Names()...)
		}
		return err
	})
	k.file("users.tokens", c.Users.Tokens, func(p string) error {
		list, err := tokens.Load(p, tokens.Options{OtherSuffixes: others})
		if err == nil {
			local = append(local, list.Names()...)
		}
		return err
	})
	c.local = local
	if len(k.errs) == 0 {
		k.strange(local)
	}
	if cc := c.Users.ClientCertificates; cc != nil {
		k.file("users.client_certificates.ca", cc.CA, func(p string) error { _, err := certs.Load(p, certs.Options{}); return err })
	}
	if s := c.Users.Sessions; s != nil {
		k.file("users.sessions.keys", s.Keys, func(p string) error { _, err := session.LoadKeys(p); return err })
	}
	if o := c.Users.OIDC; o != nil {
		k.file("users.oidc.client_secret_file", o.ClientSecretFile, func(p string) error { _, err := ReadSecret(p); return err })
	}
	if c.Links != nil {
		k.file("links.keys", c.Links.Keys, func(p string) error { _, err := links.LoadKeys(p); return err })
	}
	if c.Shares != nil {
		k.file("shares.catalog_file", c.Shares.CatalogFile, func(p string) error { _, err := readCatalog(p); return err })
	}
	for i := range c.Mounts {
		m, key := &c.Mounts[i], index("mounts", i)
		for j, file := range m.AllowFile {
			k.file(index(key+".allow_file", j), file, func(p string) error { _, err := readNames(p); return err })
		}
		k.file(key+".page_logo", m.PageLogo, func(p string) error { _, err := ReadLogo(p); return err })
		if m.Uploads != nil {
			k.file(key+".uploads.catalog_file", m.Uploads.CatalogFile, func(p string) error { _, err := readCatalog(p); return err })
		}
	}
	if len(k.errs) == 0 {
		k.usersOfNothing()
	}
	if len(k.errs) > 0 {
		return k.errs
	}
	return nil
}

// usersOfNothing refuses users given by flags or variables if no mount has access rules:
// administrators of other servers expect that a password file alone makes the server
// require passwords. Users in a configuration file may be prepared for access rules to
// come, so serve only warns about those at startup.
func (k *checker) usersOfNothing() {
	if !k.UsersOfNothing() {
		return
	}
	for _, key := range []string{"users.htpasswd", "users.tokens", "users.oidc.issuer", "users.client_certificates.ca"} {
		if p, ok := k.positions[key]; ok && p.origin != "" {
			k.addAt(key, "nobody has to log in: without access rules, everything is open to anyone; add rules (--access 'authenticated can read'), or leave it out")
			return
		}
	}
}

// UsersOfNothing reports whether users are configured although no mount has access
// rules, so that nobody has to log in.
func (c *Config) UsersOfNothing() bool {
	u := c.Users
	known := u.Htpasswd != "" || u.Tokens != "" || u.OIDC != nil || u.ClientCertificates != nil
	return known && !slices.ContainsFunc(c.Mounts, func(m Mount) bool { return m.Access != nil })
}

// Allowed returns the patterns of allow and those in the files of allow_file, which it
// reads. An error is [Errors].
func (c *Config) Allowed(m *Mount) ([]vfs.Pattern, error) {
	k := &checker{Config: c}
	patterns := m.Allow
	for j, file := range m.AllowFile {
		k.file(index(c.keyOf(m)+".allow_file", j), file, func(p string) error {
			names, err := readNames(p)
			patterns = append(patterns[:len(patterns):len(patterns)], names)
			return err
		})
	}
	if len(k.errs) > 0 {
		return nil, k.errs
	}
	return patterns, nil
}

// Catalog returns the address of a mount's catalog, read from catalog_file if that is
// set. An error is [Errors].
func (c *Config) Catalog(m *Mount) (Catalog, error) {
	return c.catalog(c.keyOf(m)+".uploads", m.Uploads.Catalog, m.Uploads.CatalogFile)
}

// SharesCatalog is Catalog for the catalog of shares.
func (c *Config) SharesCatalog() (Catalog, error) {
	return c.catalog("shares", c.Shares.Catalog, c.Shares.CatalogFile)
}

// catalog returns the address that is set below key, or in the file.
func (c *Config) catalog(key string, written Catalog, file Path) (Catalog, error) {
	if file == "" {
		return written, nil
	}
	k := &checker{Config: c}
	var catalog Catalog
	k.file(key+".catalog_file", file, func(p string) (err error) {
		catalog, err = readCatalog(p)
		return err
	})
	if len(k.errs) > 0 {
		return Catalog{}, k.errs
	}
	return catalog, nil
}

func (c *Config) keyOf(m *Mount) string {
	for i := range c.Mounts {
		if &c.Mounts[i] == m {
			return index("mounts", i)
		}
	}
	return "mounts"
}

type checker struct {
	*Config
	errs Errors
}

// atLine matches the line number of an error about a file's content, after the file's
// name.
var atLine = regexp.MustCompile(`^:([0-9]+): `)

// file calls read with the path of a file, unless it is empty, and records its error.
func (k *checker) file(key string, file Path, read func(path string) error) {
	if file == "" {
		return
	}
	err := read(string(file))
	if err == nil {
		return
	}
	text := err.Error()
	rest, named := strings.CutPrefix(text, string(file))
	switch m := atLine.FindString(rest); {
	case errors.Is(err, fs.ErrNotExist):
		advice := ""
		if strings.Contains(key, "allow_file") {
			advice = "; create one with bailiwick scan SOURCE --allow … --save FILE"
		}
		k.addAt(key, "there is no file %s%s", printable(string(file)), advice)
	case named && m != "":
		k.add(printable(string(file))+strings.TrimSuffix(m, ": "), "%s", rest[len(m):])
	case named && strings.HasPrefix(rest, ": "):
		k.addAt(key, "%s: %s", printable(string(file)), rest[2:])
	default:
		k.addAt(key, "%s: %s", printable(string(file)), cause(err))
	}
}

// ErrorAt returns an error about the value of key. The text omits the key if a flag already
// identifies the value.
func (c *Config) ErrorAt(key, format string, args ...any) *Error {
	text := fmt.Sprintf(format, args...)
	if c.positionOf(key).origin == "" {
		text = key + ": " + text
	}
	return &Error{c.At(key), oneLine(text)}
}

// addAt records an error about the value of key.
func (k *checker) addAt(key, format string, args ...any) {
	k.errs = append(k.errs, k.ErrorAt(key, format, args...))
}

func (k *checker) add(where, format string, args ...any) {
	k.errs = append(k.errs, &Error{where, oneLine(fmt.Sprintf(format, args...))})
}

// certificate checks that cert and key are valid and belong together.
func (k *checker) certificate() {
	t := k.TLS
	if t == nil || t.ACME != nil {
		return
	}
	var cert, key []byte
	before := len(k.errs)
	k.file("tls.cert", t.Cert, func(p string) (err error) { cert, err = os.ReadFile(p); return err })
	k.file("tls.key", t.Key, func(p string) (err error) { key, err = os.ReadFile(p); return err })
	if len(k.errs) > before {
		return
	}
	if _, err := tls.X509KeyPair(cert, key); err != nil {
		at := "tls.cert"
		if strings.Contains(err.Error(), "key") {
			at = "tls.key"
		}
		k.addAt(at, "%s", strings.TrimPrefix(err.Error(), "tls: "))
	}
}

func readNames(path string) (vfs.Pattern, error) {
	f, err := os.Open(path)
	if err != nil {
		return vfs.Pattern{}, err
	}
	defer f.Close()
	names, err := vfs.ReadNameSet(path, f)
	if err != nil {
		// Where already tells the reader what failed, so drop the sentinel's text.
		return vfs.Pattern{}, errors.New(strings.TrimPrefix(err.Error(), vfs.ErrPattern.Error()+": "))
	}
	return names, nil
}

// ReadLogo reads the file of a page's logo.
func ReadLogo(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	logo, err := io.ReadAll(io.LimitReader(f, maxLogo+1))
	if err == nil {
		err = server.Page{Mode: server.PageFull, Logo: logo}.Check()
	}
	return logo, err
}

// maxLogo is more than a logo may have.
const maxLogo = 1 << 20

// readCatalog reads a catalog's address from a secret's file.
func readCatalog(path string) (Catalog, error) {
	line, err := ReadSecret(path)
	if err != nil {
		return Catalog{}, err
	}
	v, err := parseCatalog(line)
	if err != nil {
		return Catalog{}, fmt.Errorf("%s:1: %w", path, err)
	}
	return v.(Catalog), nil
}

// ReadSecret returns the single line of a file that holds a secret. Errors about the
// content name the file and line, and never quote it.
func ReadSecret(path string) (string, error) {
	const most = 16 << 10
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	line := strings.TrimRight(string(data), "\r\n")
	switch {
	case line == "":
		return "", fmt.Errorf("%s:1: the file is empty; it must hold the value on a single line", path)
	case strings.ContainsAny(line, "\r\n"):
		return "", fmt.Errorf("%s:2: the file has a second line; the value must be on a single line", path)
	case len(line) > most:
		return "", fmt.Errorf("%s:1: the line is over %d KiB", path, most>>10)
	}
	return line, nil
}
