package daemon

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/catalog/open"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/ownfile"
)

// The server's own files grant access or contain secrets. No mount serves, lists or changes
// them, whatever the rules allow: see package ownfile. Rules that would allow it are a
// mistake all the same, which is reported at the start.

// holdOwnFiles marks the files that a server with cfg reads as the process's own, until release
// is called.
func holdOwnFiles(env *cli.Env, cfg *config.Config) (release func()) {
	return ownfile.Hold(append(ownFilesOf(cfg), secretFiles(env)...)...)
}

// announceOwnFiles warns about the server's own files whose names the rules allow: they are in
// a source by mistake. It ignores access rules: nobody should read these files.
func (s *service) announceOwnFiles(g *generation) {
	reported := map[string]bool{}
	for _, m := range g.mounts {
		for _, source := range m.cfg.Layers() {
			dir, local := source.Local()
			if !local || m.cfg.Uploads != nil {
				continue
			}
			for _, file := range ownFilesOf(g.cfg) {
				real, err := cli.RealPath(file.Path)
				if err == nil && !reported[real] && allowsFile(m.jail, vfs.OpRead, dir, real) {
					reported[real] = true
					s.announce("%s is one of the server's own files, but it is in %s, and the rules allow its name; it is never served: deny it, or move it elsewhere", cli.Printable(real), cli.Printable(dir))
				}
			}
		}
	}
}

// CheckOwnFiles fails if the rules allow clients to write to the server's own files, or if a
// cache has them in its directory. The server would refuse the former anyway, so the rules
// are a mistake.
func CheckOwnFiles(cfg *config.Config) error {
	if err := checkCaches(cfg); err != nil {
		return err
	}
	for i := range cfg.Mounts {
		m := &cfg.Mounts[i]
		for j, source := range m.Layers() {
			dir, local := source.Local()
			if !local {
				continue
			}
			if err := checkOwnFilesIn(cfg, m, dir, m.Write && m.Written(j)); err != nil {
				return withPosition(cfg, fmt.Sprintf("mounts[%d].%s", i, m.LayerKey(j)), err)
			}
		}
	}
	return nil
}

// checkOwnFilesIn is CheckOwnFiles for a directory that a mount serves.
func checkOwnFilesIn(cfg *config.Config, m *config.Mount, dir string, written bool) error {
	if at := acmeAround(cfg, dir); at != "" {
		return cli.Usagef("%s is inside %s, where the server keeps its certificates and serves nothing; move one of them elsewhere",
			cli.Printable(dir), cli.Printable(at))
	}
	if !written {
		return nil
	}
	_, policy, err := compileMount(cfg, m, "")
	if err != nil {
		return err
	}
	jail, err := vfs.New(mem.New(), policy)
	if err != nil {
		return cli.Usagef("%s", cli.OneLine(err))
	}
	for _, file := range ownFilesOf(cfg) {
		real, err := cli.RealPath(file.Path)
		if err == nil && allowsFile(jail, vfs.OpDelete, dir, real) {
			return cli.Usagef("%s is one of the server's own files, but it is in %s, and the rules allow clients to write to it; deny it, or move it elsewhere",
				cli.Printable(real), cli.Printable(dir))
		}
	}
	return nil
}

// acmeAround returns the ACME directory if the directory dir is inside it, else "".
func acmeAround(cfg *config.Config, dir string) string {
	if cfg.TLS == nil || cfg.TLS.ACME == nil {
		return ""
	}
	at := string(cfg.TLS.ACME.Dir)
	real, err := cli.RealPath(dir)
	if err != nil {
		return ""
	}
	around, err := cli.RealPath(at)
	if err != nil {
		return ""
	}
	if rel, err := filepath.Rel(around, real); err != nil || !filepath.IsLocal(rel) {
		return ""
	}
	return at
}

// allowsFile reports whether jail, over the directory dir, allows some caller op on the file
// at path, or on a file in it if path is a directory.
func allowsFile(jail *vfs.Jail, op vfs.Op, dir, path string) bool {
	dir, err := cli.RealPath(dir)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(dir, path)
	if err != nil {
		return false
	}
	rel = filepath.ToSlash(rel)
	for _, s := range []string{rel, rel + "/acme_account+key"} {
		name, err := vfs.ParseName(s)
		if err != nil {
			continue
		}
		ctx := auth.WithGrant(context.Background(), auth.Grant{Op: op, Name: name})
		if jail.Explain(ctx, op, name).Allowed && (s == rel) != isDir(path) {
			return true
		}
	}
	return false
}

// ownFilesOf returns the files that a configuration names for the server itself, and those that
// its catalogs use.
func ownFilesOf(cfg *config.Config) []ownfile.File {
	var files []ownfile.File
	add := func(path string) {
		if path != "" {
			files = append(files, ownfile.File{Path: path})
		}
	}
	add(cfg.File())
	for _, path := range cfg.Files() {
		add(string(path))
	}
	if cfg.TLS != nil && cfg.TLS.ACME != nil {
		add(string(cfg.TLS.ACME.Dir))
	}
	if cfg.AccessLog.File.IsFile() {
		files = append(files, ownfile.File{Path: string(cfg.AccessLog.File), Rotated: true})
	}
	for _, catalog := range cfg.Catalogs() {
		for _, path := range open.Files(catalog.DSN()) {
			add(path)
		}
	}
	return files
}

// secretFiles returns the files with credentials that variables name, or that are where the
// AWS SDK and the PostgreSQL driver look for them.
func secretFiles(env *cli.Env) []ownfile.File {
	paths := inHome(env, filepath.Join(".aws", "credentials"), filepath.Join(".aws", "config"))
	paths = append(paths, postgresHome(env)...)
	// Without a catalog, they are those that variables name.
	paths = append(paths, open.Files("postgres:")...)
	for _, key := range []string{"AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"} {
		paths = append(paths, env.Variable(key))
	}
	for _, flag := range config.Secrets {
		paths = append(paths, env.Variable(cli.VariableName(flag)+"_FILE"))
	}
	var files []ownfile.File
	for _, path := range paths {
		if path = strings.TrimSpace(path); path != "" {
			files = append(files, ownfile.File{Path: path})
		}
	}
	return files
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}
