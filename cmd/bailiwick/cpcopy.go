package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A copying is one run of cp.
type copying struct {
	app           *app
	flags         *cpFlags
	whence, where *place
	opened        []*backends.Source

	from, to *vfs.Jail // nil: standard input, standard output
	// source and target are what one object is called on both sides; zero for a
	// tree, where the names are the same.
	source, target vfs.Name

	progress *cli.Progress
	tally    tally
	out      *cli.LineWriter // of a dry run
	cut      context.CancelCauseFunc
}

func (c *copying) close() {
	for _, b := range c.opened {
		b.Close()
	}
}

// A task is one object that was found.
type task struct {
	from, to vfs.Name
	left     vfs.Reason // why it is not to be copied, "" if it is
	path     string     // to show
}

// An outcome is what became of a task.
type outcome struct {
	path   string
	fate   fate
	size   int64
	coding string // that its copy does not know of
	reason vfs.Reason
	err    error
}

// A fate is what can become of a task.
type fate uint8

const (
	unbegun fate = iota // the run was over before
	copied              // or would be
	equal               // it is there already
	leftOut             // the rules say so, or it is no object
	refused             // it may not be created
	failed              // nothing of it is there
)

// run copies all there is to copy, and says what came of it.
func (c *copying) run(ctx context.Context) error {
	ctx, c.cut = context.WithCancelCause(ctx)
	defer c.cut(nil)
	var stop func()
	c.progress, stop = c.app.ShowProgress()
	defer stop()
	if c.flags.dryRun {
		c.out = cli.NewLineWriter(c.app.Out)
	}
	var ended error // written before inOrder returns
	inOrder(int(c.flags.parallel), c.tasks(ctx, &ended), func(t task) outcome {
		o := c.do(ctx, t)
		if stops(o.err) {
			c.cut(o.err)
		}
		return o
	}, c.report)
	stop()
	if c.out != nil {
		if err := c.out.Close(); err != nil {
			return err
		}
	}
	return c.conclude(ctx, ended)
}

// tasks yields what there is to copy. The error that ended it goes to ended.
func (c *copying) tasks(ctx context.Context, ended *error) iter.Seq[task] {
	return func(yield func(task) bool) {
		if c.from == nil || !c.source.IsZero() {
			name := c.target
			if c.to == nil {
				name = c.source
			}
			yield(task{from: c.source, to: c.target, path: name.String()})
			return
		}
		var twofold cli.BeneathNotice
		for found, err := range c.from.Scan(ctx) {
			if err != nil {
				*ended = err
				return
			}
			twofold.Check(found, c.progress.Say)
			if !yield(task{found.Name, found.Name, found.Reason, found.Path}) {
				return
			}
		}
	}
}

// do copies one object, if it is to be copied.
func (c *copying) do(ctx context.Context, t task) outcome {
	o := outcome{path: t.path}
	var err error
	switch {
	case ctx.Err() != nil:
		return o
	case t.left != "":
		o.fate, o.reason = leftOut, t.left
		if t.left == reason.Permission || t.left.Step() == "name" {
			o.fate, o.err = refused, &vfs.Error{Op: "get", Name: t.path, Reason: t.left}
		}
		return o
	case c.from == nil:
		o.size, err = c.take(ctx, t.to)
	case c.to == nil:
		o.size, err = c.give(ctx, t.from)
	default:
		var same bool
		same, err = c.same(ctx, t)
		if same {
			c.progress.Equal.Add(1)
			o.fate = equal
			return o
		}
		if err == nil {
			o.size, o.coding, err = c.copy(ctx, t)
		}
	}
	o.fate, o.err = copied, err
	var fatal *cli.ExitError
	switch why := vfs.ReasonOf(err); {
	case err == nil:
		c.progress.Objects.Add(1)
	case ctx.Err() != nil || errors.As(err, &fatal):
		o.fate = unbegun // what stops all is said at the end
	case why != "":
		o.fate, o.reason = refused, why
	default:
		o.fate = failed
	}
	return o
}

// copy copies the object, or finds out whether it could be. It also returns the content
// coding that was lost.
func (c *copying) copy(ctx context.Context, t task) (size int64, coding string, err error) {
	if !c.flags.dryRun {
		w, err := c.to.Copy(ctx, t.to, c.from, t.from, vfs.PutOptions{})
		return w.Info.Size, w.LostEncoding, err
	}
	info, _, err := c.from.Head(ctx, t.from, vfs.Request{})
	if err != nil {
		return 0, "", err
	}
	_, err = c.to.Put(ctx, t.to, bytes.NewReader(nil), vfs.PutOptions{})
	return info.Size, "", err
}

// take stores what comes from standard input.
func (c *copying) take(ctx context.Context, to vfs.Name) (int64, error) {
	if c.flags.dryRun {
		w, err := c.to.Put(ctx, to, bytes.NewReader(nil), vfs.PutOptions{})
		return w.Info.Size, err
	}
	in := cli.Interruptible(ctx, c.app.In)
	defer in.Close()
	w, err := c.to.Put(ctx, to, counter{in, c.progress}, vfs.PutOptions{})
	return w.Info.Size, err
}

// give writes the object to standard output.
func (c *copying) give(ctx context.Context, from vfs.Name) (int64, error) {
	if c.flags.dryRun {
		info, _, err := c.from.Head(ctx, from, vfs.Request{})
		return info.Size, err
	}
	obj, err := c.from.Get(ctx, from, vfs.Request{})
	if err != nil {
		return 0, err
	}
	defer obj.Body.Close()
	return io.Copy(cli.Output(c.app.Out), obj.Body)
}

// stops reports whether after err nothing else is worth trying.
func stops(err error) bool {
	var fatal *cli.ExitError
	return errors.Is(err, vfs.ErrFull) || errors.Is(err, vfs.ErrUnavailable) ||
		errors.Is(err, vfs.ErrUnsupported) || errors.As(err, &fatal)
}
