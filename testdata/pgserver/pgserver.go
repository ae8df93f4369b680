// Package pgserver runs a real PostgreSQL server in a temporary directory for tests.
// Only tests may import it.
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

// RequireVariable is the environment variable that, if set to "1", makes a test fail
// instead of being skipped if the server is missing.
const RequireVariable = "BAILIWICK_REQUIRE_SERVERS"

// superuser is the user of every connection.
const superuser = "bailiwick"

// A Server is a PostgreSQL server. Its methods, except URL and Database, must not be
// called concurrently.
type Server struct {
	Password string // of the superuser, the only user who can connect
	Port     string

	bin       string // directory of its programs
	data      string
	settings  []string
	process   *process
	databases atomic.Int64
}

// Start starts a server for t and stops it when t ends. It is optimized for speed: fsync
// is off unless settings, which are PostgreSQL settings of the form "name=value",
// contain "fsync=on". If the server is not installed, Start skips t and reports what to
// install, or fails t; see RequireVariable.
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
	// Not t.TempDir: the server runs as another user than root, who must be able to access
	// it.
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
		t.Fatalf("creating a PostgreSQL server: %v", err)
	}
	// Another process may take the port before the server starts. Then the server exits,
	// and another port is tried.
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

// URL returns the URL of a database. The database "postgres" always exists.
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

// Database creates an empty database and returns its URL.
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

// Stop ends the server and all its connections, like an administrator.
func (s *Server) Stop(t testing.TB) { s.end(t, fast) }

// Kill ends the server abruptly, so that it has to recover at its next start.
func (s *Server) Kill(t testing.TB) { s.end(t, immediate) }

// Restart starts a server that has ended, at the same URL, and returns when it responds.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	if s.process != nil {
		t.Fatal("the server is already running")
	}
	if err := s.start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) end(t testing.TB, how syscall.Signal) {
	t.Helper()
	if s.process == nil {
		t.Fatal("the server is not running")
	}
	s.process.stop(how)
	s.process = nil
}

// create initializes the server's data directory.
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

// find returns the directory of the server's programs. Debian does not put it in PATH.
func find() (string, error) {
	if runtime.GOOS == "windows" {
		return "", errors.New("the tests do not start one on Windows")
	}
	var dirs []string
	if program, err := exec.LookPath("postgres"); err == nil {
		// A symbolic link leads to the directory with initdb.
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
		slices.Reverse(found) // newest first, as long as versions have two digits
		dirs = append(dirs, found...)
	}
	for _, dir := range dirs {
		if isProgram(filepath.Join(dir, "postgres")) && isProgram(filepath.Join(dir, "initdb")) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("postgres and initdb are in none of %s: install Debian's package postgresql, or your system's equivalent", strings.Join(dirs, ", "))
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
