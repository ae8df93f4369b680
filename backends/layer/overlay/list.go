package overlay

import (
	"context"
	"iter"
	"slices"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// List implements vfs.Backend.
func (b *backend) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		if err := checkName("list", dir); err != nil {
			yield(vfs.Entry{}, err)
			return
		}
		m := newMerge(ctx, b, dir, after)
		defer m.stop()
		err := m.open()
		shown := false
		for err == nil {
			var e vfs.Entry
			var ok bool
			if e, ok, err = m.next(); !ok {
				break
			}
			shown = true
			if !yield(e, nil) {
				return
			}
		}
		if err == nil && !shown {
			err = m.exists()
		}
		if err != nil {
			yield(vfs.Entry{}, about("list", dir, err))
		}
	}
}

// A merge is a listing in progress. Each backend lists in order of keys, so one entry of
// each is enough.
type merge struct {
	b        *backend
	ctx      context.Context
	dir      vfs.Name
	after    string
	hint     driver.ListHint
	layers   []*source // by backend; nil if it has no such directory or is hidden
	started  []*source // all, to be stopped
	hidden   *source   // whiteouts
	emptied  *source   // marks
	covering []cover
	had      bool // something was hidden
	lower    bool // only what lower backends have is wanted
	checked  int  // directories that were checked because of a mark
}

// A cover is something other than a directory: a directory of the same name, in a
// backend with a higher index, is hidden.
type cover struct {
	elem  string
	layer int
}

func newMerge(ctx context.Context, b *backend, dir vfs.Name, after string) *merge {
	m := &merge{b: b, ctx: ctx, dir: dir, after: after, hint: driver.ListHintOf(ctx), layers: make([]*source, len(b.layers))}
	if m.hint.Requests > 0 {
		m.hint.Requests = max(1, m.hint.Requests/(len(b.layers)+2))
	}
	// An order among others, and an entry that is itself not needed but hides a needed
	// one, matter to the merge.
	m.hint.AnyOrder = false
	return m
}

// list starts the listing of a directory of the backend i.
func (m *merge) list(i int, dir vfs.Name) *source {
	hint := m.hint
	if i < len(m.b.layers)-1 {
		hint.Shows = nil
	}
	if dir != m.dir {
		hint.Names = true
	}
	s := &source{}
	s.pull, s.stop = iter.Pull2(m.b.layers[i].List(driver.WithListHint(m.ctx, hint), dir, m.after))
	m.started = append(m.started, s)
	s.advance()
	return s
}

// open starts the listings, from the top down. It stops where a backend has something
// other than a directory: that hides what is below.
func (m *merge) open() error {
	for i, l := range m.b.layers {
		if i == 0 && m.lower {
			continue
		}
		if i == 1 {
			if hidden, err := m.b.whitedDir(m.ctx, m.dir); hidden || err != nil {
				return err
			}
		}
		s := m.list(i, m.dir)
		switch {
		case s.err == nil:
			m.layers[i] = s
			continue
		case missing(s.err):
			if i == len(m.b.layers)-1 {
				return nil
			}
			if hidden, err := l.covers(m.ctx, m.dir); hidden || err != nil {
				return err
			}
		case vfs.ReasonOf(s.err) == "" || !m.found():
			return s.err
		default:
			return nil
		}
	}
	return nil
}

// found reports whether a backend has the directory.
func (m *merge) found() bool {
	return slices.ContainsFunc(m.layers, func(s *source) bool { return s != nil })
}

func (m *merge) stop() {
	for _, s := range m.started {
		s.stop()
	}
}

// next returns the next entry that is shown; ok is false at the end.
func (m *merge) next() (e vfs.Entry, ok bool, err error) {
	for {
		first := -1
		for i, s := range m.layers {
			switch {
			case s == nil:
			case s.err != nil:
				return e, false, s.err
			case !s.done && (first < 0 || s.key < m.layers[first].key):
				first = i
			}
		}
		if first < 0 {
			return e, false, nil
		}
		e = m.layers[first].entry
		e.Layer = first + 1
		key := m.layers[first].key
		m.covering = slices.DeleteFunc(m.covering, func(c cover) bool { return c.elem+"/" < key })
		hidden, err := m.hides(first, &e)
		if err != nil {
			return e, false, err
		}
		for i, s := range m.layers {
			if s == nil || s.done || s.key != key {
				continue
			}
			if e.Kind != vfs.KindDir && m.b.layers[i].dirs {
				m.covering = append(m.covering, cover{e.Elem, i})
			}
			s.advance()
		}
		if !hidden {
			return e, true, nil
		}
	}
}

