package vfs

// What a look for siblings may read of one directory: so many entries that are nearly a
// spelling or lie before one, in so many listings. maxPassed is how many entries are
// passed over one by one before a listing is begun anew where the next spelling can be:
// a page of S3. Each listing may cost the backend a look at the whole directory, so that
// their number is bounded for itself.
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
	entries  int  // met so far, in all listings
	listings int
	passed   int  // in a row, before bound
	over     bool // the last listing came to its end
}

func newSpellingCursor(elem string) *spellingCursor {
	c := &spellingCursor{want: newSpelling(elem)}
	c.bound, c.more = c.want.next("")
	return c
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
	if c.entries++; c.entries > maxSiblingEntries {
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
