package main

import (
	"bytes"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestHashPasswordOnTerminal types a password on a terminal: it is not echoed, and the
// echo is on again afterwards.
func TestHashPasswordOnTerminal(t *testing.T) {
	for _, test := range []struct {
		name, first, second string
		code                int
		says                string
	}{
		{"same", "hunter2\n", "hunter2\n", 0, ""},
		{"different", "hunter2\n", "hunter3\n", 1, "bailiwick: the two passwords differ"},
		{"interrupted", "hunt\x03", "", 1, "bailiwick: interrupted"},
		{"interrupted later", "hunter2\n", "hunt\x03", 1, "bailiwick: interrupted"},
	} {
		t.Run(test.name, func(t *testing.T) {
			person, program := openTerminal(t)
			var out bytes.Buffer
			cmd := exec.CommandContext(t.Context(), "bailiwick", "hash-password")
			cmd.Stdin, cmd.Stdout, cmd.Stderr = program, &out, program
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var seen strings.Builder
			until := func(text string) {
				t.Helper()
				var b [1]byte
				for !strings.HasSuffix(seen.String(), text) {
					if _, err := io.ReadFull(person, b[:]); err != nil {
						t.Fatalf("%v after %q", err, seen.String())
					}
					seen.Write(b[:])
				}
			}
			until("Password: ")
			_, _ = io.WriteString(person, test.first)
			if test.second != "" {
				until("Again: ")
				_, _ = io.WriteString(person, test.second)
			}
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			state, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
			if err != nil {
				t.Fatal(err)
			}
			if state.Lflag&unix.ECHO == 0 {
				t.Error("the terminal's echo is still off")
			}
			_, _ = io.WriteString(program, "END")
			until("END")
			if s := seen.String(); strings.Contains(s, "hunt") || !strings.Contains(s, test.says) {
				t.Errorf("seen: %q", s)
			}
			hash, ok := strings.CutSuffix(out.String(), "\n")
			if ok != (test.code == 0) || ok && (!strings.HasPrefix(hash, "$2a$12$") || len(hash) != 60) {
				t.Errorf("standard output: %q", out.String())
			}
		})
	}
}
