package daemon

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
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
	s.notifyManager(s.notify.Stopping())
	limit := s.current.Load().cfg.Drain
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.server.Shutdown(ctx) }()
	select {
	case err := <-done:
		if s.cut() > 0 && errors.Is(err, context.DeadlineExceeded) {
			s.announce("bailiwick: transfers that still ran after %s were cut; %s gives them longer", limit, s.env.Origin("drain"))
		}
		return nil
	case <-sig.end:
		if s.cut() == 0 {
			return nil
		}
		s.announce("bailiwick: ended at once, running transfers were cut")
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
		s.recorders(r.generation.log).Record(server.Unfinished(r.Request, r.began))
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
