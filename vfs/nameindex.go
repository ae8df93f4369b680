package vfs

import (
	"container/list"
	"context"
	"errors"
	"hash/maphash"
	"iter"
	"sync"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs/internal/filestore"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A nameIndex remembers which names directories contain, in any spelling, so that the
// creation of many objects does not list their directory for each of them. It is only
// trusted when it says that a name does not exist: a name that it contains is looked up
// in the backend, so it may contain too many, and no refusal depends on it.
//
// It contains what a directory's listing contained, and all names that the Jail has
// created since then. Names that others create after the listing are missing, for as
// long as the index is used: see [NewBulk] and [Jail.Put].
//
// Names are kept as hashes of their folding, seeded anew in each index: two names with
// one hash only cost a look-up. A nil index knows nothing.
type nameIndex struct {
	limits indexLimits
	seed   maphash.Seed

	mu       sync.Mutex
	dirs     map[string]*indexedDir // by the folding of the directory's name
	byUse    list.List              // of *indexedDir, most recently used first
	names    int                    // in all dirs together
	creating map[Name]int           // names between create and created or failed
}

// indexLimits say when a nameIndex lists a directory, and how long it uses the result.
type indexLimits struct {
	dirs, names int           // held at the same time
	age         time.Duration // of a listing that was quick; 0 means no limit
	ageFactor   time.Duration // of other listings, as a multiple of the time that they took
	looks       int           // look-ups of new names in a directory before it is listed
	perLook     int           // names to list for each of these look-ups: more are not worth it
	fromTop     bool          // list what is above a directory first: that may show that it is missing
}

var (
	// bulkLimits hold about 20 MB.
	bulkLimits = indexLimits{dirs: 4096, names: 1 << 20, looks: 1, perLook: 8000, fromTop: true}
	// serverLimits are for the Puts of many clients, beside those of other servers: only
	// names that are created in quick succession use the index.
	serverLimits = indexLimits{dirs: 64, names: 1 << 17, age: time.Second, ageFactor: 8, looks: 8, perLook: 1000}
	// treeLimits are serverLimits for a backend that reads whole directories: there, a
	// look-up without the index costs as much as a listing for it. They hold about 20 MB.
	treeLimits = indexLimits{dirs: 64, names: 1 << 20, age: time.Second, ageFactor: 8, looks: 8, perLook: 1 << 20}
)

// An indexedDir is what is known of a directory.
type indexedDir struct {
	name  Name
	place *list.Element
	state dirState
	since time.Time           // when its listing, or the counting of looks, began
	age   time.Duration       // after which its listing is not used
	looks int                 // until its listing
	used  int                 // look-ups since its listing
	wait  int                 // looks before the next listing
	names map[uint64]struct{} // by hash; empty in dirUnknown and dirMissing

	// confirmed is set if the directory was seen to exist. Otherwise a Put is about to
	// create it.
	confirmed bool
	listed    chan struct{} // closed when the listing in progress ends
	dropped   bool
}

type dirState uint8

const (
	dirUnknown dirState = iota
	dirListing
	dirListed
	dirMissing // nothing is in it
)

// absence is what a nameIndex knows of a name.
type absence uint8

const (
	maybeThere  absence = iota
	notThere            // its directory has no spelling of the name
	noDirectory         // its directory does not exist either
)

func newNameIndex(limits indexLimits) *nameIndex {
	return &nameIndex{limits: limits, seed: maphash.MakeSeed(), dirs: map[string]*indexedDir{}, creating: map[Name]int{}}
}

// look returns what is known of n. It lists n's directory if there have been enough
// look-ups to make that worthwhile. A caller that creates n must have claimed it before.
func (x *nameIndex) look(ctx context.Context, b Backend, n Name) absence {
	if x == nil {
		return maybeThere
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.learn(ctx, b, n.Dir())
	return x.absence(n)
}

// learn lists the directory n, if that is worthwhile and it may exist.
func (x *nameIndex) learn(ctx context.Context, b Backend, n Name) {
	if x.limits.fromTop && !n.IsRoot() && x.usable(n) == nil {
		x.learn(ctx, b, n.Dir())
	}
	d := x.dir(n)
	if d.state == dirUnknown {
		d.looks++
		if since, lacks := x.lacksDir(n); lacks {
			d.state, d.since = dirMissing, since
		} else if d.looks >= d.wait {
			x.list(ctx, b, d)
		}
	}
	if d.state == dirListing {
		x.awaitListing(ctx, d)
	}
	d.used++
}

// known is look without a listing.
func (x *nameIndex) known(n Name) absence {
	if x == nil {
		return maybeThere
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.absence(n)
}

func (x *nameIndex) absence(n Name) absence {
	d := x.usable(n.Dir())
	switch {
	case d == nil:
		return maybeThere
	case d.state == dirMissing:
		return noDirectory
	}
	if _, ok := d.names[x.hash(n.Base())]; ok {
		return maybeThere
	}
	return notThere
}

// usable returns the directory if it was listed, recently enough, or nil.
func (x *nameIndex) usable(n Name) *indexedDir {
	d := x.dirs[foldSpelling(n.s)]
	if d == nil || d.name != n || d.state != dirListed && d.state != dirMissing || x.expired(d) {
		return nil
	}
	return d
}

func (x *nameIndex) expired(d *indexedDir) bool {
	return d.age > 0 && time.Since(d.since) > d.age
}

// lacksDir reports whether the directory n does not exist, because one above it is known
// not to contain what leads to n, and since when that is known.
func (x *nameIndex) lacksDir(n Name) (since time.Time, lacks bool) {
	for ; !n.IsRoot(); n = n.Dir() {
		if d := x.usable(n.Dir()); d != nil {
			return d.since, x.absence(n) != maybeThere
		}
	}
	return time.Time{}, false
}

// dir returns the entry of a directory, new if there is none that can be used.
func (x *nameIndex) dir(n Name) *indexedDir {
	key, looks := foldSpelling(n.s), 0
	d := x.dirs[key]
	if d != nil && (d.name != n || d.state != dirListing && x.expired(d)) {
		if d.name == n && d.state == dirListed && d.used >= x.limits.looks {
			looks = d.used // a listing was worthwhile, so another one at once is, too
		}
		x.drop(d)
		d = nil
	}
	if d == nil {
		d = &indexedDir{
			name: n, since: time.Now(), age: x.limits.age,
			looks: looks, wait: x.limits.looks, names: map[uint64]struct{}{},
		}
		d.place = x.byUse.PushFront(d)
		x.dirs[key] = d
		x.shrink(d)
	}
	x.byUse.MoveToFront(d.place)
	return d
}

// list reads the directory d. It holds x.mu except while it reads.
func (x *nameIndex) list(ctx context.Context, b Backend, d *indexedDir) {
	d.state, d.since, d.confirmed, d.listed, d.used = dirListing, time.Now(), false, make(chan struct{}), 0
	defer func() {
		if d.state == dirListing { // the listing failed, or the backend panicked
			d.state, d.wait = dirUnknown, 4*d.looks
			x.clear(d)
		}
		close(d.listed)
	}()
	// The listing may miss what is being created at this moment. What is created from
	// now on is recorded in d.
	for n := range x.creating {
		for at := n; !at.IsRoot(); at = at.Dir() {
			if at.Dir() == d.name {
				x.add(d, x.hash(at.Base()))
			}
		}
	}
	budget := min(d.looks*x.limits.perLook, x.limits.names)
	found, missing, err := x.read(ctx, b, d.name, budget)
	switch {
	case err != nil || d.dropped:
	case missing && len(d.names) == 0:
		d.state = dirMissing
	default:
		d.state, d.confirmed = dirListed, d.confirmed || !missing
		d.age = max(d.age, x.limits.ageFactor*time.Since(d.since))
		for h := range found {
			x.add(d, h)
		}
		x.shrink(d)
	}
}

var errIndexFull = errors.New("the directory has too many names for the index")

// read lists a directory, without x.mu. It fails if that has more names than budget.
func (x *nameIndex) read(ctx context.Context, b Backend, dir Name, budget int) (found map[uint64]struct{}, missing bool, err error) {
	x.mu.Unlock()
	defer x.mu.Lock()
	found = map[uint64]struct{}{}
	ctx = filestore.WithHint(ctx, listHint{Names: true, AnyOrder: true, Requests: budget/1000 + 1})
	for e, err := range b.List(ctx, dir, "") {
		switch {
		case ReasonOf(err) == reason.Missing && len(found) == 0:
			return nil, true, nil
		case err != nil:
			return nil, false, err
		case len(found) == budget:
			return nil, false, errIndexFull
		}
		found[x.hash(e.Elem)] = struct{}{}
	}
	return found, false, nil
}

// awaitListing returns when another call has listed d.
func (x *nameIndex) awaitListing(ctx context.Context, d *indexedDir) {
	listed := d.listed
	x.mu.Unlock()
	defer x.mu.Lock()
	select {
	case <-listed:
	case <-ctx.Done():
	}
}

func (x *nameIndex) hash(elem string) uint64 { return maphash.String(x.seed, foldSpelling(elem)) }

func (x *nameIndex) add(d *indexedDir, h uint64) {
	if _, ok := d.names[h]; !ok && !d.dropped {
		d.names[h] = struct{}{}
		x.names++
	}
}

// clear removes the names of d.
func (x *nameIndex) clear(d *indexedDir) {
	if !d.dropped {
		x.names -= len(d.names)
	}
	clear(d.names)
}

// shrink forgets the directories that were used longest ago if there are too many, or
// too many names in them. It keeps d, unless that alone is too large.
func (x *nameIndex) shrink(d *indexedDir) {
	for len(x.dirs) > x.limits.dirs || x.names > x.limits.names {
		last := x.byUse.Back().Value.(*indexedDir)
		x.drop(last)
		if last == d {
			return
		}
	}
}

func (x *nameIndex) drop(d *indexedDir) {
	if d.dropped {
		return
	}
	d.dropped = true
	x.names -= len(d.names)
	x.byUse.Remove(d.place)
	delete(x.dirs, foldSpelling(d.name.s))
}

// create records that n is about to be created, with the missing directories on its
// path. Then end must be called.
func (x *nameIndex) create(n Name) {
	if x == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.creating[n]++
	for d, at := range x.path(n) {
		switch d.state {
		case dirUnknown:
			continue
		case dirMissing:
			d.state = dirListed
		}
		x.add(d, x.hash(at.Base()))
		x.shrink(d)
	}
}

// end records that n, of which create was called, was created, or why not. If others
// create names in the same directory, its listing is out of date.
func (x *nameIndex) end(n Name, err error) {
	if x == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.creating[n]--; x.creating[n] == 0 {
		delete(x.creating, n)
	}
	for d := range x.path(n) {
		if err == nil {
			d.confirmed = true
		} else if !d.confirmed {
			x.drop(d)
		}
	}
	if !errors.Is(err, ErrExist) && !errors.Is(err, ErrPrecondition) {
		return
	}
	if d := x.usable(n.Dir()); d != nil {
		// If that happens often, looking up each name is cheaper than listing again.
		x.clear(d)
		d.state, d.since, d.looks, d.wait = dirUnknown, time.Now(), 0, 2*max(d.wait, x.limits.looks)
	}
}

// remove forgets the directories on the path of n, which is removed: if it was the only
// object in them, they do not exist any more.
func (x *nameIndex) remove(n Name) {
	if x == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for d := range x.path(n) {
		x.drop(d)
	}
}

// path yields the indexed directories on the path of n, each with the name in it that
// leads to n, from the lowest up.
func (x *nameIndex) path(n Name) iter.Seq2[*indexedDir, Name] {
	return func(yield func(*indexedDir, Name) bool) {
		for at := n; !at.IsRoot(); at = at.Dir() {
			if d := x.dirs[foldSpelling(at.Dir().s)]; d != nil && d.name == at.Dir() && !yield(d, at) {
				return
			}
		}
	}
}
