//go:build unix

package main

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// A mute is an S3 service that accepts connections and never answers.
type mute struct{ net.Listener }

func startMute(t *testing.T) mute {
	t.Helper()
	isolateAWS(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return mute{l}
}

func (m mute) source() string { return "s3://bucket?endpoint=http://" + m.Addr().String() }

// asked waits until somebody asks the service, and lets them wait until the end of the test, or
// until the caller closes the connection.
func (m mute) asked(t *testing.T) net.Conn {
	t.Helper()
	if err := m.Listener.(*net.TCPListener).SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	conn, err := m.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// makePipe makes a pipe called file. opened waits until somebody reads it, and lets them wait
// until the end of the test: a read of it ends neither by itself nor by a canceled context.
func makePipe(t *testing.T, file string) (opened func()) {
	t.Helper()
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
	writer := make(chan *os.File, 1)
	go func() { // opening it waits for the reader
		f, err := os.OpenFile(file, os.O_WRONLY, 0)
		if err != nil {
			t.Error(err)
		}
		writer <- f
	}()
	return func() {
		t.Helper()
		select {
		case f := <-writer:
			t.Cleanup(func() { f.Close() })
		case <-time.After(patience):
			t.Fatalf("nobody reads %s", file)
		}
	}
}

// wantInterrupted fails the test unless the start of the server ended as an interruption.
func wantInterrupted(t *testing.T, p *process) {
	t.Helper()
	const want = "the start was interrupted"
	if code, said := p.exit(), strings.Join(p.said(), "\n"); code != 0 || said != want {
		t.Errorf("exit code %d and %q, want 0 and %q", code, said, want)
	}
}

// A signal interrupts a start that waits for a source.
func TestSignalDuringStart(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		s3 := startMute(t)
		dir := t.TempDir()
		p := spawn(t, command("serve", s3.source(), "--allow", "**", "--listen", "127.0.0.1:0", "--access-log", filepath.Join(dir, "log")))
		s3.asked(t)
		p.signal(sig)
		wantInterrupted(t, p)
		if left := filesIn(t, dir); len(left) > 0 {
			t.Errorf("the start left %q", left)
		}
	}
}

// A second signal ends a start that cannot be interrupted.
func TestSignalsDuringStart(t *testing.T) {
	dir := tree(t, map[string]string{"tmp/x": ""})
	file := filepath.Join(dir, "bailiwick.yaml")
	opened := makePipe(t, file)
	cmd := command("serve", "--config", file)
	cmd.Env = append(cmd.Env, "TMPDIR="+filepath.Join(dir, "tmp"))
	p := spawn(t, cmd)
	opened()
	p.signal(syscall.SIGTERM)
	p.signal(syscall.SIGINT)
	wantInterrupted(t, p)
	if left := entries(t, filepath.Join(dir, "tmp")); len(left) != 1 {
		t.Errorf("the start left %q", left)
	}
}

// A signal interrupts a reload that waits for a source; running transfers finish.
func TestSignalDuringReload(t *testing.T) {
	const size = 64 << 20 // more than a connection buffers
	s3 := startMute(t)
	dir := tree(t, map[string]string{"srv/x": ""})
	bigFile(t, filepath.Join(dir, "srv"), size)
	writeConfig(t, dir, "mounts: [{source: srv, allow: ['**']}]\n")
	p := launch(t, command("serve", "--config", filepath.Join(dir, "bailiwick.yaml")))
	resp := request(t, p.url+"/big")
	writeConfig(t, dir, "mounts: [{source: '"+s3.source()+"', allow: ['**']}]\n")
	p.signal(syscall.SIGHUP)
	s3.asked(t)
	p.signal(syscall.SIGTERM)
	p.await(regexp.MustCompile(`^reload interrupted`))
	p.awaitClosed()
	if n, err := io.Copy(io.Discard, resp.Body); err != nil || n != size {
		t.Errorf("got %d bytes of %d: %v", n, size, err)
	}
	if code := p.exit(); code != cli.ExitDone {
		t.Errorf("exit code %d", code)
	}
}

// While a reload hangs, the server serves, and a second signal stops it at once.
func TestSignalsDuringReload(t *testing.T) {
	dir := tree(t, map[string]string{"srv/a": "a"})
	file := filepath.Join(dir, "bailiwick.yaml")
	bigFile(t, filepath.Join(dir, "srv"), 64<<20)
	writeConfig(t, dir, "drain: 1h\nmounts: [{source: srv, allow: ['**']}]\n")
	p := launch(t, command("serve", "--config", file))
	resp := request(t, p.url+"/big")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	opened := makePipe(t, file)
	p.signal(syscall.SIGHUP)
	opened()
	if _, body := get(t, p.url+"/a"); body != "a" {
		t.Errorf("during a reload, a is %q", body)
	}
	p.signal(syscall.SIGTERM)
	p.awaitClosed()
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != cli.ExitFailed {
		t.Errorf("exit code %d", code)
	}
	p.await(regexp.MustCompile(`stopped at once`))
	if _, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Error("the client sees a cut transfer as complete")
	}
}

// Reloads are made one after the other, and none is lost.
func TestSignalsForReloads(t *testing.T) {
	s3 := startMute(t)
	dir := tree(t, map[string]string{"srv/a": "a"})
	const text = "mounts: [{source: srv, allow: ['**']}]\n"
	writeConfig(t, dir, text)
	p := launch(t, command("serve", "--config", filepath.Join(dir, "bailiwick.yaml")))
	writeConfig(t, dir, "mounts: [{source: '"+s3.source()+"', allow: ['**']}]\n")
	p.signal(syscall.SIGHUP)
	conn := s3.asked(t)
	writeConfig(t, dir, text+"drain: 1s\n")
	p.signal(syscall.SIGHUP)
	s3.Close()
	conn.Close()
	p.await(regexp.MustCompile(`^reload refused`))
	p.await(reloadedLine)
	p.stop()
}
