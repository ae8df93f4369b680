package vfs

import (
	"context"
	"iter"

	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// Bounds of the search for siblings in one directory: of the entries that are nearly a
// spelling or lie before one, and of the listings. maxPassed is how many entries are
// passed over one by one before a listing begins anew where the next spelling can be: a
// page of S3. Each listing may make the backend read the whole directory, so their number
// has a bound of its own.
const (
	maxSiblingEntries  = 32_000
	maxSiblingListings = 32
	maxPassed          = 1000
)

// A spellingCursor goes through a directory, in order, where spellings of one element
// can be.
type spellingCursor struct {
	want  spelling
	after string // the next listing begins behind this key
	bound string // no spelling that was not met lies before this key

	more     bool // a spelling can lie at bound or behind
	met      int  // met so far, in all listings
	listings int
	passed   int  // in a row, before bound
	over     bool // the last listing came to its end
}

func newSpellingCursor(elem string) *spellingCursor {
	c := &spellingCursor{want: newSpelling(elem)}
	c.bound, c.more = c.want.next("")
	return c
}

// entries yields the entries of n's directory where spellings can be, in order. It
// begins a listing anew where that spares reading what lies in between. An error ends
// it: [ErrListBound] if there is too much that is nearly a spelling.
func (c *spellingCursor) entries(ctx context.Context, b Backend, dir Name) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for c.begin() {
			for e, err := range b.List(ctx, dir, c.after) {
				if err != nil {
					// What lies behind the last entry is not missing.
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

// begin reports whether a listing is to be begun, behind c.after.
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

// pass takes the key of the next entry and reports whether the listing goes on.
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
