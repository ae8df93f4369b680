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
		Short: "Print the bcrypt hash of a password, for a file of users",
		Long: `Hash-password reads a password, one line, from standard input and prints its bcrypt
hash. The line NAME:HASH in the file of users lets NAME log in with it. On a terminal,
it asks twice and does not show what is typed.

A password has 1 to 72 bytes of UTF-8, because bcrypt ignores everything after that.`,
		Example: `  printf 'alice:%s\n' "$(bailiwick hash-password)" >> users`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 { // which may be a password, and is not repeated
				return cli.Usagef("hash-password reads the password from standard input: an argument is seen by everyone on this machine")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.hashPassword(cmd.Context())
		},
	}
}

func (a *app) hashPassword(ctx context.Context) error {
	password, err := a.readPassword(ctx)
	if err != nil {
		return err
	}
	hash, err := htpasswd.Hash(password)
	if err != nil {
		return cli.Failf("%v", err)
	}
	out := cli.NewLineWriter(a.Out)
	out.Line(hash)
	return out.Close()
}

// readPassword reads the line, without what ends it.
func (a *app) readPassword(ctx context.Context) (string, error) {
	if f, ok := a.In.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return a.askPassword(ctx, f)
	}
	// Far more than a password may have, so that one that is too long is told so,
	// and an endless line ends.
	const limit = 64 << 10
	line, err := bufio.NewReader(io.LimitReader(a.In, limit)).ReadString('\n')
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return "", cli.Failf("standard input: %s", cli.Cause(err))
	case line == "":
		return "", cli.Failf("standard input is empty; it has the password in its first line")
	}
	return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), nil
}

// askPassword asks for a password twice on the terminal stdin. The terminal is
// raw from before the first question: what is typed ahead is not shown either.
func (a *app) askPassword(ctx context.Context, stdin *os.File) (string, error) {
	before, err := term.MakeRaw(int(stdin.Fd()))
	if err != nil {
		return "", cli.Failf("the terminal: %s", cli.Cause(err))
	}
	defer term.Restore(int(stdin.Fd()), before)
	// Whoever ends it must not be left with a raw terminal.
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
	case errors.Is(err, io.EOF): // Ctrl-C, which is no signal in raw mode, and Ctrl-D, too
		_, _ = io.WriteString(a.Err, "\r\n")
		return "", cli.Failf("interrupted")
	case err != nil:
		return "", cli.Failf("the terminal: %s", cli.Cause(err))
	case first != second:
		return "", cli.Failf("the two are not the same")
	}
	return first, nil
}
