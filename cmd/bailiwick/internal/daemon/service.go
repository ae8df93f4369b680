package daemon

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/metrics"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/sandbox"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/systemd"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/tempdir"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/auth/links"
)

// A service is a running server: the current generation, and what outlives it.
type service struct {
	std     cli.Streams
	env     *cli.Env
	load    loader
	strict  bool // warnings about the configuration are errors
	logger  *slog.Logger
	pool    *pool
	metrics *metrics.Metrics // nil without an admin listener
	notify  systemd.Notifier

	shareState shareState
	linkUses   links.Memory
	linkClock  links.Clock // for links and sessions
	inFlight   slots       // of requests
	arriving   slots       // of bodies that are stored
	requested  slots       // of those of file requests
	archives   slots       // of archives that are sent
	rates      rates       // of clients

	current  atomic.Pointer[generation]
	logs     logs
	lost     atomic.Uint64 // records that earlier logs dropped
	log      *accessLog    // of the current site
	temp     *tempdir.Dir  // of the process
	domain   sandbox.Paths // what Landlock leaves open, if confined
	confined bool

	requests  inFlight        // that are being answered
	base      context.Context // of all requests
	cancel    context.CancelCauseFunc
	grace     time.Duration // how long handlers may take to return after their requests were cut
	ready     atomic.Bool
	ended     atomic.Bool // the unfinished requests have been recorded
	transport *transport  // nil without TLS
	server    *http.Server
	sockets   []net.Listener
	admin     *http.Server
	adminAt   net.Listener
	broken    chan error // a listener failed
}

// A loader reads the configuration. It calls fits with it, before it opens any file that the
// configuration names, and returns the error of fits.
type loader func(fits func(*config.Config) error) (*config.Config, error)

// newService acquires everything that serving needs; on an error it holds nothing. It calls
// load now, and again for each reload.
func newService(ctx context.Context, std cli.Streams, env *cli.Env, load loader, strict bool) (_ *service, err error) {
	s := &service{std: std, env: env, load: load, strict: strict, broken: make(chan error, 1), notify: systemd.NewNotifier(env.Variable), grace: handlerGrace}
	s.base, s.cancel = context.WithCancelCause(context.Background())
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	s.logger = slog.New(slog.NewTextHandler(std.Err, nil))
	s.pool = newPool(std, env, s.logger)
	cfg, err := load(func(*config.Config) error { return nil })
	if err != nil {
		return nil, err
	}
	if cfg.Admin != "" {
		s.metrics = metrics.New(s.dropped, s.requests.len)
		s.pool.metrics = s.metrics
	}
	if s.transport, err = newTransport(cfg); err != nil {
		return nil, err
	}
	if s.sockets, err = systemd.Listeners(env.Variable); err != nil {
		return nil, cli.Failf("%s", cli.OneLine(err))
	}
	g, err := s.newGeneration(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s.use(g)
	if err := s.listen(ctx, cfg); err != nil {
		return nil, err
	}
	s.server = newServer(http.HandlerFunc(s.serve), cfg.Limits, std.Err)
	s.server.BaseContext = s.withListener
	s.server.ConnContext = server.ConnContext
	return s, nil
}

// newServer returns a server that bounds what a client can make it hold: otherwise opening
// connections and sending a byte now and then would cost the client nothing. A body may take
// as long as the slowest allowed rate needs.
func newServer(h http.Handler, limits config.Limits, stderr io.Writer) *http.Server {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: limits.HeaderTimeout,
		IdleTimeout:       limits.IdleTimeout,
		MaxHeaderBytes:    int(limits.HeaderSize),
		ErrorLog:          log.New(stderr, "bailiwick: ", 0),
		// net/http would answer "OPTIONS *" itself, without a record.
		DisableGeneralOptionsHandler: true,
	}
	if limits.MinimumRate > 0 {
		// The handlers extend this deadline as long as a body keeps its rate.
		srv.WriteTimeout = time.Minute
	}
	if srv.ReadHeaderTimeout == 0 {
		srv.ReadHeaderTimeout = 10 * time.Second
	}
	if srv.IdleTimeout == 0 {
		srv.IdleTimeout = 2 * time.Minute
	}
	if srv.MaxHeaderBytes == 0 {
		srv.MaxHeaderBytes = 16 << 10
	}
	return srv
}

// use makes g the current generation.
func (s *service) use(g *generation) {
	if s.transport != nil {
		s.transport.authority.Store(g.auth.authority)
	}
	s.log = g.log
	s.linkClock.Keep(s.markOf(g))
	if old := s.current.Swap(g); old != nil {
		old.leave()
	}
}

// enter returns the current generation, which the caller leaves; nil after the end.
func (s *service) enter() *generation {
	for {
		// A generation that ended in between has a successor.
		if g := s.current.Load(); g == nil || g.enter() {
			return g
		}
	}
}

// serve passes the request to the generation that is current on its arrival. A reload does
// not affect running requests.
func (s *service) serve(w http.ResponseWriter, r *http.Request) {
	g := s.enter()
	if g == nil {
		panic(http.ErrAbortHandler) // the server has ended
	}
	entry := s.requests.enter(r, g)
	if entry == nil {
		g.leave()
		panic(http.ErrAbortHandler)
	}
	// Whoever waits for the request may close the log after it has left.
	defer s.requests.leave(entry)
	defer g.leave()
	// Browsers ignore it over plain HTTP, where anyone on the path could set it.
	if g.hsts != nil && r.TLS != nil {
		w.Header()["Strict-Transport-Security"] = g.hsts
	}
	g.handler.ServeHTTP(w, r)
}

// start begins to serve and announces the listeners in its last lines.
func (s *service) start() {
	scheme := "http"
	if s.transport != nil {
		scheme = "https"
		s.server.TLSConfig = s.transport.config()
	}
	if s.admin != nil {
		go s.serveOn(func() error { return s.admin.Serve(s.adminAt) })
		s.announce("admin listening on http://%s", s.adminAt.Addr())
	}
	s.ready.Store(true)
	for _, l := range s.sockets {
		go s.serveOn(func() error {
			if s.transport != nil {
				return s.server.ServeTLS(l, "", "")
			}
			return s.server.Serve(l)
		})
	}
	for _, l := range s.sockets {
		s.announce("listening on %s://%s", scheme, l.Addr())
	}
	s.notifyManager(s.notify.Ready("serving"))
}

func (s *service) serveOn(serve func() error) {
	if err := serve(); !errors.Is(err, http.ErrServerClosed) {
		select {
		case s.broken <- err:
		default:
		}
	}
}

// notifyManager logs a failure to notify the service manager. The server goes on.
func (s *service) notifyManager(err error) {
	if err != nil {
		s.logger.Error("cannot notify the service manager", "error", err)
	}
}

// close releases what the service holds, even if it was only partly started.
func (s *service) close() {
	for _, l := range s.sockets {
		l.Close()
	}
	if s.admin != nil {
		s.admin.Close()
	}
	if s.adminAt != nil {
		s.adminAt.Close()
	}
	if g := s.current.Swap(nil); g != nil {
		g.leave()
	}
	// A handler that does not return keeps its generation, and with it the log.
	s.logs.close()
	s.cancel(nil)
}
