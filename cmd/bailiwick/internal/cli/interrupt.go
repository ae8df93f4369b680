package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// UntilInterrupted returns a context that the first SIGINT, SIGTERM or SIGHUP cancels. The
// second one ends the process.
func UntilInterrupted(ctx context.Context) (context.Context, func()) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// IgnoreBrokenPipes makes writing to a pipe that nobody reads any more an error. Without it, a
// line to standard output or standard error ends the process there, and what it has to finish
// or to remove stays behind. It is for the whole process.
func IgnoreBrokenPipes() { signal.Ignore(syscall.SIGPIPE) }

// Interruptible returns a reader of r that fails once ctx ends. A read from a terminal or a
// pipe cannot be interrupted, so the goroutine that reads r is left running then.
func Interruptible(ctx context.Context, r io.Reader) io.ReadCloser {
	out, in := io.Pipe()
	go func() {
		_, err := io.Copy(in, r)
		in.CloseWithError(err)
	}()
	context.AfterFunc(ctx, func() { in.CloseWithError(context.Cause(ctx)) })
	return out
}
