package overlay

import (
	"cmp"
	"context"
	"errors"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A found says which backend answered. release, if not nil, frees the context of that
// call; the caller calls it when it no longer needs the result.
type found struct {
	layer   int
	release context.CancelFunc
}

// find asks the backends from the top down until one has n, and returns its answer,
// which is also a failed condition or a refusal. It drops results that turn out to be
// hidden.
func find[T any](ctx context.Context, b *backend, op string, n vfs.Name, ask func(context.Context, layer) (T, error), drop func(T)) (T, found, error) {
	var none T
	if err := checkName(op, n); err != nil {
		return none, found{}, err
	}
	acc := accountOf(ctx, len(b.layers))
	own := ask
	ask = func(ctx context.Context, l layer) (T, error) { return own(acc.ask(ctx, l.at), l) }
	a := start(ctx, b, ask, drop)
	for i := range b.layers {
		v, err := a.get(i)
		switch {
		case missing(err):
			continue
		case err == nil, vfs.ReasonOf(err) != "", decided(err):
		default:
			a.end(-1)
			return none, found{}, err
		}
		hidden, why := b.hides(acc.silent(ctx), n, i, vfs.ReasonOf(err) == reason.Directory)
		if !hidden && why == nil {
			acc.answered(i)
		}
		if err == nil && !hidden && why == nil {
			return v, found{i, a.end(i)}, nil
		}
		if err == nil {
			drop(v)
		}
		a.end(-1)
		switch {
		case why != nil:
			return none, found{}, about(op, n, why)
		case hidden, vfs.ReasonOf(err) == reason.Directory && !b.caps.Directories:
			return none, found{}, driver.Refuse(op, n, reason.Missing)
		}
		return none, found{i, nil}, err
	}
	a.end(-1)
	return none, found{}, driver.Refuse(op, n, reason.Missing)
}

// An account gives each backend an Answer of its own, and keeps the one that counts: they
// may be asked at the same time, and a cache above that has nothing of the name, or is asked
// for a whiteout, did not answer the call.
type account struct {
	to *driver.Answer // nil if the caller does not ask
	of []driver.Answer
}

func accountOf(ctx context.Context, backends int) account {
	to := driver.AnswerOf(ctx)
	if to == nil {
		return account{}
	}
	return account{to, make([]driver.Answer, backends)}
}

// ask returns the context to ask the backend i.
func (a account) ask(ctx context.Context, i int) context.Context {
	if a.to == nil {
		return ctx
	}
	return driver.WithAnswer(ctx, &a.of[i])
}

// silent returns a context for calls that the caller's Answer is not about.
func (a account) silent(ctx context.Context) context.Context {
	if a.to == nil {
		return ctx
	}
	return driver.WithAnswer(ctx, nil)
}

// answered says that the answer is that of the backend i.
func (a account) answered(i int) {
	if a.to != nil {
		above := a.to.Cache // a cache above that is bypassed
		*a.to = a.of[i]
		a.to.Cache, a.to.Layer = cmp.Or(a.to.Cache, above), i+1
	}
}

// missing reports whether a backend says that it has nothing of that name. It has none
// of a name that it cannot store.
func missing(err error) bool {
	why := vfs.ReasonOf(err)
	return why == reason.Missing || why == reason.Unholdable
}

// decided reports whether err says that the object exists, but not as requested.
func decided(err error) bool {
	return errors.Is(err, vfs.ErrNotModified) || errors.Is(err, vfs.ErrPrecondition) || errors.Is(err, vfs.ErrRange)
}

// hides reports whether what the backend i has under n is hidden. The backends above it
// have nothing of that name.
func (b *backend) hides(ctx context.Context, n vfs.Name, i int, isDir bool) (bool, error) {
	if i == 0 {
		return false, nil
	}
	for _, above := range b.layers[:i] {
		if hidden, err := above.covers(ctx, n.Dir()); hidden || err != nil {
			return hidden, err
		}
	}
	if hidden, err := b.whited(ctx, n); hidden || err != nil || !isDir {
		return hidden, err
	}
	if marked, err := b.marked(ctx, n); !marked || err != nil {
		return false, err
	}
	shown, err := b.shows(ctx, n)
	return !shown, err
}

// covers reports whether l has something other than a directory under the name dir or on
// the path to it.
func (l layer) covers(ctx context.Context, dir vfs.Name) (bool, error) {
	if !l.dirs {
		return false, nil
	}
	for ; !dir.IsRoot(); dir = dir.Dir() {
		covered, isDir, err := l.coversAt(ctx, dir)
		if covered || isDir || err != nil {
			return covered, err
		}
	}
	return false, nil
}

// coversAt is covers for dir alone. isDir is set if l has a directory there.
func (l layer) coversAt(ctx context.Context, dir vfs.Name) (covered, isDir bool, err error) {
	_, err = l.Stat(ctx, dir, vfs.Request{})
	switch why := vfs.ReasonOf(err); {
	case missing(err):
		return false, false, nil
	case why == reason.Directory:
		return false, true, nil
	case err == nil, why != "":
		return true, false, nil
	}
	return false, false, err
}

// shows reports whether the directory dir exists in the merged tree.
func (b *backend) shows(ctx context.Context, dir vfs.Name) (bool, error) {
	for _, err := range b.List(withNames(ctx), dir, "") {
		if vfs.ReasonOf(err) == reason.Missing {
			return false, nil
		}
		return err == nil, err
	}
	return true, nil
}

// answers are those of the backends to one call.
type answers[T any] struct {
	get func(i int) (T, error)
	// end drops the answers that get has not returned, except that of keep. It returns
	// a function that frees keep's context, or nil.
	end func(keep int) context.CancelFunc
}

// start asks the backends: each when its answer is needed, or all at once. No call goes
// on when end has returned.
func start[T any](ctx context.Context, b *backend, ask func(context.Context, layer) (T, error), drop func(T)) answers[T] {
	if !b.opts.Parallel || len(b.layers) == 1 {
		return answers[T]{
			get: func(i int) (T, error) { return ask(ctx, b.layers[i]) },
			end: func(int) context.CancelFunc { return nil },
		}
	}
	type answer struct {
		v   T
		err error
	}
	calls := make([]chan answer, len(b.layers))
	cancels := make([]context.CancelFunc, len(b.layers))
	for i, l := range b.layers {
		calls[i] = make(chan answer, 1)
		var own context.Context
		own, cancels[i] = context.WithCancel(ctx)
		go func() {
			v, err := ask(own, l)
			calls[i] <- answer{v, err}
		}()
	}
	taken := 0
	return answers[T]{
		get: func(i int) (T, error) {
			taken = i + 1
			a := <-calls[i]
			return a.v, a.err
		},
		end: func(keep int) context.CancelFunc {
			for i, cancel := range cancels {
				if i != keep {
					cancel()
				}
			}
			for _, c := range calls[taken:] {
				if a := <-c; a.err == nil {
					drop(a.v)
				}
			}
			if keep < 0 {
				return nil
			}
			return cancels[keep]
		},
	}
}
