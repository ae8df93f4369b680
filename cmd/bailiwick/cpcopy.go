package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/vfs"
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

	progress *progress
	tally    tally
	out      *lineWriter // of a dry run
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
	reason vfs.Reason
	err    error
}

// A fate is what can become of a task.
type fate uint8

const (
	unbegun  fate = iota // the run was over before
	copied               // or would be
	equal                // it is there already
	leftOut              // the rules say so, or it is no object
	refused              // it may not be created
	unbroken             // nothing of it is there: it failed
)

// run copies all there is to copy, and says what came of it.
func (c *copying) run(ctx context.Context) error {
	ctx, c.cut = context.WithCancelCause(ctx)
	defer c.cut(nil)
	var stop func()
	c.progress, stop = c.app.showProgress()
	defer stop()
	if c.flags.dryRun {
		c.out = newLineWriter(c.app.stdout)
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
		if err := c.out.close(); err != nil {
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
		for found, err := range c.from.Scan(ctx) {
			if err != nil {
				*ended = err
				return
			}
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
		if t.left == vfs.ReasonPermission || t.left.Step() == "name" {
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
			c.progress.equal.Add(1)
			o.fate = equal
			return o
		}
		if err == nil {
			o.size, err = c.copy(ctx, t)
		}
	}
	o.fate, o.err = copied, err
	switch reason := vfs.ReasonOf(err); {
	case err == nil:
		c.progress.objects.Add(1)
	case ctx.Err() != nil:
		o.fate = unbegun
	case reason != "":
		o.fate, o.reason = refused, reason
	default:
		o.fate = unbroken
	}
	return o
}

// copy copies the object, or finds out whether it could be.
func (c *copying) copy(ctx context.Context, t task) (int64, error) {
	if !c.flags.dryRun {
		w, err := c.to.Copy(ctx, t.to, c.from, t.from, vfs.PutOptions{})
		return w.Info.Size, err
	}
	info, _, err := c.from.Head(ctx, t.from, vfs.Request{})
	if err != nil {
		return 0, err
	}
	_, err = c.to.Put(ctx, t.to, bytes.NewReader(nil), vfs.PutOptions{})
	return info.Size, err
}

// take stores what comes from standard input.
func (c *copying) take(ctx context.Context, to vfs.Name) (int64, error) {
	if c.flags.dryRun {
		w, err := c.to.Put(ctx, to, bytes.NewReader(nil), vfs.PutOptions{})
		return w.Info.Size, err
	}
	in := interruptible(ctx, c.app.stdin)
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
	return io.Copy(output{c.app.stdout}, obj.Body)
}

// same reports whether the target has the object already.
func (c *copying) same(ctx context.Context, t task) (bool, error) {
	there, _, err := c.to.Head(ctx, t.to, vfs.Request{})
	if err != nil {
		if vfs.ReasonOf(err) != "" {
			err = nil // whether it can be written is for Copy to say
		}
		return false, err
	}
	here, _, err := c.from.Head(ctx, t.from, vfs.Request{})
	switch {
	case err != nil || here.Size != there.Size:
		return false, err
	case bool(c.flags.checksum):
		return c.sameBytes(ctx, t)
	case c.from.Caps().Kind == "s3" && c.to.Caps().Kind == "s3" && here.ETag != "" && here.ETag == there.ETag:
		return true, nil
	}
	return older(here.ModTime, there.ModTime), nil
}

// older reports whether what was changed at a was certainly not changed after b:
// within one tick of a clock, nobody knows. A time without a fraction may be one
// that was cut down to its second, as S3's are.
func older(a, b time.Time) bool {
	if a.IsZero() || b.IsZero() {
		return false
	}
	if a.Nanosecond() == 0 {
		a = a.Add(time.Second)
	}
	return a.Before(b)
}

// sameBytes reads both objects as far as they are the same.
func (c *copying) sameBytes(ctx context.Context, t task) (bool, error) {
	here, err := c.from.Get(ctx, t.from, vfs.Request{})
	if err != nil {
		return false, err
	}
	defer here.Body.Close()
	there, err := c.to.Get(ctx, t.to, vfs.Request{})
	if err != nil {
		return false, err
	}
	defer there.Body.Close()
	if here.Info.Size != there.Info.Size {
		return false, nil
	}
	a, b := make([]byte, 64<<10), make([]byte, 64<<10)
	for left := here.Info.Size; left > 0; {
		n := min(left, int64(len(a)))
		if _, err := io.ReadFull(here.Body, a[:n]); err != nil {
			return false, err
		}
		if _, err := io.ReadFull(there.Body, b[:n]); err != nil {
			return false, err
		}
		if !bytes.Equal(a[:n], b[:n]) {
			return false, nil
		}
		left -= n
	}
	return true, nil
}

// stops reports whether after err nothing else is worth trying.
func stops(err error) bool {
	var fatal *exitError
	return errors.Is(err, vfs.ErrFull) || errors.Is(err, vfs.ErrUnavailable) ||
		errors.Is(err, vfs.ErrUnsupported) || errors.As(err, &fatal)
}

// counted is a source whose bytes are counted as they are read.
type counted struct {
	vfs.Backend
	copying *copying
}

func (b counted) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	obj, err := b.Backend.Open(ctx, n, req)
	if err != nil {
		return nil, err
	}
	// A File would be read past the count.
	obj.File = nil
	obj.Body = countedBody{counter{obj.Body, b.copying.progress}, obj.Body}
	return obj, nil
}

type countedBody struct {
	io.Reader
	io.Closer
}

// A counter adds what is read to a progress.
type counter struct {
	io.Reader
	progress *progress
}

func (r counter) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.progress.bytes.Add(int64(n))
	return n, err
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
