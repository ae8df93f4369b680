package main

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// scanBudget is how long a start may be held up to count what is exposed.
const scanBudget = time.Second

// A service is a server with all that it holds: source, log and listeners.
type service struct {
	app     *app
	flags   *serveFlags
	source  *backends.Source
	jail    *vfs.Jail // of the current rules
	intake  server.Intake
	uploads *uploads // nil unless it takes any
	log     *accessLog
	metrics *metrics // nil without an admin listener
	logger  *slog.Logger

	current atomic.Pointer[http.Handler]
	running atomic.Int64 // requests that are being answered
	ready   atomic.Bool
	server  *http.Server
	sockets []net.Listener
	admin   *http.Server
	adminAt net.Listener
	broken  chan error // a listener failed
}

// newService gets everything that serving needs, or fails and holds nothing.
func (a *app) newService(ctx context.Context, source string, f *serveFlags) (_ *service, err error) {
	s := &service{app: a, flags: f, broken: make(chan error, 1)}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	s.logger = slog.New(slog.NewTextHandler(a.stderr, nil))
	if s.intake, err = a.intake(&f.intake); err != nil {
		return nil, err
	}
	if bool(f.uploads.on) {
		err = s.openUploads(ctx, source)
	} else {
		s.source, s.jail, err = a.openWith(ctx, source, &f.rules, true, backends.Options{Writable: bool(f.write)})
	}
	if err != nil {
		return nil, err
	}
	if f.precomp && s.source.Caps().Kind == "s3" {
		return nil, usagef("%s would ask S3 for NAME.br, NAME.zst and NAME.gz before each NAME; leave it out", a.origin("precompressed"))
	}
	if bool(f.write) && !s.source.Caps().Writable {
		return nil, usagef("%s: this source cannot be written to", a.origin("write"))
	}
	if s.log, err = a.openAccessLog(f.accessLog); err != nil {
		return nil, err
	}
	if f.admin != "" {
		s.metrics = newMetrics(s.log.dropped, s.running.Load)
		if s.adminAt, err = listen(ctx, "admin", f.admin); err != nil {
			return nil, err
		}
		s.admin = newServer(s.adminHandler(), a.stderr)
	}
	for _, addr := range f.listen {
		l, err := listen(ctx, "listen", addr)
		if err != nil {
			return nil, err
		}
		s.sockets = append(s.sockets, l)
	}
	s.use(s.jail)
	s.server = newServer(s, a.stderr)
	return s, nil
}

// newServer returns a server with bounds on what a client can make it hold:
// without them, opening connections and sending a byte now and then costs the
// client nothing. A transfer itself may take as long as it takes.
func newServer(h http.Handler, stderr io.Writer) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          log.New(stderr, "bailiwick: ", 0),
		// net/http would answer "OPTIONS *" itself, and leave no record of it.
		DisableGeneralOptionsHandler: true,
	}
}

// newJail reads the rules again.
func (s *service) newJail() (*vfs.Jail, error) {
	if s.uploads != nil {
		return s.uploads.jail, nil
	}
	p, err := s.app.policy(&s.flags.rules)
	if err != nil {
		return nil, err
	}
	return vfs.New(s.source, p)
}

// use makes jail the one that requests meet from now on.
func (s *service) use(jail *vfs.Jail) {
	cfg := server.Config{
		List:     bool(s.flags.list),
		NoIndex:  bool(s.flags.noIndex),
		MaxAge:   time.Duration(s.flags.maxAge),
		Write:    bool(s.flags.write),
		Intake:   s.intake,
		Sidecars: bool(s.flags.precomp),
		Recorder: s.recorder(),
		Logger:   s.logger,
	}
	switch s.flags.content.value {
	case "trusted":
		cfg.Content = server.ContentTrusted
	case "untrusted":
		cfg.Content = server.ContentUntrusted
	}
	h := server.New(jail, cfg)
	if s.uploads != nil {
		h = s.uploadHandler(jail)
	}
	s.jail = jail
	s.current.Store(&h)
}

// recorder returns what gets a record of every request, nil if nothing does.
func (s *service) recorder() server.Recorder {
	var all recorders
	if s.log.Log != nil {
		all = append(all, s.log.Log)
	}
	if s.metrics != nil {
		all = append(all, s.metrics)
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return all
}

// recorders hand each record on to all of them.
type recorders []server.Recorder

// Record implements server.Recorder.
func (rs recorders) Record(a *server.Attempt) {
	for _, r := range rs {
		r.Record(a)
	}
}

// start begins to serve and says so: the last lines are those of the listeners.
func (s *service) start() {
	for _, note := range s.source.Notes {
		s.app.say("%s", note)
	}
	if s.admin != nil {
		go s.serveOn(s.admin, s.adminAt)
		s.app.say("admin listening on http://%s", s.adminAt.Addr())
	}
	s.ready.Store(true)
	for _, l := range s.sockets {
		go s.serveOn(s.server, l)
	}
	for _, l := range s.sockets {
		s.app.say("listening on http://%s", l.Addr())
	}
}

func (s *service) serveOn(srv *http.Server, l net.Listener) {
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		select {
		case s.broken <- err:
		default:
		}
	}
}

// tellExposure says what the current rules let through, if that can be found out
// soon.
func (s *service) tellExposure(ctx context.Context) {
	if s.uploads != nil {
		s.tellUploads()
		return
	}
	ctx, cancel := context.WithTimeout(ctx, scanBudget)
	defer cancel()
	var sum exposure
	for finding, err := range s.jail.Scan(ctx) {
		if err != nil {
			why := "the source could not be read to its end"
			if ctx.Err() != nil {
				why = "the source is too large for a quick look"
			}
			s.tell("exposed: not counted, %s; to count: bailiwick scan SOURCE with the same rules", why)
			return
		}
		sum.add(finding)
	}
	if !isTerminal(s.app.stderr) {
		s.tell("%s", sum.String())
		return
	}
	for _, line := range sum.explained() {
		s.tell("%s", line)
	}
}

// tellWrites says what clients can change, if anything, and whose content that is
// taken for.
func (s *service) tellWrites() {
	if !s.flags.write {
		return
	}
	s.tell("clients can write: PUT and DELETE of every name that the rules let through; files up to %s, types %s", &s.flags.intake.max, s.intake.Types)
	if s.flags.content.value == "trusted" {
		s.tell("content: trusted, so a page that a client puts runs as this site's own in every visitor's browser; --content untrusted prevents that")
		return
	}
	s.tell("content: untrusted, pages and other active content are downloaded and not shown")
}

// close gives back what the service holds, however far it came.
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
	s.log.close()
	if s.uploads != nil {
		s.uploads.close()
	}
	if s.source != nil {
		s.source.Close()
	}
}

// listen opens a listener, or says what to do instead.
func listen(ctx context.Context, flag, addr string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", addr)
	var unknown *net.DNSError
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, failf("%s is in use by another program; choose another address with --%s, or port 0 for a free one", addr, flag)
	case errors.Is(err, os.ErrPermission):
		return nil, failf("%s needs more rights than this user has; choose a port above 1023 with --%s", addr, flag)
	case errors.As(err, &unknown):
		return nil, usagef("--%s: there is no host %s; write an IP address of this machine", flag, printable(unknown.Name))
	}
	return nil, failf("cannot listen on %s: %s; choose another address with --%s", addr, cause(err), flag)
}

// isTerminal reports whether a person looks at w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
