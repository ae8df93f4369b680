// Package pgserver runs a real PostgreSQL server, on a temporary directory of its
// own, for tests. Only tests may import it.
package pgserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// RequireVariable is the environment variable that, set to "1", makes a test
// fail where it would be skipped for want of the server.
const RequireVariable = "BAILIWICK_REQUIRE_SERVERS"

// superuser is who every connection is of.
const superuser = "bailiwick"

// A Server is a PostgreSQL server. Its methods but URL and Database are for one
// goroutine at a time.
type Server struct {
	Password string // of its superuser; no other connection is let in
	Port     string

	bin       string // directory of its programs
	data      string
	settings  []string
	process   *process
	databases atomic.Int64
}

// Start starts a server of t's own and stops it when t ends. It is fast rather
// than safe: fsync is off, unless settings, which are PostgreSQL's own in the form
// "name=value", have "fsync=on". Where there is no server to start, it skips t and
// says what to install, or fails it, see RequireVariable.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	bin, err := find()
	if err != nil {
		if os.Getenv(RequireVariable) == "1" {
			t.Fatalf("no PostgreSQL server: %v", err)
		}
		t.Skipf("no PostgreSQL server: %v", err)
	}
	s := &Server{
		Password: rand.Text(),
		bin:      bin,
		settings: slices.Concat([]string{"fsync=off"}, settings),
	}
	// No t.TempDir: another user than root runs the server, and has to reach it.
	dir, err := os.MkdirTemp("", "pgserver")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	s.data = filepath.Join(dir, "data")
	if err := s.create(t.Context(), dir); err != nil {
		t.Fatalf("making a PostgreSQL server: %v", err)
	}
	// Somebody else may take the port between the choice and the server's start:
	// it then exits, and another port is tried.
	for range startTries {
		if s.Port, err = freePort(); err != nil {
			t.Fatal(err)
		}
		if err = s.start(t.Context()); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatalf("starting PostgreSQL: %v", err)
	}
	t.Cleanup(func() {
		if s.process != nil {
			s.process.stop(fast)
		}
	})
	return s
}

// URL returns how to connect to a database; "postgres" is one that is always
// there.
func (s *Server) URL(database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(superuser, s.Password),
		Host:     net.JoinHostPort("127.0.0.1", s.Port),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Database makes an empty database, and returns its URL.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test%d", s.databases.Add(1))
	s.Exec(t, "postgres", "CREATE DATABASE "+name)
	return s.URL(name)
}

// Exec runs a statement as superuser.
func (s *Server) Exec(t testing.TB, database, query string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // cleanups may call it, too
	c, err := pgx.Connect(ctx, s.URL(database))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Exec(ctx, query)
	if err := errors.Join(err, c.Close(ctx)); err != nil {
		t.Fatal(err)
	}
}

// Stop ends the server and all its connections, as an administrator does.
func (s *Server) Stop(t testing.TB) { s.end(t, fast) }

// Kill ends the server at once: it tells nobody, and has to recover when it
// starts again.
func (s *Server) Kill(t testing.TB) { s.end(t, immediate) }

// Restart starts a server that was ended, at the same URL, and returns when it
// answers.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	if s.process != nil {
		t.Fatal("the server runs")
	}
	if err := s.start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) end(t testing.TB, how syscall.Signal) {
	t.Helper()
	if s.process == nil {
		t.Fatal("the server does not run")
	}
	s.process.stop(how)
	s.process = nil
}

// create makes the directory of the server's data.
func (s *Server) create(ctx context.Context, dir string) error {
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte(s.Password+"\n"), 0o600); err != nil {
		return err
	}
	if err := give(dir, password); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "initdb"),
		"--pgdata", s.data, "--username", superuser, "--pwfile", password, "--auth", "scram-sha-256",
		"--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions")
	cmd.Dir = dir
	if err := unprivileged(cmd); err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// find returns the directory of the server's programs: Debian keeps those of a
// version out of the PATH.
func find() (string, error) {
	if runtime.GOOS == "windows" {
		return "", errors.New("the tests do not start one on Windows")
	}
	var dirs []string
	if program, err := exec.LookPath("postgres"); err == nil {
		// A link leads to where initdb lies.
		if real, err := filepath.EvalSymlinks(program); err == nil {
			dirs = append(dirs, filepath.Dir(real))
		}
		dirs = append(dirs, filepath.Dir(program))
	}
	dirs = append(dirs, "/usr/local/bin", "/usr/local/pgsql/bin")
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return "", err
		}
		slices.Reverse(found) // the newest, as long as versions have two digits
		dirs = append(dirs, found...)
	}
	for _, dir := range dirs {
		if isProgram(filepath.Join(dir, "postgres")) && isProgram(filepath.Join(dir, "initdb")) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("postgres and initdb are in none of %s: install Debian's package postgresql, or that of your system", strings.Join(dirs, ", "))
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}
