package copier

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

// A dryRunBackend is a backend as a dry run sees it: an object that was put there seems to
// exist, and reads as empty. So a name is refused because of one that the same run would
// have created before it, just as in a real run.
type dryRunBackend struct {
	vfs.Backend
	made *mem.Backend // the objects that would exist
}

// Caps promises writing, though the backend itself may be open for reading only.
func (d *dryRunBackend) Caps() vfs.Caps {
	caps := d.Backend.Caps()
	caps.Writable = true
	return caps
}

// Put does not read body.
func (d *dryRunBackend) Put(ctx context.Context, n vfs.Name, _ io.Reader, _ vfs.PutOptions) (vfs.Info, error) {
	return d.made.Put(ctx, n, bytes.NewReader(nil), vfs.PutOptions{})
}

// Stat describes the object that exists, else the one that would.
func (d *dryRunBackend) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	info, err := d.Backend.Stat(ctx, n, req)
	if vfs.ReasonOf(err) != reason.Missing {
		return info, err
	}
	made, madeErr := d.made.Stat(ctx, n, req)
	if vfs.ReasonOf(madeErr) == reason.Directory && !d.Backend.Caps().Directories {
		return info, err
	}
	return made, madeErr
}

// List yields the entries that exist and those that would, in order.
func (d *dryRunBackend) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	hint := driver.ListHintOf(ctx)
	hint.AnyOrder = false // the two are merged by their order
	ctx = driver.WithListHint(ctx, hint)
	return func(yield func(vfs.Entry, error) bool) {
		planned := newCursor(d.made.List(ctx, dir, after))
		defer planned.stop()
		onlyPlanned := planned.more
		for entry, err := range d.Backend.List(ctx, dir, after) {
			if onlyPlanned && vfs.ReasonOf(err) == reason.Missing {
				break
			}
			if err != nil {
				yield(vfs.Entry{}, err)
				return
			}
			for ; planned.more && planned.entry.Key() < entry.Key(); planned.advance() {
				if !yield(planned.entry, nil) {
					return
				}
			}
			if planned.more && planned.entry.Key() == entry.Key() {
				planned.advance()
			}
			if !yield(entry, nil) {
				return
			}
		}
		for ; planned.more; planned.advance() {
			if !yield(planned.entry, nil) {
				return
			}
		}
	}
}

// A cursor is a position in a listing. An error ends the listing, as if it had no further
// entries.
type cursor struct {
	entry vfs.Entry
	more  bool // entry is valid

	next func() (vfs.Entry, error, bool)
	stop func()
}

// newCursor returns a cursor at the first entry. The caller calls stop.
func newCursor(listing iter.Seq2[vfs.Entry, error]) *cursor {
	c := new(cursor)
	c.next, c.stop = iter.Pull2(listing)
	c.advance()
	return c
}

func (c *cursor) advance() {
	entry, err, ok := c.next()
	c.entry, c.more = entry, ok && err == nil
}
