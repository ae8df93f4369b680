package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Limits of starting and stopping.
const (
	startWait = 20 * time.Second
	startPoll = time.Millisecond
	stopWait  = 3 * time.Second
)

// A process is a server under measurement.
type process struct {
	name   string
	addr   string // HOST:PORT
	cmd    *exec.Cmd
	output tail
	ready  chan string // receives the address, if the server prints it
	exited chan struct{}
	took   time.Duration // from the start to the first accepted connection
}

// start runs a server. If addr is "", the server must print "listening on http://ADDR".
// The caller must stop it.
func start(ctx context.Context, name, addr string, cmd *exec.Cmd) (*process, error) {
	p := &process{name: name, addr: addr, cmd: cmd, ready: make(chan string, 1), exited: make(chan struct{})}
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = in, in
	begin := time.Now()
	err = cmd.Start()
	in.Close()
	if err != nil {
		out.Close()
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	go func() {
		p.read(out)
		out.Close()
		cmd.Wait() // the result is in ProcessState
		close(p.exited)
	}()
	if err := p.wait(ctx); err != nil {
		p.stop()
		return nil, fmt.Errorf("starting %s: %w\n%s", name, err, p.output.String())
	}
	p.took = time.Since(begin)
	return p, nil
}

// read keeps the end of what the server prints, and finds the address.
func (p *process) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		p.output.add(lines.Text())
		if _, addr, ok := strings.Cut(lines.Text(), "listening on http://"); ok && !strings.Contains(lines.Text(), "admin") {
			select {
			case p.ready <- strings.TrimSuffix(addr, "/"):
			default:
			}
		}
	}
	io.Copy(io.Discard, out)
}

// wait returns when the server accepts connections.
func (p *process) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	if p.addr == "" {
		select {
		case p.addr = <-p.ready:
		case <-p.exited:
			return errors.New("it exited")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for {
		conn, err := net.Dial("tcp", p.addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.exited:
			return errors.New("it exited")
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(startPoll):
		}
	}
}

// stop ends the server and waits until it has ended.
func (p *process) stop() {
	// Signal and Kill fail only if the process has already ended.
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(stopWait):
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
}

// url returns the URL of an escaped path, which begins with a slash.
func (p *process) url(path string) string { return "http://" + p.addr + path }

// freeAddr returns an address on which nothing listens.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// A tail is the end of a server's output.
type tail struct {
	mu    sync.Mutex
	lines []string
}

func (t *tail) add(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lines = append(t.lines, line); len(t.lines) > 20 {
		t.lines = t.lines[1:]
	}
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines, "\n")
}
