package daemon

import (
	"io"
	"sync"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/server/audit"
)

// An accessLog is the destination of the records of requests.
type accessLog struct {
	*audit.Log                // nil if the log is off
	file       *logFile       // nil if it is not a file
	to         io.WriteCloser // nil if it stays open: standard error
	target     config.LogTarget
	refs       int // that write to it
}

// logs are the open access logs: that of the current generation, and those of earlier ones
// that still answer requests.
type logs struct {
	mu   sync.Mutex
	open map[*accessLog]bool
}

// take counts a generation that writes to l.
func (ls *logs) take(l *accessLog) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.open == nil {
		ls.open = map[*accessLog]bool{}
	}
	ls.open[l] = true
	l.refs++
}

// release ends the use of a log by a generation. It reports whether this was the last one;
// the caller then closes the log.
func (ls *logs) release(l *accessLog) (last bool) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l.refs--; l.refs > 0 || !ls.open[l] {
		return false
	}
	delete(ls.open, l)
	return true
}

// close closes all logs, even those in use.
func (ls *logs) close() {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for l := range ls.open {
		delete(ls.open, l)
		l.close()
	}
}

// logFor returns the access log of a configuration: the current one if its target is the
// same. The generation that gets it releases it.
func (s *service) logFor(cfg *config.Config) (*accessLog, error) {
	l := s.log
	if l == nil || l.target != cfg.AccessLog.File {
		var err error
		if l, err = s.openAccessLog(string(cfg.AccessLog.File)); err != nil {
			return nil, err
		}
		l.target = cfg.AccessLog.File
	}
	s.logs.take(l)
	return l, nil
}

// releaseLog ends the use of a log by a generation; the last one closes it.
func (s *service) releaseLog(l *accessLog) {
	if s.logs.release(l) {
		l.close()
		s.lost.Add(l.dropped())
	}
}

// dropped returns how many records all logs have lost.
func (s *service) dropped() uint64 {
	n := s.lost.Load()
	if g := s.current.Load(); g != nil {
		n += g.log.dropped()
	}
	return n
}

// openAccessLog opens the log that a value of --access-log stands for.
func (s *service) openAccessLog(where string) (*accessLog, error) {
	switch where {
	case "off":
		return &accessLog{}, nil
	case "-":
		opts := audit.LogOptions{Text: cli.IsTerminal(s.std.Err)}
		return &accessLog{Log: audit.NewLog(s.std.Err, opts)}, nil
	case "syslog:", "journal:":
		open := openSyslog
		if where == "journal:" {
			open = openJournal
		}
		to, err := open()
		if err != nil {
			return nil, cli.Usagef("%s: cannot open %s: %s", s.env.Origin("access-log"), where, cli.Cause(err))
		}
		return &accessLog{Log: audit.NewLog(to, audit.LogOptions{}), to: to}, nil
	case "":
		return nil, cli.Usagef("%s: write the name of a file, - for standard error, syslog:, journal: or off", s.env.Origin("access-log"))
	}
	file := &logFile{path: where}
	if err := file.reopen(); err != nil {
		return nil, cli.Usagef("%s: cannot write to %s: %s", s.env.Origin("access-log"), cli.Printable(where), cli.Cause(err))
	}
	return &accessLog{Log: audit.NewLog(file, audit.LogOptions{}), file: file, to: file}, nil
}

// reopen opens the log file again by its name, after a program that rotates logs renamed it.
// If that fails, the old file stays in use.
func (l *accessLog) reopen() error {
	if l.file == nil {
		return nil
	}
	if err := l.file.reopen(); err != nil {
		return cli.Failf("cannot write to %s: %s", cli.Printable(l.file.path), cli.Cause(err))
	}
	return nil
}

// dropped returns how many records this log has lost.
func (l *accessLog) dropped() uint64 {
	if l.Log == nil {
		return 0
	}
	return l.Dropped()
}

// close flushes and closes the log. It does not wait long for the reader of a pipe.
func (l *accessLog) close() {
	if l == nil || l.Log == nil {
		return
	}
	within(2*time.Second, func() {
		_ = l.Log.Close()
		if l.to != nil {
			_ = l.to.Close()
		}
	})
}
