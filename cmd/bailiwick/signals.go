package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// catchSignals makes the signals that a server knows arrive in a channel.
func catchSignals() chan os.Signal {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	return signals
}

// run serves until a signal, ctx or a failure ends it.
func (s *service) run(ctx context.Context, signals <-chan os.Signal) error {
	for {
		select {
		case sig := <-signals:
			if sig != syscall.SIGHUP {
				return s.drain(signals)
			}
			s.reload(ctx)
		case <-ctx.Done():
			return s.drain(signals)
		case err := <-s.broken:
			_ = s.drain(signals)
			return failf("the server ended: %s", cause(err))
		}
	}
}

// drain takes no more connections and lets running transfers finish, as long as
// --drain says. Another signal ends it at once, which is a failure only if there
// was something to cut: process groups are often told twice.
func (s *service) drain(signals <-chan os.Signal) error {
	s.ready.Store(false)
	limit := time.Duration(s.flags.drain)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.server.Shutdown(ctx) }()
	for {
		select {
		case err := <-done:
			if errors.Is(err, context.DeadlineExceeded) && s.cut() > 0 {
				s.tell("bailiwick: transfers that still ran after %s were cut; --drain gives them longer", limit)
			}
			return nil
		case sig := <-signals:
			if sig == syscall.SIGHUP {
				continue
			}
			if s.cut() == 0 {
				return nil
			}
			s.tell("bailiwick: ended at once, running transfers were cut")
			return errSaid
		}
	}
}

// cut closes all connections and returns how many requests were being answered.
func (s *service) cut() int64 {
	running := s.running.Load()
	s.server.Close()
	return running
}

// reload puts newly read rules in the place of the old ones and reopens the
// access log: both, or neither.
func (s *service) reload(ctx context.Context) {
	jail, err := s.newJail()
	if err == nil {
		err = s.log.reopen()
	}
	if err != nil {
		s.tell("reload refused, all stays as it was: %s", err)
		return
	}
	s.use(jail)
	s.tell("reloaded: rules read again, access log reopened")
	s.tellExposure(ctx)
}

// tell writes a line to standard error, but waits only so long for it: if nobody
// reads the other end of a pipe, the server must still serve, reload and end.
func (s *service) tell(format string, args ...any) {
	within(time.Second, func() { s.app.say(format, args...) })
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

// ServeHTTP hands the request to the handler that is current when it comes. A
// reload does not touch the requests that are running.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.running.Add(1)
	defer s.running.Add(-1)
	(*s.current.Load()).ServeHTTP(w, r)
}
