package daemon

import (
	"context"
	"io"
	"os"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/tempdir"
)

// Serve runs a server until a signal or ctx ends it. The configuration is that of file, ""
// for none, overridden by given; each SIGHUP reads it again. Mistakes in it are reported on
// standard error, and the error then has the exit code 2. If strict is set, warnings are
// mistakes.
func Serve(ctx context.Context, std cli.Streams, env *cli.Env, file string, given []config.Given, strict bool) error {
	return serve(ctx, std, env, program{file: file, given: given, strict: strict})
}

// A program is what serve runs.
type program struct {
	file   string // the configuration; "" for none
	given  []config.Given
	strict bool
	demo   *Demo // nil but for ServeDemo
}

func serve(ctx context.Context, std cli.Streams, env *cli.Env, p program) error {
	// Whoever reads standard error may go away once the server is ready. The server must
	// not end with the first record that it writes after that.
	cli.IgnoreBrokenPipes()
	sig := catchSignals()
	temp, noTemp := tempdir.Make()
	defer temp.Remove() // what is left, the next start removes
	if p.demo != nil {
		remove, err := p.demo.configure(temp, &p)
		if err != nil {
			return err
		}
		defer remove()
	}
	// A source or a catalog may not answer for long, and a disk may not answer at all.
	starting, interrupt := context.WithCancel(ctx)
	defer interrupt()
	prepared := make(chan preparation, 1)
	go func() { prepared <- prepare(starting, std, env, &p, temp, noTemp) }()
	var ready preparation
	select {
	case ready = <-prepared:
	case <-sig.end:
		interrupt()
		select {
		case ready = <-prepared:
		case <-sig.end:
		}
	}
	s := ready.service
	if s != nil {
		defer s.close()
	}
	switch {
	case starting.Err() != nil:
		std.Say("the start was interrupted")
		return nil
	case ready.err != nil:
		return ready.err
	}
	s.std = std
	s.start()
	if p.demo != nil {
		p.demo.Started("http://" + s.sockets[0].Addr().String())
	}
	return s.run(ctx, sig)
}

// A preparation is a service that can start, or the error that ends the command.
type preparation struct {
	service *service
	err     error
}

// prepare makes a service, announces it and confines the process to what it needs. It may end
// long after ctx: not every system call can be interrupted.
func prepare(ctx context.Context, std cli.Streams, env *cli.Env, p *program, temp *tempdir.Dir, noTemp error) preparation {
	s, err := newService(ctx, std, env, func(fits func(*config.Config) error) (*config.Config, error) {
		return readConfig(p.file, p.given, fits)
	}, p.strict)
	switch {
	case err != nil && ctx.Err() != nil:
		return preparation{err: err} // which is the interruption
	case err != nil:
		return preparation{err: std.ConfigError(err)}
	}
	s.temp = temp
	if p.demo != nil {
		s.std.Err = io.Discard // Started says what there is
		if err := p.demo.fill(ctx, s.current.Load()); err != nil {
			return preparation{s, err}
		}
	}
	if noTemp != nil {
		s.announce("temporary directory: none, it cannot be made in %s: %s", cli.Printable(os.TempDir()), cli.Cause(noTemp))
	}
	g := s.current.Load()
	s.announceExposure()
	s.announceNotes(g)
	s.announceSources(ctx, g)
	s.announceClock(ctx, g)
	s.announceRights(g)
	return preparation{s, s.confine(g, p.file)}
}

// readConfig returns the configuration of a file, "" for none, overridden by what was given
// otherwise. It calls fits before it opens the files that the configuration names. An error
// may be config.Errors.
func readConfig(file string, given []config.Given, fits func(*config.Config) error) (*config.Config, error) {
	var cfg *config.Config
	var err error
	if file == "" {
		cfg, err = config.New(given...)
	} else {
		cfg, err = config.Load(file, given...)
	}
	if err == nil {
		err = fits(cfg)
	}
	if err == nil {
		err = cfg.Check()
	}
	if err != nil {
		return nil, err
	}
	return cfg, nil
}
