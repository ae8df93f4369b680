package main

import (
	"bytes"
	"context"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// A watchedOutput records what is written to it, and passes each write to onWrite.
type watchedOutput struct {
	mu      sync.Mutex
	text    bytes.Buffer
	onWrite func(string)
}

func (w *watchedOutput) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(p)
	w.onWrite(string(p))
	return len(p), nil
}

// A server that stops or fails to start leaves no goroutine and no listener behind.
func TestRunLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, c := range []struct {
		name string
		args []string
		code int
	}{
		{"ends", nil, cli.ExitDone},
		{"ends, all on", []string{"--admin", "127.0.0.1:0", "--access-log", filepath.Join(t.TempDir(), "log")}, cli.ExitDone},
		{"port in use", []string{"--admin", "127.0.0.1:0", "--listen", taken.Addr().String()}, cli.ExitFailed},
		{"bad log", []string{"--access-log", filepath.Join(dir, "nodir", "log")}, cli.ExitUsage},
		{"bad pattern", []string{"--allow", "["}, cli.ExitUsage},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			var addr string
			stderr := &watchedOutput{onWrite: func(line string) {
				if at, ok := strings.CutPrefix(line, "listening on http://"); ok {
					addr = strings.TrimSpace(at)
					cancel()
				}
			}}
			args := append([]string{"serve", dir, "--allow", "**", "--listen", "127.0.0.1:0", "--landlock", "off"}, c.args...)
			var stdout bytes.Buffer
			if code := run(ctx, args, strings.NewReader(""), &stdout, stderr, nil); code != c.code {
				t.Errorf("exit code %d, want %d: %s", code, c.code, &stderr.text)
			}
			if stdout.Len() > 0 {
				t.Errorf("diagnostics on standard output: %s", &stdout)
			}
			if c.code != cli.ExitDone {
				return
			}
			again, err := net.Listen("tcp", addr)
			if err != nil {
				t.Fatalf("the address is still in use: %v", err)
			}
			again.Close()
		})
	}
}

var flagLine = regexp.MustCompile(`(?m)^(?:      |  -\w, )--([a-z-]+)`)

// Every flag has a variable.
func TestEveryFlagHasAVariable(t *testing.T) {
	var out bytes.Buffer
	for _, cmd := range []string{"serve", "explain", "scan", "ls", "stat", "cat", "cp", "rm"} {
		out.Reset()
		if code := run(t.Context(), []string{cmd, "--help"}, nil, &out, &out, nil); code != cli.ExitDone {
			t.Fatalf("%s --help: exit code %d", cmd, code)
		}
		found := 0
		for _, m := range flagLine.FindAllStringSubmatch(out.String(), -1) {
			flag := m[1]
			if flag == "help" || flag == "host" && cmd != "serve" || flag == "config" && cmd == "stat" {
				continue // the variables are for serve
			}
			found++
			// Flags that validate their value refuse this one.
			a := &app{Env: cli.NewEnv([]string{cli.VariableName(flag) + "=\x00"})}
			command, _, err := a.rootCommand().Find([]string{cmd})
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Apply(command); err == nil && !a.IsSet(command.Flags().Lookup(flag)) {
				t.Errorf("%s --%s has no variable", cmd, flag)
			}
		}
		if found < 4 {
			t.Errorf("%s: found only %d flags in its help", cmd, found)
		}
	}
}
