package daemon

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/bailiwick-fs/bailiwick/backends/layer/cache"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/overlap"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// cacheKey distinguishes the resource of a source with a cache from those with another one,
// or with none.
func cacheKey(cfg *config.Cache, uploads bool) string {
	if cfg == nil {
		return ""
	}
	return fmt.Sprintf(" cached in %+v, uploads %t", *cfg, uploads)
}

// addCache puts a cache in front of the source of r.
func (p *pool) addCache(r *resource, cfg *config.Cache, uploads bool) error {
	opts := cache.Options{
		Size: int64(cfg.Size), TTL: cfg.TTL, Stale: cfg.Stale,
		Logger: p.logger,
	}
	if uploads {
		// The server never stores another object under the name of an upload.
		opts.Immutable = func(vfs.Name) bool { return true }
	}
	c, err := cache.New(r.store, string(cfg.Dir), opts)
	if err != nil {
		return p.cacheError(cfg, err)
	}
	r.cache, r.backend, r.cacheDir = c, c, cfg.Dir
	r.forgetCache = p.metrics.ObserveCache(string(cfg.Dir), opts.Size, c.Stats)
	return nil
}

// A cacheError says that a cache could not be opened; the source could.
type cacheError struct{ *cli.ExitError }

func (e cacheError) Unwrap() error { return e.ExitError }

func (p *pool) cacheError(cfg *config.Cache, err error) error {
	fail := func(code int, format string, args ...any) error {
		return cacheError{&cli.ExitError{Code: code, Line: "--cache: " + fmt.Sprintf(format, args...)}}
	}
	if !errors.Is(err, cache.ErrInUse) {
		return fail(cli.ExitUsage, "%s", strings.TrimPrefix(cli.OneLine(err), "cache: "))
	}
	dir := cli.Printable(string(cfg.Dir))
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.open {
		if r.cache != nil && r.cacheDir == cfg.Dir {
			return fail(cli.ExitFailed, "%s is in use by this server with other settings, or for another source; restart the server to apply the change", dir)
		}
	}
	return fail(cli.ExitFailed, "%s is in use by another process; name a directory of its own", dir)
}

// checkCaches fails if a cache would take a directory with the server's own files: all of a
// cache may be removed at any time.
func checkCaches(cfg *config.Config) error {
	for i := range cfg.Mounts {
		m := &cfg.Mounts[i]
		if m.Cache == nil {
			continue
		}
		fail := func(format string, args ...any) error {
			return withPosition(cfg, fmt.Sprintf("mounts[%d].cache.dir", i), cli.Usagef("--cache: "+format, args...))
		}
		dir := string(m.Cache.Dir)
		if at := acmeAround(cfg, dir); at != "" {
			return fail("%s is inside %s, where the server keeps its certificates; name a directory of its own", cli.Printable(dir), cli.Printable(at))
		}
		for _, file := range ownFilesOf(cfg) {
			rel, err := filepath.Rel(overlap.Resolve(dir), overlap.Resolve(file.Path))
			if err == nil && filepath.IsLocal(rel) {
				return fail("%s contains %s, one of the server's own files, and all of a cache may be removed; name a directory of its own", cli.Printable(dir), cli.Printable(file.Path))
			}
		}
	}
	return nil
}

// announceCache reports where a mount has its cache, and how long it can hide a change.
func (s *service) announceCache(m *mount, where string) {
	c := m.cfg.Cache
	if c == nil {
		return
	}
	fresh := "the source is asked at each request whether the object has changed"
	switch {
	case m.cfg.Uploads != nil:
		fresh = "uploads never change"
	case c.TTL > 0:
		fresh = "a change that another program makes is seen after " + config.ShowDuration(c.TTL)
	}
	if c.Stale > 0 {
		fresh += ", and " + config.ShowDuration(c.Stale) + " later while the source is unavailable"
	}
	size := c.Size.String()
	if m.cfg.Sources != nil {
		size += " for each source on S3"
	}
	s.announce("%scache: up to %s in %s; %s", where, size, cli.Printable(string(c.Dir)), fresh)
}
