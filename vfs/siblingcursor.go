package vfs

import (
	"context"
	"iter"

	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// Bounds of the search for siblings in one directory: the number of entries that are
// almost a spelling or sort before one, and the number of listings, each of which may
// make the backend read the whole directory. After maxPassed entries, one page of S3,
// the cursor begins a new listing where the next spelling can be.
const (
	maxSiblingEntries  = 32_000
	maxSiblingListings = 32
	maxPassed          = 1000
)

// A spellingCursor reads a directory, in order, at the places where spellings of one
// element can be.
type spellingCursor struct {
	want  spelling
	after string // the next listing begins after this key
	bound string // all spellings before this key have been seen

	more     bool // a spelling can be at or after bound
	met      int  // entries seen so far, in all listings
	listings int
	passed   int  // consecutive entries before bound
	over     bool // the last listing was complete
}

func newSpellingCursor(elem string) *spellingCursor {
	c := &spellingCursor{want: newSpelling(elem)}
	c.bound, c.more = c.want.next("")
	return c
}

// entries yields the entries of n's directory at the places where spellings can be, in
// order. It starts a new listing if that avoids reading what lies between. It ends at
// an error: [ErrListBound] if too many entries are almost a spelling.
func (c *spellingCursor) entries(ctx context.Context, b Backend, dir Name) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for c.begin() {
			for e, err := range b.List(ctx, dir, c.after) {
				if err != nil {
					// A listing after the last entry may report the directory as
					// missing.
					if c.after == "" || ReasonOf(err) != reason.Missing {
						yield(Entry{}, err)
					}
					return
				}
				if !yield(e, nil) {
					return
				}
				if goOn, err := c.pass(e.Key()); err != nil {
					yield(Entry{}, err)
					return
				} else if !goOn {
					break
				}
			}
		}
	}
}

// begin reports whether to start another listing, after c.after.
func (c *spellingCursor) begin() bool {
	if c.over || !c.more {
		return false
	}
	if c.listings > 0 {
		c.after = justBelow(c.bound)
	}
	c.listings++
	c.passed, c.over = 0, true
	return true
}

// pass records the key of the next entry and reports whether to continue the listing.
func (c *spellingCursor) pass(key string) (goOn bool, err error) {
	if c.met++; c.met > maxSiblingEntries {
		return false, ErrListBound
	}
	if key < c.bound {
		if c.passed++; c.passed >= maxPassed && c.listings < maxSiblingListings {
			c.over = false
			return false, nil
		}
		return true, nil
	}
	c.passed = 0
	c.bound, c.more = c.want.next(key)
	return c.more, nil
}
