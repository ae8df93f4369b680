package steward

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A Kind says what is wrong. Its string is stable.
type Kind string

// The kinds of problems.
const (
	ObjectMissing Kind = "object.missing" // a ready row without an object
	ObjectSize    Kind = "object.size"    // an object of another size than its row says
	ObjectHash    Kind = "object.sha256"  // an object of other bytes than its row says
	ObjectUnread  Kind = "object.unread"  // an object that could not be read to its end
	RowMissing    Kind = "row.missing"    // an object without a row
	RowLeft       Kind = "row.left"       // an upload or removal that nobody works on any more
	Foreign       Kind = "foreign"        // something in the source that no upload made
)

// Detail says what an operator can make of a problem.
func (k Kind) Detail() string { return details[k] }

var details = map[Kind]string{
	ObjectMissing: "the catalog has it, the source does not: restore the object, or delete the upload by its ID",
	ObjectSize:    "its size is not the one that it was stored with: restore the object",
	ObjectHash:    "its bytes are not those that it was stored with: restore the object",
	ObjectUnread:  "the source did not give its bytes",
	RowMissing:    "the source has it, the catalog does not: nobody can reach it; is this the right catalog?",
	RowLeft:       "an upload or removal broke off: bailiwick catalog sweep clears it",
	Foreign:       "no upload made it, and none is served by such a name",
}

// A Problem is something on which catalog and source do not agree.
type Problem struct {
	Kind   Kind
	Name   string         // of the object, as the source has it
	Record catalog.Record // zero for RowMissing and Foreign
	Err    error          // of ObjectUnread
}

// Options are the options of Check.
type Options struct {
	// Deep reads every object and compares its SHA-256.
	Deep bool
	// Before: a row that is not ready, and whose server is not known to be dead, is
	// a problem if it was last touched before this time.
	Before time.Time
	// Ignore, if set, reports whether something in the source that no upload made
	// may be there: the files of a catalog, for one.
	Ignore func(name string) bool
}

// A Summary counts what Check saw.
type Summary struct {
	Ready    int   // uploads that are there
	Bytes    int64 // of them
	UnderWay int   // uploads and removals that somebody works on
	Problems int
}

// Clean reports whether there was no problem.
func (s *Summary) Clean() bool { return s.Problems == 0 }

// Check yields every problem, and counts what it sees into sum. Both the rows
// and the objects are read once, side by side, whatever their number; what does not
// match is looked at again in the end, since servers may go on meanwhile. An error
// ends it. The jail's policy is [catalog.Policy].
func Check(ctx context.Context, jail *vfs.Jail, cat catalog.Catalog, opts Options, sum *Summary) iter.Seq2[Problem, error] {
	return func(yield func(Problem, error) bool) {
		c := &check{ctx: ctx, jail: jail, cat: cat, opts: opts, sum: sum, yield: yield}
		if err := c.run(); err != nil && !errors.Is(err, errStopped) {
			yield(Problem{}, err)
		}
	}
}

// errStopped: whoever reads the problems has seen enough.
var errStopped = errors.New("steward: stopped")

type check struct {
	ctx   context.Context
	jail  *vfs.Jail
	cat   catalog.Catalog
	opts  Options
	sum   *Summary
	yield func(Problem, error) bool

	left     map[uuid.UUID]bool // rows that nobody works on
	rowless  []uuid.UUID        // objects without a row, at first sight
	lessRows []catalog.Record   // rows without an object, at first sight
}

func (c *check) run() error {
	c.left = map[uuid.UUID]bool{}
	for rec, err := range c.cat.Left(c.ctx, c.opts.Before) {
		if err != nil {
			return err
		}
		c.left[rec.ID] = true
	}
	if err := c.compare(); err != nil {
		return err
	}
	return c.lookAgain()
}

func (c *check) report(p Problem) error {
	c.sum.Problems++
	if !c.yield(p, nil) {
		return errStopped
	}
	return nil
}

