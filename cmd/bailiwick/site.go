package main

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/routing"
	"github.com/bailiwick-fs/bailiwick/server"
)

// A site is what one configuration means: mounts, users and limits. It does not
// change. Each request meets one site from its beginning to its end, so that none is
// answered by half of a new configuration.
type site struct {
	cfg     *config.Config
	mounts  []*mount
	handler http.Handler
	hosts   *routing.Hosts
	hsts    []string // Strict-Transport-Security, nil for none
	log     *accessLog
	who     *people

	disown func()      // ends that the server's own files are out of reach
	held   []*resource // sources and catalogs
	onIdle func()
	mu     sync.Mutex
	users  int // requests, and the service itself while it is current
}

// newSite makes the site of cfg. What it opens is shared with the sites before it;
// the caller retires it. It fails with a line for the user, and holds nothing then.
func (s *service) newSite(ctx context.Context, cfg *config.Config) (_ *site, err error) {
	t := &site{cfg: cfg, users: 1, hsts: strictTransport(cfg), disown: holdOwn(s.env, cfg)}
	defer func() {
		if err != nil {
			t.giveBack()
		}
	}()
	if err := refuseOwn(cfg); err != nil {
		return nil, err
	}
	if t.who, err = s.newPeople(cfg); err != nil {
		return nil, err
	}
	for i := range cfg.Mounts {
		m, err := s.newMount(ctx, t, i)
		if err != nil {
			return nil, err
		}
		t.mounts = append(t.mounts, m)
	}
	if err := s.readMark(ctx, t); err != nil {
		return nil, err
	}
	// A server that cannot start leaves no file behind, so this comes last.
	if t.log, err = s.logFor(cfg); err != nil {
		return nil, located(cfg, "access_log.file", err)
	}
	t.onIdle = func() { s.releaseLog(t.log) }
	recorder := s.recorder(t.log)
	h, err := s.router(t, recorder)
	if err != nil {
		return nil, err
	}
	t.hosts = routing.HostsOf(cfg)
	h = forHosts(h, t.hosts.Answers, s.foreign(recorder))
	t.handler = server.Limit(h, server.Limits{
		InFlight:       s.inFlight.of(cfg.Limits.RequestsInFlight),
		PerClient:      s.rates.of(cfg.Limits.RatePerClient),
		TrustedProxies: cfg.TrustedProxies,
		Recorder:       recorder,
		Logger:         s.logger,
	})
	return t, nil
}

// enter lets a request in, unless the site is gone.
func (t *site) enter() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.users == 0 {
		return false
	}
	t.users++
	return true
}

// leave ends a request, or the time in which the site is the current one. The last
// one out closes what the site held.
func (t *site) leave() {
	t.mu.Lock()
	t.users--
	last := t.users == 0
	t.mu.Unlock()
	if last {
		t.giveBack()
	}
}

func (t *site) giveBack() {
	// A catalog comes behind the source of its objects, which its sweeper reads.
	for _, r := range slices.Backward(t.held) {
		r.release()
	}
	t.held = nil
	if t.onIdle != nil {
		t.onIdle()
	}
	t.disown()
}

// probe returns nil if everything that the site needs answers.
func (t *site) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeBudget)
	defer cancel()
	var wg sync.WaitGroup
	errs := make([]error, len(t.held))
	for i, r := range t.held {
		wg.Go(func() { errs[i] = r.probe(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// probeBudget is how long a source or catalog may take to say that it is there.
const probeBudget = 2 * time.Second
