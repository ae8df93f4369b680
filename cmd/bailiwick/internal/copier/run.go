package copier

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"sync"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A copyRun is one run of cp, mv or sync.
type copyRun struct {
	std      cli.Streams
	opts     Options
	from, to *location
	sources  []*backends.Source

	source, target *vfs.Jail // nil: standard input, standard output
	// sourceName and targetName are the names of a single object on each side. They are zero
	// for a tree, whose names are the same on both sides.
	sourceName, targetName vfs.Name

	rules  vfs.Policy // of the source
	mirror *vfs.Jail  // the target behind the rules of the source, for Options.Delete
	// spellings is nil if names at the target need no check.
	spellings *spellings
	itself    sync.Map // for intoItself, whether a directory of the target is the source

	large    chan struct{} // holds an element for each large object that is being copied
	progress *cli.Progress
	tally    tally
	out      *cli.LineWriter // the results, if they are listed
	cancel   context.CancelCauseFunc
}

func (c *copyRun) close() {
	for _, b := range c.sources {
		b.Close()
	}
}

// A task is one object found in the source.
type task struct {
	from, to vfs.Name
	skipped  vfs.Reason // why it is not copied, "" if it is
	path     string     // to show
	size     int64      // in the listing; 0 if the task is a single object
}

// An outcome is the result of a task.
type outcome struct {
	path   string
	fate   fate
	size   int64
	coding string // the content coding that the copy lost
	reason vfs.Reason
	err    error
}

// A fate is the kind of an outcome.
type fate uint8

const (
	unbegun fate = iota // the run ended first
	copied              // or would be, in a dry run; with Options.Move it is also removed
	equal               // the target has it already
	skipped             // by the rules, or because it is not an object
	refused             // its name cannot be created
	failed              // it was not copied, or could not be removed
	removed             // from the target, because the source does not have it
)

// run copies everything and reports the result.
func (c *copyRun) run(ctx context.Context) error {
	ctx, c.cancel = context.WithCancelCause(ctx)
	defer c.cancel(nil)
	c.large = make(chan struct{}, largeAtOnce(c.opts.Parallel))
	var stop func()
	counting, endCount := context.WithCancel(ctx)
	c.progress, stop = c.std.ShowProgress(c.opts.Progress, c.counter(counting))
	defer stop()
	defer endCount() // first: stop waits for the count
	if c.opts.DryRun || c.opts.JSON {
		c.out = cli.NewLineWriter(c.std.Out)
	}
	var ended error // written before inOrder returns
	inOrder(c.opts.Parallel, c.tasks(ctx, &ended), func(t task) outcome {
		o := c.do(ctx, t)
		if endsRun(o.err) {
			c.cancel(o.err)
		}
		return o
	}, c.report)
	var kept error
	if c.opts.Delete {
		kept = c.removeOthers(ctx, &ended)
	}
	endCount()
	stop()
	if c.out != nil {
		if err := c.out.Close(); err != nil {
			return err
		}
	}
	if err := c.conclude(ctx, ended); err != nil {
		return err
	}
	return kept
}

// counter returns a function that counts the objects to copy, nil if they cannot be counted.
func (c *copyRun) counter(ctx context.Context) func() (cli.Total, bool) {
	switch {
	case c.source == nil:
		return nil
	case !c.sourceName.IsZero():
		return func() (cli.Total, bool) {
			info, err := c.source.Head(ctx, c.sourceName, vfs.Request{})
			return cli.Total{Objects: 1, Bytes: info.Size}, err == nil
		}
	}
	return func() (total cli.Total, ok bool) {
		for found, err := range c.source.Scan(ctx) {
			if err != nil {
				return total, false
			}
			if found.Allowed {
				total.Objects++
				total.Bytes += found.Size
			}
		}
		return total, true
	}
}

// tasks yields the objects of the source. It stores an error that ends the listing in ended.
func (c *copyRun) tasks(ctx context.Context, ended *error) iter.Seq[task] {
	return func(yield func(task) bool) {
		if c.source == nil || !c.sourceName.IsZero() {
			name := c.targetName
			if c.target == nil {
				name = c.sourceName
			}
			yield(task{from: c.sourceName, to: c.targetName, path: name.String()})
			return
		}
		var beneath cli.BeneathNotice
		for found, err := range c.source.Scan(ctx) {
			if err != nil {
				*ended = err
				return
			}
			beneath.Check(found, c.progress.Say)
			if !yield(task{found.Name, found.Name, found.Reason, found.Path, found.Size}) {
				return
			}
		}
	}
}

// do carries out one task.
func (c *copyRun) do(ctx context.Context, t task) outcome {
	o := outcome{path: t.path}
	var err error
	switch {
	case ctx.Err() != nil:
		return o
	case t.skipped != "":
		o.fate, o.reason = skipped, t.skipped
		if t.skipped == reason.Permission || t.skipped.Step() == "name" {
			o.fate, o.err = refused, &vfs.Error{Op: "get", Name: t.path, Reason: t.skipped}
		}
		return o
	case c.source == nil:
		o.size, err = c.fromStdin(ctx, t.to)
	case c.target == nil:
		o.size, err = c.toStdout(ctx, t.from)
	default:
		o.fate, err = c.transfer(ctx, t, &o)
	}
	o.err = err
	var fatal *cli.ExitError
	switch why := vfs.ReasonOf(err); {
	case err == nil && o.fate == equal:
		c.progress.Equal.Add(1)
		c.progress.PassedBytes.Add(t.size)
		return o
	case err == nil:
		c.progress.Objects.Add(1)
		o.fate = copied
		return o
	case ctx.Err() != nil || errors.As(err, &fatal):
		o.fate = unbegun // conclude reports what ends the run
	case why != "":
		o.fate, o.reason = refused, why
	default:
		o.fate = failed
	}
	c.progress.Others.Add(1)
	if o.fate == refused {
		c.progress.PassedBytes.Add(t.size) // a copy that failed has counted what it read
	}
	return o
}

