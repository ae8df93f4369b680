package reconcile

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A Problem is an inconsistency between catalog and source.
type Problem struct {
	Kind   Kind
	Name   string         // of the object, as the source has it
	Record catalog.Record // zero for RowMissing and Foreign
	Err    error          // of ObjectUnread
}

// A Kind is a kind of inconsistency. Its string is stable.
type Kind string

const (
	ObjectMissing Kind = "object.missing" // a ready row without an object
	ObjectSize    Kind = "object.size"    // an object whose size differs from its row
	ObjectHash    Kind = "object.sha256"  // an object whose SHA-256 differs from its row
	ObjectUnread  Kind = "object.unread"  // an object that could not be read completely
	RowMissing    Kind = "row.missing"    // an object without a row
	RowStale      Kind = "row.left"       // a stale upload or removal
	Foreign       Kind = "foreign"        // something in the source that is not an upload
)

// Detail explains a problem to an operator.
func (k Kind) Detail() string { return details[k] }

var details = map[Kind]string{
	ObjectMissing: "it is in the catalog but not in the source: restore the object, or delete the upload by its ID",
	ObjectSize:    "its size differs from the catalog: restore the object",
	ObjectHash:    "its content differs from the catalog: restore the object",
	ObjectUnread:  "the source could not read it completely",
	RowMissing:    "it is in the source but not in the catalog, so nobody can access it: check that this is the right catalog",
	RowStale:      "an upload or removal was interrupted: bailiwick catalog sweep cleans it up",
	Foreign:       "it is not an upload, and is never served",
}

// Options are the options of Check.
type Options struct {
	// Deep reads every object and compares its SHA-256.
	Deep bool
	// Before: a row that is not ready is also stale if it was last touched before this
	// time, although its server is not known to be dead.
	Before time.Time
	// Ignore, if set, reports whether a foreign object may be in the source, such as
	// the file of the catalog.
	Ignore func(name string) bool
}

// A Summary counts what Check has seen.
type Summary struct {
	Ready    int   // uploads that are complete
	Bytes    int64 // their size
	UnderWay int   // uploads and removals that are running
	Problems int
}

// Clean reports whether there was no problem.
func (s *Summary) Clean() bool { return s.Problems == 0 }

// Check yields every problem, and counts into sum. It reads rows and objects once, in
// parallel and in order, whatever their number. Servers may run meanwhile: what does not
// match is checked a second time in the end. An error ends Check. The jail's policy is
// [catalog.Policy].
func Check(ctx context.Context, jail *vfs.Jail, cat catalog.Catalog, opts Options, sum *Summary) iter.Seq2[Problem, error] {
	return func(yield func(Problem, error) bool) {
		c := &check{ctx: ctx, jail: jail, cat: cat, opts: opts, sum: sum, yield: yield}
		if err := c.run(); err != nil && !errors.Is(err, errStopped) {
			yield(Problem{}, err)
		}
	}
}

// errStopped: the caller's loop has ended.
var errStopped = errors.New("reconcile: stopped")

// A check is a running Check. The first pass merges rows and objects and reports what is
// certain. It keeps what may only look wrong, since row and object were not read at the
// same moment, for the second pass in recheck.go.
type check struct {
	ctx   context.Context
	jail  *vfs.Jail
	cat   catalog.Catalog
	opts  Options
	sum   *Summary
	yield func(Problem, error) bool

	stale     map[uuid.UUID]bool // rows that are stale
	noObjects []catalog.Record   // ready rows without an object
	noRows    []uuid.UUID        // objects without a row, in order
}

func (c *check) run() error {
	c.stale = map[uuid.UUID]bool{}
	for rec, err := range c.cat.Stale(c.ctx, c.opts.Before) {
		if err != nil {
			return err
		}
		c.stale[rec.ID] = true
	}
	for p, err := range pairs(c.ctx, c.jail, c.cat.All(c.ctx)) {
		if err == nil {
			err = c.pair(p)
		}
		if err != nil {
			return err
		}
	}
	if err := c.recheckRows(); err != nil {
		return err
	}
	return c.recheckObjects()
}

// pair checks the row and the object of an ID.
func (c *check) pair(p pair) error {
	switch {
	case p.foreign && c.opts.Ignore != nil && c.opts.Ignore(p.object.Path):
		return nil
	case p.foreign:
		return c.report(Problem{Kind: Foreign, Name: p.object.Path})
	case p.row == nil:
		id, _ := catalog.ObjectID(p.object.Path)
		c.noRows = append(c.noRows, id)
		return nil
	case p.row.State != catalog.Ready && c.stale[p.row.ID]:
		return c.report(Problem{Kind: RowStale, Name: p.row.ID.String(), Record: *p.row})
	case p.row.State != catalog.Ready:
		c.sum.UnderWay++
		return nil
	case p.object == nil:
		c.noObjects = append(c.noObjects, *p.row)
		return nil
	case p.object.Size != p.row.Size:
		c.countReady(*p.row)
		return c.report(Problem{Kind: ObjectSize, Name: p.row.ID.String(), Record: *p.row})
	case c.opts.Deep:
		return c.content(*p.row)
	}
	c.countReady(*p.row)
	return nil
}

// content reads the object of rec and compares its hash.
func (c *check) content(rec catalog.Record) error {
	obj, err := c.jail.Get(c.ctx, catalog.ObjectName(rec.ID), vfs.Request{})
	if vfs.ReasonOf(err) == reason.Missing {
		c.noObjects = append(c.noObjects, rec)
		return nil
	}
	c.countReady(rec)
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
	p := Problem{Kind: ObjectHash, Name: rec.ID.String(), Record: rec}
	if err != nil {
		p.Kind, p.Err = ObjectUnread, err
	}
	return c.report(p)
}

func (c *check) countReady(rec catalog.Record) {
	c.sum.Ready++
	c.sum.Bytes += rec.Size
}

func (c *check) report(p Problem) error {
	c.sum.Problems++
	if !c.yield(p, nil) {
		return errStopped
	}
	return nil
}
