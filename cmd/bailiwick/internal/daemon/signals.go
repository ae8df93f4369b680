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

// signals are the signals of a server. Each kind has its own channel: a full channel drops
// signals, and any number of SIGHUPs must not displace a SIGTERM.
type signals struct{ reload, end, crash chan os.Signal }

// catchSignals catches the signals from now on, for the lifetime of the process: a signal
// between the end of the service and that of the process has nothing to interrupt, and must
// not make a failure of it.
func catchSignals() signals {
	s := signals{make(chan os.Signal, 1), make(chan os.Signal, 2), make(chan os.Signal, 1)}
	signal.Notify(s.reload, syscall.SIGHUP)
	signal.Notify(s.end, os.Interrupt, syscall.SIGTERM)
	return s
}

// run serves until a signal, ctx or a failure ends it. A reload may take long, for example to
// reach a source, and does not keep signals waiting: at the end it is interrupted.
func (s *service) run(ctx context.Context, sig signals) error {
	// From here on there are requests to record. Until now, a start that hung would show its
	// goroutines.
	signal.Notify(sig.crash, syscall.SIGQUIT, syscall.SIGABRT)
	ctx, interrupt := context.WithCancel(ctx)
	defer interrupt()
	// One reload at a time: while one runs, its channel is in reloaded, and reload is nil.
	reload, reloaded := sig.reload, chan struct{}(nil)
	for {
		select {
		case <-sig.end:
			interrupt()
			return s.drain(sig, reloaded)
		case crash := <-sig.crash:
			return s.crash(crash)
		case <-reload:
			done := make(chan struct{})
			reload, reloaded = nil, done
			go func() {
				defer close(done)
				s.reload(ctx)
			}()
		case <-reloaded:
			reload, reloaded = sig.reload, nil
		case <-ctx.Done():
			return s.drain(sig, reloaded)
		case err := <-s.broken:
			interrupt()
			_ = s.drain(sig, reloaded)
			return cli.Failf("the server stopped: %s", cli.Cause(err))
		}
	}
}

// drain accepts no more connections and lets running transfers finish within the configured
// time. Another signal cuts them at once. That is a failure only if there were any: process
// groups often get a signal twice. reloaded is nil, or closed at the end of a reload that was
// interrupted; drain waits a moment for it, since it may hang in a system call.
func (s *service) drain(sig signals, reloaded <-chan struct{}) error {
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
			s.announce("bailiwick: transfers still running after %s were cut; to allow more time, raise %s", limit, s.env.Origin("drain"))
		}
	case <-sig.end:
		if s.cut() == 0 {
			return nil
		}
		s.announce("bailiwick: stopped at once; running transfers were cut")
		return cli.ErrReported
	case crash := <-sig.crash:
		return s.crash(crash)
	}
	if reloaded == nil {
		return nil
	}
	select {
	case <-reloaded:
	case <-sig.end:
	case <-time.After(s.grace):
	case crash := <-sig.crash:
		return s.crash(crash)
	}
	return nil
}

// handlerGrace is how long handlers may take to return after their requests were cut. One may
// wait for a disk.
const handlerGrace = 5 * time.Second

// cut ends all requests, waits until their handlers have returned and thereby recorded them,
// and records those whose handlers do not return. It returns how many requests there were.
func (s *service) cut() int64 {
	running := s.requests.len()
	s.cancel(server.ErrShutdown)
	s.server.Close()
	s.requests.wait(s.grace)
	s.recordUnfinished()
	return running
}

// recordUnfinished admits no more requests and records those that are being answered.
func (s *service) recordUnfinished() {
	s.ended.Store(true)
	for _, r := range s.requests.close() {
		s.recorders(r.generation.log).Record(server.Unfinished(r.Request, r.began))
	}
}

// crash ends the process by a signal that makes it print its goroutines. It records the
// requests first and leaves everything else as it is.
func (s *service) crash(sig os.Signal) error {
	s.recordUnfinished()
	s.logs.close()
	signal.Reset(sig)
	if self, err := os.FindProcess(os.Getpid()); err == nil && self.Signal(sig) == nil {
		select {}
	}
	return &cli.ExitError{Code: 2}
}
