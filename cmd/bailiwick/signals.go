package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/server"
)

// signals are those that a server knows. Each kind has a channel of its own: what
// does not fit is dropped, and a SIGTERM must not be, behind however many SIGHUPs.
type signals struct{ reload, end, crash chan os.Signal }

// catchSignals lets them arrive in channels from here on, for as long as the process
// runs: one that comes between the end of the service and that of the process has
// nothing to cut, and must not make a failure of it.
func catchSignals() signals {
	s := signals{make(chan os.Signal, 1), make(chan os.Signal, 2), make(chan os.Signal, 1)}
	signal.Notify(s.reload, syscall.SIGHUP)
	signal.Notify(s.end, os.Interrupt, syscall.SIGTERM)
	return s
}

// run serves until a signal, ctx or a failure ends it.
func (s *service) run(ctx context.Context, sig signals) error {
	// Before this there are no requests to record, and a start that hangs shows where.
	signal.Notify(sig.crash, syscall.SIGQUIT, syscall.SIGABRT)
	for {
		select {
		case <-sig.end:
			return s.drain(sig)
		case crash := <-sig.crash:
			return s.crash(crash)
		case <-sig.reload:
			s.reload(ctx)
		case <-ctx.Done():
			return s.drain(sig)
		case err := <-s.broken:
			_ = s.drain(sig)
			return cli.Failf("the server ended: %s", cli.Cause(err))
		}
	}
}

// drain takes no more connections and lets running transfers finish, as long as the
// configuration says. Another signal ends it at once, which is a failure only if
// there was something to cut: process groups are often told twice.
func (s *service) drain(sig signals) error {
	s.ready.Store(false)
	s.tellManager(s.notify.Stopping())
	limit := s.current.Load().cfg.Drain
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.server.Shutdown(ctx) }()
	select {
	case err := <-done:
		if s.cut() > 0 && errors.Is(err, context.DeadlineExceeded) {
			s.tell("bailiwick: transfers that still ran after %s were cut; %s gives them longer", limit, s.env.Origin("drain"))
		}
		return nil
	case <-sig.end:
		if s.cut() == 0 {
			return nil
		}
		s.tell("bailiwick: ended at once, running transfers were cut")
		return cli.ErrReported
	case crash := <-sig.crash:
		return s.crash(crash)
	}
}

// handlerGrace is how long handlers may take to return whose requests were cut. One may
// wait for a disk.
const handlerGrace = 5 * time.Second

// cut ends all requests, waits until their handlers have returned and so recorded them,
// and records those whose handlers do not. It returns how many were being answered.
func (s *service) cut() int64 {
	running := s.requests.len()
	s.cancel(server.ErrShutdown)
	s.server.Close()
	s.requests.wait(s.grace)
	s.recordUnfinished()
	return running
}

// recordUnfinished lets no more requests in and records those that are being answered.
func (s *service) recordUnfinished() {
	s.ended.Store(true)
	for _, r := range s.requests.close() {
		s.recorders(r.site.log).Record(server.Unfinished(r.Request, r.began))
	}
}

// crash ends the process by a signal that asks for the state of its goroutines, which
// it leaves as they are, but for the records of requests.
func (s *service) crash(sig os.Signal) error {
	s.recordUnfinished()
	s.logs.close()
	signal.Reset(sig)
	if self, err := os.FindProcess(os.Getpid()); err == nil && self.Signal(sig) == nil {
		select {}
	}
	return &cli.ExitError{Code: 2}
}

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

// tell writes a line to standard error, but waits only so long for it: if nobody
// reads the other end of a pipe, the server must still serve, reload and end.
func (s *service) tell(format string, args ...any) {
	within(time.Second, func() { s.std.Say(format, args...) })
}

// within calls f and returns when it is done or the time is over.
func within(d time.Duration, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(d):
	}
}
