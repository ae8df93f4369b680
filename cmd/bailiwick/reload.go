package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

// reload puts a newly read configuration in the place of the old one and reopens the
// access log: both, or neither.
func (s *service) reload(ctx context.Context) {
	s.tellManager(s.notify.Reloading())
	err := s.replace(ctx)
	s.metrics.Reload(err)
	if err != nil {
		s.tell("reload refused, all stays as it was: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	} else {
		s.tell("reloaded: configuration and rules read again, access log reopened")
		s.tellExposure(ctx)
		s.tellSources(ctx, s.current.Load())
		s.tellClock(ctx, s.current.Load())
		s.tellRights(s.current.Load())
	}
	s.tellManager(s.notify.Ready("serving"))
}

func (s *service) replace(ctx context.Context) error {
	old := s.current.Load()
	cfg, err := s.load(func(cfg *config.Config) error {
		if err := fixed(old.cfg, cfg); err != nil {
			return err
		}
		cfg.Replaces(old.cfg)
		return s.fits(cfg)
	})
	if err != nil {
		return err
	}
	var cert certificateSwap
	if err := cert.load(s.transport, cfg.TLS); err != nil {
		return err
	}
	t, err := s.newSite(ctx, cfg)
	if err != nil {
		return err
	}
	if t.log == old.log {
		if err := t.log.reopen(); err != nil {
			t.leave()
			return err
		}
	}
	cert.use()
	s.use(t)
	return nil
}

// fixed returns an error if what only a restart can change differs.
func fixed(old, cfg *config.Config) error {
	changed := ""
	switch {
	case !slices.Equal(old.Listen, cfg.Listen):
		changed = "listen"
	case old.Admin != cfg.Admin:
		changed = "admin"
	case (old.TLS == nil) != (cfg.TLS == nil), cfg.TLS != nil && (old.TLS.ACME == nil) != (cfg.TLS.ACME == nil),
		cfg.TLS != nil && cfg.TLS.ACME != nil && fmt.Sprint(*old.TLS.ACME) != fmt.Sprint(*cfg.TLS.ACME):
		changed = "tls"
	case old.Landlock != cfg.Landlock:
		changed = "landlock"
	case old.Limits.Connections != cfg.Limits.Connections, old.Limits.HeaderSize != cfg.Limits.HeaderSize,
		old.Limits.HeaderTimeout != cfg.Limits.HeaderTimeout, old.Limits.IdleTimeout != cfg.Limits.IdleTimeout,
		(old.Limits.MinimumRate == 0) != (cfg.Limits.MinimumRate == 0):
		changed = "a limit of connections"
	default:
		return nil
	}
	return cli.Failf("%s has changed, and that takes a restart", changed)
}
