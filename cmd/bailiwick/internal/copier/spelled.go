package copier

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/unicode/norm"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// errSpelling is the error for a name that a file system which folds names takes for
// another one. To copy it would replace the other object, and a later removal of either
// name would remove both.
var errSpelling = errors.New("another name at the target differs only in case or normal form, and the target treats both as one; rename one of the two")

// spellings find out whether a name is at the target in exactly its spelling. A directory
// may fold names although those around it do not, so the names that exist decide, not a
// property of the file system: a name that the target finds, but does not list, is another.
type spellings struct {
	target vfs.Backend

	mu   sync.Mutex
	dirs map[vfs.Name]*spelledDir
}

// A spelledDir is what is known of a directory. It need not be all of it.
type spelledDir struct {
	exact    map[string]bool   // the names that it lists, and those that this run creates
	creating map[string]string // by a folded spelling, the names that this run creates
}

// maxSpelledDirs is how many directories are remembered at the same time.
const maxSpelledDirs = 256

// watchSpelling makes the run check names at the target b, if it is a disk.
func (c *copyRun) watchSpelling(b vfs.Backend) {
	if (c.opts.Move || c.opts.Delete) && b.Caps().Kind == "disk" {
		c.spellings = &spellings{target: b}
	}
}

// check fails if the target has n, or a directory on its path, only in another spelling.
func (s *spellings) check(ctx context.Context, n vfs.Name) error {
	if s == nil {
		return nil
	}
	var path []vfs.Name // n first
	for at := n; !at.IsRoot(); at = at.Dir() {
		path = append(path, at)
	}
	for i, at := range slices.Backward(path) {
		if s.knows(at) {
			continue
		}
		_, err := s.target.Stat(ctx, at, vfs.Request{})
		switch why := vfs.ReasonOf(err); {
		case why == reason.Missing:
			return s.create(path[:i+1])
		case err != nil && why == "":
			return err
		}
		listed, err := s.list(ctx, at)
		switch {
		case vfs.ReasonOf(err) == reason.Missing:
			return nil // it was just removed
		case err != nil:
			return err
		case !listed:
			return errSpelling
		}
	}
	return nil
}

// dir returns what is known of a directory. The caller holds s.mu.
func (s *spellings) dir(n vfs.Name) *spelledDir {
	d := s.dirs[n]
	if d != nil {
		return d
	}
	if s.dirs == nil || len(s.dirs) >= maxSpelledDirs {
		s.dirs = map[vfs.Name]*spelledDir{}
	}
	d = &spelledDir{map[string]bool{}, map[string]string{}}
	s.dirs[n] = d
	return d
}

// knows reports whether n is known to be there in exactly this spelling.
func (s *spellings) knows(n vfs.Name) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.dirs[n.Dir()]
	return d != nil && d.exact[n.Base()]
}

// create records names that this run creates. It fails if the run also creates another
// spelling of one.
func (s *spellings) create(names []vfs.Name) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range slices.Backward(names) {
		d, elem := s.dir(n.Dir()), n.Base()
		key := norm.NFC.String(strings.ToLower(strings.ToUpper(elem)))
		if other, ok := d.creating[key]; ok && other != elem {
			return errSpelling
		}
		d.creating[key], d.exact[elem] = elem, true
	}
	return nil
}

// list reads the directory of n, and reports whether it has n.
func (s *spellings) list(ctx context.Context, n vfs.Name) (listed bool, err error) {
	var elems []string
	ctx = driver.WithListHint(ctx, driver.ListHint{Names: true})
	for e, err := range s.target.List(ctx, n.Dir(), "") {
		if err != nil {
			return false, err
		}
		elems = append(elems, e.Elem)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.dir(n.Dir())
	for _, elem := range elems {
		d.exact[elem] = true
	}
	return slices.Contains(elems, n.Base()), nil
}
