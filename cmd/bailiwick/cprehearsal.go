package main

import (
	"bytes"
	"context"
	"io"
	"iter"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A rehearsal is a backend as a dry run sees it: what is put there only seems to
// be there, and reads as empty. So a name is refused because of another that would
// have been made before it, as it would be in earnest.
type rehearsal struct {
	vfs.Backend
	made *mem.Backend
}

// Caps promises writing, for which the backend itself need not be open.
func (r *rehearsal) Caps() vfs.Caps {
	caps := r.Backend.Caps()
	caps.Writable = true
	return caps
}

// Put does not read body.
func (r *rehearsal) Put(ctx context.Context, n vfs.Name, _ io.Reader, _ vfs.PutOptions) (vfs.Info, error) {
	return r.made.Put(ctx, n, bytes.NewReader(nil), vfs.PutOptions{})
}

// Stat tells of what is there, and else of what would be.
func (r *rehearsal) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	info, err := r.Backend.Stat(ctx, n, req)
	if vfs.ReasonOf(err) != reason.Missing {
		return info, err
	}
	made, madeErr := r.made.Stat(ctx, n, req)
	if vfs.ReasonOf(madeErr) == reason.Directory && !r.Backend.Caps().Directories {
		return info, err
	}
	return made, madeErr
}

// List yields what is there and what would be, in order.
func (r *rehearsal) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	hint := driver.ListHintOf(ctx)
	hint.AnyOrder = false // the two are merged by their order
	ctx = driver.WithListHint(ctx, hint)
	return func(yield func(vfs.Entry, error) bool) {
		next, stop := iter.Pull2(r.made.List(ctx, dir, after))
		defer stop()
		made, err, more := next() // a directory of which nothing was made is an error
		advance := func() { made, err, more = next() }
		onlyMade := more && err == nil
		for there, failed := range r.Backend.List(ctx, dir, after) {
			if failed != nil && onlyMade && vfs.ReasonOf(failed) == reason.Missing {
				break
			}
			if failed != nil {
				yield(vfs.Entry{}, failed)
				return
			}
			for ; more && err == nil && made.Key() <= there.Key(); advance() {
				if made.Key() < there.Key() && !yield(made, nil) {
					return
				}
			}
			if !yield(there, nil) {
				return
			}
		}
		for ; more && err == nil; advance() {
			if !yield(made, nil) {
				return
			}
		}
	}
}
