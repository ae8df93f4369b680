package catalogtest

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A child is another process that has the catalog open.
type child struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
}

// start starts a process and returns the lines that it prints before it is ready.
func start(t testing.TB, role, where string) (*child, []string) {
	t.Helper()
	program, err := os.Executable()
	must(t, err)
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, whereVariable+"="+where)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	c := &child{cmd: cmd, in: in, lines: bufio.NewScanner(out)}
	t.Cleanup(func() {
		c.in.Close()
		_ = c.cmd.Process.Kill() // fails if it has already ended
		_ = c.cmd.Wait()
	})
	return c, c.ready(t)
}

// ready returns the lines that the process prints before it is ready.
func (c *child) ready(t testing.TB) []string {
	t.Helper()
	var lines []string
	for c.lines.Scan() {
		if c.lines.Text() == "ready" {
			return lines
		}
		lines = append(lines, c.lines.Text())
	}
	t.Fatalf("the process ended before it was ready: %s", strings.Join(lines, "\n"))
	return nil
}

// kill ends the process abruptly.
func (c *child) kill(t testing.TB) {
	t.Helper()
	must(t, c.cmd.Process.Kill())
	if err := c.cmd.Wait(); err == nil {
		t.Fatal("a killed process exited successfully")
	}
}

// finish closes the process's input, which ends the process.
func (c *child) finish(t testing.TB) {
	t.Helper()
	must(t, c.in.Close())
	for c.lines.Scan() {
		t.Errorf("the process prints %s", c.lines.Text())
	}
	must(t, c.cmd.Wait())
}