// transfer copies the object, unless the target has it, and with Options.Move removes it
// from the source.
func (c *copyRun) transfer(ctx context.Context, t task, o *outcome) (fate, error) {
	if c.opts.Move && c.intoItself(t.to) {
		return failed, errIntoItself
	}
	if err := c.spellings.check(ctx, t.to); err != nil {
		return failed, err
	}
	creates := !c.copiesInside() && c.target.Lacks(ctx, t.to)
	var same bool
	var here, there vfs.Info
	for {
		var err error
		if same, here, there, err = c.same(ctx, t, creates); err != nil {
			return failed, err
		}
		switch {
		case !c.opts.Move:
		case here.Encoding != "" && !c.target.Caps().Encodings:
			return failed, losesCoding(here.Encoding)
		case same && c.sameFile(t):
			return failed, errSameFile
		}
		if same {
			break
		}
		o.size, o.coding, there, err = c.copy(ctx, t, &here, creates)
		if err == nil {
			break
		}
		if !creates || !errors.Is(err, vfs.ErrExist) {
			return failed, err
		}
		creates = false // someone else has created it since the listing, and it may be equal
	}
	switch {
	case c.opts.Move && o.coding != "":
		return failed, losesCoding(o.coding)
	case c.opts.Move:
		o.size = here.Size
		return copied, c.removeMoved(ctx, t, &here, &there)
	case same:
		o.size = here.Size
		return equal, nil
	}
	return copied, nil
}

// copiesInside reports whether the store may copy objects by itself. It does not do so
// under a condition.
func (c *copyRun) copiesInside() bool {
	from, to := c.source.Caps(), c.target.Caps()
	return to.Copies && from.Kind == to.Kind
}

// largeObject is the size in bytes above which an object is large: a store may hold more
// than this in memory for each one that it writes, and one is enough to use the connection.
const largeObject = 8 << 20

// largeAtOnce returns how many of parallel objects may be large.
func largeAtOnce(parallel int) int { return max(min(parallel, 4), parallel/4) }

// copy copies the object; in a dry run it checks whether it could. With creates, it fails
// with vfs.ErrExist if the target has the object. With Options.Move, it copies the version
// here only, which is the one that will be removed. It also returns the content coding that
// was lost, and what is at the target now.
func (c *copyRun) copy(ctx context.Context, t task, here *vfs.Info, creates bool) (size int64, coding string, there vfs.Info, err error) {
	if !c.opts.DryRun {
		if t.size > largeObject {
			select {
			case c.large <- struct{}{}:
				defer func() { <-c.large }()
			case <-ctx.Done():
				return 0, "", there, ctx.Err()
			}
		}
		read := false
		opts := vfs.PutOptions{Cond: vfs.Cond{IfNoneMatch: vfs.Tags{Any: creates}}, Source: c.pinned(here)}
		w, err := c.target.Copy(context.WithValue(ctx, wasRead{}, &read), t.to, c.source, t.from, opts)
		if !read && err == nil {
			c.progress.Bytes.Add(w.Info.Size) // the store copied it by itself
		}
		if c.opts.Move && errors.Is(err, vfs.ErrPrecondition) && !errors.Is(err, vfs.ErrExist) {
			err = errReplaced // the only condition at the target is that nothing is there
		}
		return w.Info.Size, w.LostEncoding, w.Info, err
	}
	info, err := c.source.Head(ctx, t.from, vfs.Request{})
	if err != nil {
		return 0, "", there, err
	}
	_, err = c.target.Put(ctx, t.to, bytes.NewReader(nil), vfs.PutOptions{})
	return info.Size, "", there, err
}

// fromStdin stores standard input as an object.
func (c *copyRun) fromStdin(ctx context.Context, to vfs.Name) (int64, error) {
	if c.opts.DryRun {
		w, err := c.target.Put(ctx, to, bytes.NewReader(nil), vfs.PutOptions{})
		return w.Info.Size, err
	}
	in := cli.Interruptible(ctx, c.std.In)
	defer in.Close()
	w, err := c.target.Put(ctx, to, countingReader{in, c.progress}, vfs.PutOptions{})
	return w.Info.Size, err
}

// toStdout writes the object to standard output.
func (c *copyRun) toStdout(ctx context.Context, from vfs.Name) (int64, error) {
	if c.opts.DryRun {
		info, err := c.source.Head(ctx, from, vfs.Request{})
		return info.Size, err
	}
	obj, err := c.source.Get(ctx, from, vfs.Request{})
	if err != nil {
		return 0, err
	}
	defer obj.Body.Close()
	return io.Copy(cli.Output(c.std.Out), obj.Body)
}

// endsRun reports whether err concerns all objects, so that the run ends.
func endsRun(err error) bool {
	var fatal *cli.ExitError
	return errors.Is(err, vfs.ErrFull) || errors.Is(err, vfs.ErrUnavailable) ||
		errors.Is(err, vfs.ErrUnsupported) || errors.As(err, &fatal)
}
