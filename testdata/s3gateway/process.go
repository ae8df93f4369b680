package s3gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Limits of starting and stopping.
const (
	startTries = 5
	startWait  = 10 * time.Second
	startPoll  = 20 * time.Millisecond
	stopWait   = 2 * time.Second
)

// A process is a started server.
type process struct {
	cmd    *exec.Cmd
	output bytes.Buffer // must not be read before exited is closed
	exited chan struct{}
}

// start runs the server with its files in dir. Another process may take the port before
// the server starts. Then the server exits, and another port is tried.
func (g *Gateway) start(ctx context.Context, dir string) (*process, error) {
	for _, d := range []string{"root", "iam", "versions", "sidecar"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return nil, err
		}
	}
	var sidecar []string
	var failure error
	for range startTries {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		addr := "127.0.0.1:" + port
		args := []string{
			"--port", addr, "--region", g.Region, "--keep-alive", "--quiet", "--health", "/healthz",
			"--access-log", g.log.file, "--iam-dir", filepath.Join(dir, "iam"),
			"posix", "--versioning-dir", filepath.Join(dir, "versions"),
		}
		args = append(args, sidecar...)
		p, err := run(exec.Command(g.program, append(args, g.Root)...), g.AccessKey, g.SecretKey)
		if err != nil {
			return nil, err
		}
		if failure = p.ready(ctx, "http://"+addr+"/healthz"); failure == nil {
			g.Endpoint = "http://" + addr
			return p, nil
		}
		p.stop()
		if strings.Contains(p.output.String(), "xattr") {
			sidecar = []string{"--sidecar", filepath.Join(dir, "sidecar")}
		}
	}
	return nil, failure
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}

func run(cmd *exec.Cmd, access, secret string) (*process, error) {
	p := &process{cmd: cmd, exited: make(chan struct{})}
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+access, "ROOT_SECRET_KEY="+secret)
	cmd.Stdout, cmd.Stderr = &p.output, &p.output
	dieWithParent(cmd)
	started := make(chan error)
	go func() {
		// Linux kills the child when the thread that started it ends, so this thread must
		// stay until the child has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait() // the result is in ProcessState
			close(p.exited)
		}
	}()
	return p, <-started
}

// ready waits until the server responds. It gives up if the server exits.
func (p *process) ready(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	tick := time.NewTicker(startPoll)
	defer tick.Stop()
	for {
		select {
		case <-p.exited:
			return fmt.Errorf("it exited during startup: %v\n%s", p.cmd.ProcessState, p.output.Bytes())
		case <-ctx.Done():
			return fmt.Errorf("waiting for its first response: %w", ctx.Err())
		case <-tick.C:
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		req.Close = true
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			continue
		}
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return nil
		}
	}
}

// stop ends the server and waits until it has ended. The wait is short because the
// server would wait for every idle connection of a client, and has no data to lose.
func (p *process) stop() {
	// Signal and Kill fail only if the process has already ended.
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
		return
	case <-time.After(stopWait):
	}
	_ = p.cmd.Process.Kill()
	<-p.exited
}
