package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/server/auth/htpasswd"
)

func (a *app) hashPasswordCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "hash-password",
		Short: "Print the bcrypt hash of a password, for a user file",
		Long: `Hash-password reads one line with a password from standard input and prints its bcrypt
hash. The line NAME:HASH in the user file lets NAME log in with it; "bailiwick users add"
writes that line. On a terminal, it prompts twice and does not echo the password.

A password has 1 to 72 bytes of UTF-8, because bcrypt ignores everything after that.`,
		Example: `  printf 'alice:%s\n' "$(bailiwick hash-password)" >> users`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return passwordArgument("hash-password")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.hashPassword(cmd.Context())
		},
	}
}

// passwordArgument returns the error for an argument that may be a password, so it does not
// quote it.
func passwordArgument(command string) error {
	return cli.Usagef("%s reads the password from standard input; an argument would be visible to every user of this machine", command)
}

func (a *app) hashPassword(ctx context.Context) error {
	hash, err := a.readHash(ctx)
	if err != nil {
		return err
	}
	out := cli.NewLineWriter(a.Out)
	out.Line(hash)
	return out.Close()
}

// readHash reads a password and returns its hash.
func (a *app) readHash(ctx context.Context) (string, error) {
	password, err := a.readPassword(ctx)
	if err != nil {
		return "", err
	}
	hash, err := htpasswd.Hash(password)
	if err != nil {
		return "", cli.Failf("%v", err)
	}
	return hash, nil
}

// readPassword reads a line, and returns it without its end.
func (a *app) readPassword(ctx context.Context) (string, error) {
	if f, ok := a.In.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return a.askPassword(ctx, f)
	}
	// The limit is far above the longest password, so that a password that is too long gets
	// its own error, and an endless line ends.
	const limit = 64 << 10
	line, err := bufio.NewReader(io.LimitReader(a.In, limit)).ReadString('\n')
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return "", cli.Failf("standard input: %s", cli.Cause(err))
	case line == "":
		return "", cli.Failf("standard input is empty; write the password in its first line")
	}
	return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), nil
}

// askPassword asks for a password twice on the terminal stdin. It makes the terminal raw
// before the first question, so that characters typed ahead are not shown either.
func (a *app) askPassword(ctx context.Context, stdin *os.File) (string, error) {
	before, err := term.MakeRaw(int(stdin.Fd()))
	if err != nil {
		return "", cli.Failf("the terminal: %s", cli.Cause(err))
	}
	defer term.Restore(int(stdin.Fd()), before)
	// Restore the terminal even if a signal ends the process.
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	read := make(chan error, 1)
	var first, second string
	go func() {
		var err error
		terminal := term.NewTerminal(struct {
			io.Reader
			io.Writer
		}{stdin, a.Err}, "")
		if first, err = terminal.ReadPassword("Password: "); err == nil {
			second, err = terminal.ReadPassword("Again: ")
		}
		read <- err
	}()
	select {
	case err = <-read:
	case <-ctx.Done():
		err = io.EOF
	}
	switch {
	case errors.Is(err, io.EOF): // Ctrl-D, or Ctrl-C, which sends no signal in raw mode
		_, _ = io.WriteString(a.Err, "\r\n")
		return "", cli.Failf("interrupted")
	case err != nil:
		return "", cli.Failf("the terminal: %s", cli.Cause(err))
	case first != second:
		return "", cli.Failf("the two passwords differ; try again")
	}
	return first, nil
}
