package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// untilInterrupted returns a context that ends with the first signal to stop. The
// second one ends the process.
func untilInterrupted(ctx context.Context) (context.Context, func()) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// interruptible returns what comes from r until ctx ends. A read of a terminal or
// a pipe cannot be ended: it is left behind.
func interruptible(ctx context.Context, r io.Reader) io.ReadCloser {
	out, in := io.Pipe()
	go func() {
		_, err := io.Copy(in, r)
		in.CloseWithError(err)
	}()
	context.AfterFunc(ctx, func() { in.CloseWithError(context.Cause(ctx)) })
	return out
}