// hides reports whether e, which the backend i lists and none above it, is hidden.
func (m *merge) hides(i int, e *vfs.Entry) (bool, error) {
	if m.dir.IsRoot() && isReserved(e.Elem) {
		return true, nil
	}
	if i == 0 {
		return false, nil
	}
	covered := m.coveredObject
	whited := m.whitedObject
	if e.Kind == vfs.KindDir {
		covered, whited = m.coveredDir, m.whitedDir
	}
	hidden, err := covered(i, e)
	if err == nil && !hidden {
		hidden, err = whited(e)
	}
	m.had = m.had || hidden
	return hidden, err
}

// coveredObject: a directory above hides an object, but is listed later.
func (m *merge) coveredObject(i int, e *vfs.Entry) (bool, error) {
	asDir := e.Elem + "/"
	for j, s := range m.layers[:i] {
		if s == nil || !m.b.layers[j].dirs || s.done || s.key > asDir {
			continue
		}
		if s.key == asDir {
			return true, nil
		}
		n, err := m.dir.Child(e.Elem)
		if err != nil {
			continue
		}
		if _, isDir, err := m.b.layers[j].coversAt(m.ctx, n); isDir || err != nil {
			return isDir, err
		}
	}
	return false, nil
}

// coveredDir: an object above hides a directory, and was listed before, unless the
// listing has begun after it.
func (m *merge) coveredDir(i int, e *vfs.Entry) (bool, error) {
	for _, c := range m.covering {
		if c.elem == e.Elem && c.layer < i {
			return true, nil
		}
	}
	if e.Elem > m.after {
		return false, nil
	}
	n, err := m.dir.Child(e.Elem)
	if err != nil {
		return false, nil // it has no name to be opened by, and no layer above has any
	}
	for _, l := range m.b.layers[:i] {
		if !l.dirs {
			continue
		}
		if hidden, _, err := l.coversAt(m.ctx, n); hidden || err != nil {
			return hidden, err
		}
	}
	return false, nil
}

func (m *merge) whitedObject(e *vfs.Entry) (bool, error) {
	if m.b.opts.NoWhiteouts {
		return false, nil
	}
	return m.skipTo(&m.hidden, whiteouts, e.Elem)
}

func (m *merge) whitedDir(e *vfs.Entry) (bool, error) {
	if m.b.opts.NoWhiteouts {
		return false, nil
	}
	n, err := m.dir.Child(e.Elem)
	if err != nil {
		return false, nil
	}
	marked, err := m.skipTo(&m.emptied, marks, e.Elem+"/")
	if err != nil {
		return false, err
	}
	if m.b.layers[0].dirs {
		// The whiteout of an object hides a directory, too. Such a backend's look-ups
		// are no remote requests.
		if there, err := m.b.whitedAt(m.ctx, n); there || err != nil {
			return there, err
		}
	}
	if !marked {
		return false, nil
	}
	if m.checked++; m.hint.Requests > 0 && m.checked > m.hint.Requests {
		return false, vfs.ErrListBound
	}
	shown, err := m.b.shows(m.ctx, n)
	return !shown, err
}

// skipTo reports whether the whiteouts or marks have the key. It is called in order of
// keys.
func (m *merge) skipTo(s **source, what, key string) (bool, error) {
	if *s == nil {
		*s = m.list(0, holder(what, m.dir))
		if vfs.ReasonOf((*s).err) == reason.Missing {
			(*s).err, (*s).done = nil, true
		}
	}
	for (*s).err == nil && !(*s).done && (*s).key < key {
		(*s).advance()
	}
	return !(*s).done && (*s).key == key, (*s).err
}

// exists returns an error if the directory, of which nothing was shown, does not exist.
func (m *merge) exists() error {
	switch {
	case m.dir.IsRoot(), m.layers[0] != nil:
		return nil
	case !m.found():
		return driver.Refuse("list", m.dir, reason.Missing)
	case m.after != "", m.hint.Shows != nil:
		// What was skipped can be all that the directory shows.
		shown, err := m.b.shows(m.ctx, m.dir)
		if shown || err != nil {
			return err
		}
	case !m.had:
		return nil
	}
	return driver.Refuse("list", m.dir, reason.Missing)
}

// showsLower reports whether anything in dir that a lower backend has is shown, or would
// be if the first backend had nothing there. A whiteout of dir would hide it.
func (b *backend) showsLower(ctx context.Context, dir vfs.Name) (bool, error) {
	if b.caps.Directories {
		return false, nil // an object and a directory of its name are never shown together
	}
	m := newMerge(withNames(ctx), b, dir, "")
	m.lower = true
	defer m.stop()
	if err := m.open(); err != nil {
		return false, err
	}
	_, shown, err := m.next()
	return shown, err
}

// A source is a listing of one backend, with its next entry.
type source struct {
	pull  func() (vfs.Entry, error, bool)
	stop  func()
	entry vfs.Entry
	key   string
	err   error
	done  bool
}

func (s *source) advance() {
	e, err, ok := s.pull()
	s.entry, s.key, s.err, s.done = e, e.Key(), err, !ok
}
