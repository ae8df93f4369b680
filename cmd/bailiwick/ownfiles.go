package main

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// tellOwn names the server's own files that the rules let through: they lie in a source
// by mistake, and whoever reads them learns secrets, or by writing them makes himself a
// user. Whom access rules would let read them does not count: nobody should.
func (s *service) tellOwn(t *site) {
	told := map[string]bool{}
	for _, m := range t.mounts {
		dir, local := m.cfg.Source.Local()
		if !local || m.cfg.Uploads != nil {
			continue
		}
		for _, file := range ownFilesOf(t.cfg) {
			real, err := realPath(file)
			if err == nil && !told[real] && lets(m.jail, dir, real) {
				told[real] = true
				s.tell("%s is the server's own, but lies in %s, and the rules let its name through: deny it, or keep it elsewhere", printable(real), printable(dir))
			}
		}
	}
}

// lets reports whether jail, over the directory dir, lets the file at path through for
// some caller.
func lets(jail *vfs.Jail, dir, path string) bool {
	dir, err := realPath(dir)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(dir, path)
	if err != nil {
		return false
	}
	name, err := vfs.ParseName(filepath.ToSlash(rel))
	if err != nil {
		return false
	}
	ctx := auth.WithGrant(context.Background(), auth.Grant{Op: vfs.OpRead, Name: name})
	return jail.Explain(ctx, vfs.OpRead, name).Allowed
}

// ownFilesOf returns the files that say who may do what, and those with secrets.
func ownFilesOf(cfg *config.Config) []string {
	var files []string
	add := func(paths ...config.Path) {
		for _, path := range paths {
			if path != "" {
				files = append(files, string(path))
			}
		}
	}
	add(config.Path(cfg.File()), cfg.Users.Htpasswd, cfg.Users.Tokens)
	if c := cfg.Users.ClientCertificates; c != nil {
		add(c.CA)
	}
	if cfg.Links != nil {
		add(cfg.Links.Keys)
	}
	if cfg.TLS != nil {
		add(cfg.TLS.Key)
		if a := cfg.TLS.ACME; a != nil {
			files = append(files, filepath.Join(string(a.Dir), "acme_account+key"))
		}
	}
	if cfg.AccessLog.File.IsFile() {
		files = append(files, string(cfg.AccessLog.File))
	}
	for i := range cfg.Mounts {
		m := &cfg.Mounts[i]
		if m.Uploads == nil {
			continue
		}
		add(m.Uploads.CatalogFile)
		if catalog, err := cfg.Catalog(m); err == nil {
			if path, ok := strings.CutPrefix(catalog.DSN(), "sqlite:"); ok {
				files = append(files, path)
			}
		}
	}
	return files
}
