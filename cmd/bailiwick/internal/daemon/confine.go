package daemon

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/sandbox"
	"github.com/bailiwick-fs/bailiwick/server/catalog/open"
)

// confine restricts the process by Landlock to what the configuration of g, from file, names.
// Files that are open already stay open.
func (s *service) confine(g *generation, file string) error {
	cfg := g.cfg
	if cfg.Landlock == "off" {
		s.announce("landlock: off, as configured")
		return nil
	}
	if why := g.renewal(); why != "" {
		s.announce("landlock: off, %s", why)
		return nil
	}
	domain := pathsOf(s.env, cfg, file)
	domain.Read = append(domain.Read, sandbox.System()...)
	domain.Read = append(domain.Read, awsPaths(s.env)...)
	if s.temp.Path() != "" {
		domain.Write = append(domain.Write, s.temp.Path())
		// To remove its own at the end.
		domain.Empty = append(domain.Empty, s.temp.Shared())
	}
	// Go reads the system's certificates when it first verifies one, for a provider of users
	// perhaps at the first login. SSL_CERT_FILE, and the links in /etc/ssl, can lead anywhere.
	if _, err := x509.SystemCertPool(); err != nil {
		s.announce("landlock: the system's certificates cannot be read: %s", cli.Cause(err))
	}
	usable := domain.Usable()
	on, line, err := sandbox.Restrict(domain)
	if err != nil {
		return cli.Failf("%s; to start without it, set landlock: off", cli.OneLine(err))
	}
	s.domain, s.confined = domain, on
	s.announce("%s", line)
	if on {
		s.announcePaths("read and write", usable.Write)
		s.announcePaths("read", usable.Read)
		s.announcePaths("remove empty directories, and nothing else", usable.Empty)
	}
	return nil
}

// announcePaths names the paths in which Landlock still allows something.
func (s *service) announcePaths(what string, paths []string) {
	if len(paths) == 0 {
		return
	}
	names := make([]string, len(paths))
	for i, path := range paths {
		names[i] = cli.Printable(path)
	}
	s.announce("landlock: %s: %s", what, strings.Join(names, ", "))
}

// checkConfined returns an error if cfg needs a path outside the restriction, which a process
// cannot lift.
func (s *service) checkConfined(cfg *config.Config) error {
	if !s.confined {
		return nil
	}
	want := pathsOf(s.env, cfg, "")
	for _, path := range want.Read {
		if !s.domain.Allows(path, false) {
			return outsideDomain(path)
		}
	}
	for _, path := range want.Write {
		if !s.domain.Allows(path, true) {
			return outsideDomain(path)
		}
	}
	return nil
}

// renewal says why a process that is confined could not renew the credentials of a source; "" if
// it could.
func (g *generation) renewal() string {
	for _, m := range g.mounts {
		for _, layer := range m.layers {
			if layer.source.Renewal != "" {
				return layer.source.Renewal
			}
		}
	}
	return ""
}

func outsideDomain(path string) error {
	return cli.Failf("%s is outside the directories that Landlock allowed at the start; restart, or start with landlock: off", cli.Printable(path))
}

// pathsOf returns the paths that serving cfg opens, now and at each reload. It returns the
// directory of a file, since the file may be replaced by a rename.
func pathsOf(env *cli.Env, cfg *config.Config, file string) sandbox.Paths {
	var p sandbox.Paths
	read := func(paths ...config.Path) {
		for _, path := range paths {
			if path != "" {
				p.Read = append(p.Read, around(string(path))...)
			}
		}
	}
	read(config.Path(file))
	read(cfg.Files()...)
	if cfg.TLS != nil && cfg.TLS.ACME != nil {
		p.Write = append(p.Write, string(cfg.TLS.ACME.Dir))
	}
	if cfg.AccessLog.File.IsFile() {
		p.Write = append(p.Write, around(string(cfg.AccessLog.File))...)
	}
	for _, catalog := range cfg.Catalogs() {
		if path, ok := strings.CutPrefix(catalog.DSN(), "sqlite:"); ok {
			p.Write = append(p.Write, around(path)...)
		} else {
			p.Read = append(p.Read, postgresHome(env)...)
			for _, path := range open.Files(catalog.DSN()) {
				p.Read = append(p.Read, around(path)...)
			}
		}
	}
	for i := range cfg.Mounts {
		m := &cfg.Mounts[i]
		for j, source := range m.Layers() {
			dir, ok := source.Local()
			switch {
			case ok && m.Written(j):
				p.Write = append(p.Write, dir)
			case ok:
				p.Read = append(p.Read, dir)
			}
		}
		if m.Cache != nil {
			p.Write = append(p.Write, string(m.Cache.Dir))
		}
		read(m.PageLogo)
	}
	return p
}

// around returns the directory of a file, and if the file is a link, that of its target:
// certbot renews the target of live/NAME/cert.pem, in archive/NAME. Of a device, such as
// /dev/null, it returns the path: nobody replaces it, and its directory has others. An open
// pipe, such as /dev/stdout, has no name and needs no rule.
func around(file string) []string {
	dirs := []string{filepath.Dir(file)}
	real, err := filepath.EvalSymlinks(file)
	if st, found := os.Stat(file); found == nil && !st.Mode().IsRegular() && !st.IsDir() {
		if err != nil {
			return nil
		}
		return []string{real}
	}
	if err == nil && dirs[0] == "/dev" {
		return []string{filepath.Dir(real)} // nobody replaces the links there
	}
	if err == nil && filepath.Dir(real) != dirs[0] {
		dirs = append(dirs, filepath.Dir(real))
	}
	return dirs
}

// awsPaths returns where the AWS SDK looks for new credentials when they expire.
func awsPaths(env *cli.Env) []string {
	paths := inHome(env, ".aws")
	for _, key := range []string{
		"AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_CA_BUNDLE",
	} {
		if file := env.Variable(key); file != "" {
			paths = append(paths, around(file)...)
		}
	}
	return paths
}

// postgresHome returns where the PostgreSQL driver looks for what neither the address of a
// catalog nor a variable names, see [open.Files] for that.
func postgresHome(env *cli.Env) []string {
	return inHome(env, ".postgresql", ".pgpass", ".pg_service.conf")
}

// inHome returns paths in the user's home directory, none if there is none.
func inHome(env *cli.Env, names ...string) []string {
	home := env.Variable("HOME")
	if home == "" {
		return nil
	}
	for i, name := range names {
		names[i] = filepath.Join(home, name)
	}
	return names
}
