package daemon

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
)

// reload reads the configuration again, replaces the current generation and reopens the
// access log. If one of these fails, or ctx ends, nothing changes.
func (s *service) reload(ctx context.Context) {
	s.notifyManager(s.notify.Reloading())
	err := s.replace(ctx)
	if err != nil && ctx.Err() != nil {
		s.announce("reload interrupted: the server stops")
		return
	}
	s.metrics.Reload(err)
	if err != nil {
		s.announce("reload refused, the previous configuration stays in use: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	} else {
		s.announce("reloaded: configuration and rules read again, access log reopened")
		s.announceExposure()
		s.announceSources(ctx, s.current.Load())
		s.announceClock(ctx, s.current.Load())
		s.announceRights(s.current.Load())
	}
	if ctx.Err() != nil {
		return // the manager was told that the service stops
	}
	s.notifyManager(s.notify.Ready("serving"))
}

func (s *service) replace(ctx context.Context) error {
	old := s.current.Load()
	cfg, err := s.load(func(cfg *config.Config) error {
		if err := checkFixed(old.cfg, cfg); err != nil {
			return err
		}
		cfg.Replaces(old.cfg)
		return s.checkConfined(cfg)
	})
	if err != nil {
		return err
	}
	var cert certificateSwap
	if err := cert.load(s.transport, cfg.TLS); err != nil {
		return err
	}
	g, err := s.newGeneration(ctx, cfg)
	if err != nil {
		return err
	}
	if why := g.renewal(); s.confined && why != "" {
		g.leave()
		return cli.Failf("Landlock was turned on at the start, and %s; restart the server", why)
	}
	if g.log == old.log {
		if err := g.log.reopen(); err != nil {
			g.leave()
			return err
		}
	}
	cert.use()
	s.use(g)
	return nil
}

// checkFixed returns an error if a value has changed that only a restart can change.
func checkFixed(old, cfg *config.Config) error {
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
		changed = "a connection limit"
	default:
		return nil
	}
	return cli.Failf("%s has changed; restart the server to apply it", changed)
}
