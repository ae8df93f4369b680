package daemon

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/review"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/routing"
	"github.com/bailiwick-fs/bailiwick/server"
)

// A generation is one configuration in service: its mounts, users and limits. It is
// immutable. Each request is served by one generation from beginning to end, so no response
// mixes two configurations.
type generation struct {
	cfg     *config.Config
	mounts  []*mount
	handler http.Handler
	hosts   *routing.Hosts
	hsts    []string // Strict-Transport-Security, nil for none
	log     *accessLog
	auth    *authConfig
	shares  *shares // nil for none
	review  *review.Review

	releaseOwn func()      // ends the protection of the server's own files
	held       []*resource // sources and catalogs
	onIdle     func()
	mu         sync.Mutex
	refs       int // requests, and the service itself while it is current
}

// newGeneration returns the generation of cfg. It shares what it opens with earlier
// generations. The caller ends it by leave. On an error, which is a line for the user, it
// holds nothing.
func (s *service) newGeneration(ctx context.Context, cfg *config.Config) (_ *generation, err error) {
	g := &generation{cfg: cfg, refs: 1, hsts: strictTransport(cfg), releaseOwn: holdOwnFiles(s.env, cfg)}
	defer func() {
		if err != nil {
			g.release()
		}
	}()
	if err := CheckOwnFiles(cfg); err != nil {
		return nil, err
	}
	if g.auth, err = s.newAuthConfig(cfg); err != nil {
		return nil, err
	}
	for i := range cfg.Mounts {
		m, err := s.newMount(ctx, g, i)
		if err != nil {
			return nil, err
		}
		g.mounts = append(g.mounts, m)
	}
	if err := s.addShares(ctx, g); err != nil {
		return nil, err
	}
	if err := s.readMark(ctx, g); err != nil {
		return nil, err
	}
	g.review = s.review(ctx, g)
	if ctx.Err() != nil {
		return nil, ctx.Err() // a review that was interrupted says nothing
	}
	if s.strict {
		if err := StrictError(s.env, g.review.Warnings); err != nil {
			return nil, err
		}
	}
	// This comes last, so that a server that cannot start creates no log file.
	if g.log, err = s.logFor(cfg); err != nil {
		return nil, withPosition(cfg, "access_log.file", err)
	}
	g.onIdle = func() { s.releaseLog(g.log) }
	recorder := s.recorder(g.log)
	s.addSignIn(g, recorder)
	s.serveShares(g, recorder)
	h, err := s.router(g, recorder)
	if err != nil {
		return nil, err
	}
	g.hosts = routing.HostsOf(cfg)
	h = s.ownPaths(g, h, recorder)
	h = forHosts(h, g.hosts.Answers, s.unknownHost(recorder))
	proxies, unix := cfg.Proxies()
	limits := server.Limits{
		InFlight:       s.inFlight.of(cfg.Limits.RequestsInFlight),
		PerClient:      s.rates.of(cfg.Limits.RatePerClient),
		TrustedProxies: proxies,
		TrustUnix:      unix,
		Recorder:       recorder,
		Logger:         s.logger,
	}
	// Limit replaces the address of a proxy by the client's, so this sees requests before it.
	g.handler = s.expectProto(g, &limits, server.Limit(h, limits))
	return g, nil
}

// enter counts a request of this generation. It returns false if the generation has ended.
func (g *generation) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.refs == 0 {
		return false
	}
	g.refs++
	return true
}

// leave ends a request, or the time as the current generation. The last one to leave releases
// everything.
func (g *generation) leave() {
	g.mu.Lock()
	g.refs--
	last := g.refs == 0
	g.mu.Unlock()
	if last {
		g.release()
	}
}

func (g *generation) release() {
	// Catalogs follow their sources in held, and their sweepers read the sources.
	for _, r := range slices.Backward(g.held) {
		r.release()
	}
	g.held = nil
	if g.onIdle != nil {
		g.onIdle()
	}
	g.releaseOwn()
}

// probe returns nil if all sources and catalogs of the generation answer.
func (g *generation) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeBudget)
	defer cancel()
	var wg sync.WaitGroup
	errs := make([]error, len(g.held))
	for i, r := range g.held {
		if !slices.Contains(g.held[:i], r) {
			wg.Go(func() { errs[i] = r.probe(ctx) })
		}
	}
	wg.Wait()
	return errors.Join(errs...)
}

// probeBudget is how long a source or catalog may take to answer.
const probeBudget = 2 * time.Second