// compare goes through rows and objects.
func (c *check) compare() error {
	for p, err := range pairs(c.ctx, c.jail, c.cat.All(c.ctx)) {
		switch {
		case err != nil:
		case p.foreign && c.opts.Ignore != nil && c.opts.Ignore(p.object.Path):
		case p.foreign:
			err = c.report(Problem{Kind: Foreign, Name: p.object.Path})
		case p.row == nil:
			id, _ := catalog.ObjectID(p.object.Path)
			c.rowless = append(c.rowless, id)
		default:
			err = c.row(*p.row, p.object)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// row judges a row by its object, nil if there is none.
func (c *check) row(rec catalog.Record, object *vfs.Finding) error {
	switch {
	case rec.State != catalog.Ready && c.left[rec.ID]:
		return c.report(Problem{Kind: RowLeft, Name: rec.ID.String(), Record: rec})
	case rec.State != catalog.Ready:
		c.sum.UnderWay++
		return nil
	case object == nil:
		c.lessRows = append(c.lessRows, rec)
		return nil
	}
	c.sum.Ready++
	c.sum.Bytes += rec.Size
	if object.Size != rec.Size {
		return c.report(Problem{Kind: ObjectSize, Name: rec.ID.String(), Record: rec})
	}
	if !c.opts.Deep {
		return nil
	}
	return c.hash(rec)
}

// hash reads the object of rec.
func (c *check) hash(rec catalog.Record) error {
	p := Problem{Name: rec.ID.String(), Record: rec}
	obj, err := c.jail.Get(c.ctx, catalog.ObjectName(rec.ID), vfs.Request{})
	if vfs.ReasonOf(err) == reason.Missing {
		c.sum.Ready--
		c.sum.Bytes -= rec.Size
		c.lessRows = append(c.lessRows, rec)
		return nil
	}
	if err == nil {
		hash := sha256.New()
		_, err = io.Copy(hash, obj.Body)
		err = errors.Join(err, obj.Body.Close())
		if err == nil && [sha256.Size]byte(hash.Sum(nil)) == rec.SHA256 {
			return nil
		}
	}
	if c.ctx.Err() != nil {
		return c.ctx.Err()
	}
	p.Kind = ObjectHash
	if err != nil {
		p.Kind, p.Err = ObjectUnread, err
	}
	return c.report(p)
}

// lookAgain judges what did not match. Row and object were looked at one after the
// other, and an upload may have come or gone between.
func (c *check) lookAgain() error {
	for _, rec := range c.lessRows {
		there, err := c.isThere(rec.ID)
		if err != nil {
			return err
		}
		// The row is asked for behind the object: a removal takes the row out of
		// ready first.
		_, err = c.cat.Get(c.ctx, rec.ID)
		switch {
		case errors.Is(err, catalog.ErrNotFound):
		case err != nil:
			return err
		case there:
			c.sum.Ready++
			c.sum.Bytes += rec.Size
		default:
			if err := c.report(Problem{Kind: ObjectMissing, Name: rec.ID.String(), Record: rec}); err != nil {
				return err
			}
		}
	}
	if len(c.rowless) == 0 {
		return nil
	}
	// The row of an upload that is under way only a look through all can find.
	rows := map[uuid.UUID]catalog.Record{}
	for rec, err := range c.cat.All(c.ctx) {
		if err != nil {
			return err
		}
		if _, ok := slices.BinarySearchFunc(c.rowless, rec.ID, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) }); ok {
			rows[rec.ID] = rec
		}
	}
	for _, id := range c.rowless {
		switch rec, ok := rows[id]; {
		case rec.State == catalog.Ready:
			c.sum.Ready++
			c.sum.Bytes += rec.Size
			continue
		case ok:
			c.sum.UnderWay++
			continue
		}
		there, err := c.isThere(id)
		if err != nil {
			return err
		}
		if there {
			if err := c.report(Problem{Kind: RowMissing, Name: id.String()}); err != nil {
				return err
			}
		}
	}
	return nil
}

// isThere reports whether there is an object of this ID.
func (c *check) isThere(id uuid.UUID) (bool, error) {
	_, _, err := c.jail.Head(c.ctx, catalog.ObjectName(id), vfs.Request{})
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		// A link or a directory of such a name is no object either.
		return false, nil
	}
	return false, fmt.Errorf("steward: looking for an object: %w", err)
}
