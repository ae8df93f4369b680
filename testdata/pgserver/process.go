package pgserver

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Limits of starting and stopping.
const (
	startTries = 5
	startWait  = 30 * time.Second
	startPoll  = 20 * time.Millisecond
	stopWait   = 20 * time.Second
)

// Signals that end the server: see "Shutting Down the Server" in its manual. SIGKILL
// would leave its shared memory behind.
const (
	fast      = syscall.SIGINT
	immediate = syscall.SIGQUIT
)

// A process is a started server.
type process struct {
	cmd    *exec.Cmd
	output bytes.Buffer // must not be read before exited is closed
	exited chan struct{}
}

// start starts the server with its data and port, and waits until it responds.
func (s *Server) start(ctx context.Context) error {
	args := []string{
		"-D", s.data, "-p", s.Port, "-h", "127.0.0.1",
		"-c", "unix_socket_directories=", "-c", "log_min_messages=fatal",
	}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	cmd := exec.Command(filepath.Join(s.bin, "postgres"), args...)
	cmd.Dir = filepath.Dir(s.data)
	if err := unprivileged(cmd); err != nil {
		return err
	}
	dieWithParent(cmd)
	p := &process{cmd: cmd, exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.output, &p.output
	started := make(chan error)
	go func() {
		// Linux ends the child when the thread that started it ends, so this thread must
		// stay until the child has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // the result is in ProcessState
			close(p.exited)
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	if err := p.ready(ctx, s.URL("postgres")); err != nil {
		p.stop(immediate)
		return err
	}
	s.process = p
	return nil
}

// ready waits until the server responds. It gives up if the server exits.
func (p *process) ready(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	tick := time.NewTicker(startPoll)
	defer tick.Stop()
	for {
		c, err := pgx.Connect(ctx, url)
		if err == nil {
			return c.Close(ctx)
		}
		select {
		case <-p.exited:
			return fmt.Errorf("it exited during startup: %v\n%s", p.cmd.ProcessState, p.output.Bytes())
		case <-ctx.Done():
			return fmt.Errorf("waiting for its first response: %w: %w", ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// stop ends the server and waits until it has ended.
func (p *process) stop(how syscall.Signal) {
	// Signal fails only if the process has already ended.
	_ = p.cmd.Process.Signal(how)
	select {
	case <-p.exited:
		return
	case <-time.After(stopWait):
	}
	_ = p.cmd.Process.Kill()
	<-p.exited
}
