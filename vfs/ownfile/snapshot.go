package ownfile

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

type snapshotPointer = atomic.Pointer[snapshot]

// A snapshot is the state found at one moment. It is immutable.
type snapshot struct {
	began time.Time
	files idSet
	below []*contents // of held directories, and of those below
	names []name
	elems [][]string // folded, of the paths of held files and of the links there
	logs  []string   // folded, the last elements of paths with rotated logs
}

// A name is a reserved name in a directory.
type name struct {
	dir     ID
	elem    string // folded
	rotated bool
}

func newSnapshot() *snapshot { return &snapshot{began: time.Now()} }

const (
	// refreshEvery bounds how long a change that leaves no trace in ctime can go
	// unnoticed.
	refreshEvery = time.Second
	// clockStep is how far a ctime may lie behind a clock that was read earlier:
	// kernels use the time of their last tick. A ctime without fractions suggests a
	// file system that counts in seconds.
	clockStep   = 100 * time.Millisecond
	coarseStep  = 2 * time.Second
	unknownStep = 100 * time.Millisecond
)

// covers reports whether the file has not changed since the snapshot. Then it cannot
// have become a held file since.
func (l *snapshot) covers(id ID) bool {
	if id.changed == 0 {
		return time.Since(l.began) < unknownStep
	}
	step := clockStep
	if id.changed%int64(time.Second) == 0 {
		step = coarseStep
	}
	return id.changed < l.began.UnixNano()-int64(step)
}

func (l *snapshot) isOld(now time.Time) bool { return now.Sub(l.began) > refreshEvery }

func (l *snapshot) has(id ID) bool {
	return l.files.has(id) || slices.ContainsFunc(l.below, func(c *contents) bool { return c.files.has(id) })
}

// doubts reports whether the file may have been made after its number was found in a
// large directory, which may have lost it to this file meanwhile.
func (l *snapshot) doubts(id ID) bool {
	return !l.files.has(id) && !slices.ContainsFunc(l.below, func(c *contents) bool {
		return c.files.has(id) && (c.wait == 0 || id.changed != 0 && id.changed < c.read.UnixNano()-int64(coarseStep))
	})
}

// mentions reports whether a folded element could be reserved in some directory.
func (l *snapshot) mentions(elem string) bool {
	for _, elems := range l.elems {
		if slices.Contains(elems, elem) {
			return true
		}
	}
	return slices.ContainsFunc(l.logs, func(log string) bool { return isRotated(elem, log) })
}

// reserves reports whether a folded element is reserved in dir.
func (l *snapshot) reserves(dir ID, elem string) bool {
	for _, n := range l.names {
		if n.dir.same(dir) && (elem == n.elem || n.rotated && isRotated(elem, n.elem)) {
			return true
		}
	}
	return false
}

// isRotated reports whether elem is a name that rotation makes from base.
func isRotated(elem, base string) bool {
	rest, ok := strings.CutPrefix(elem, base)
	return ok && rest != "" && (rest[0] == '.' || rest[0] == '-')
}

// fold maps all spellings that some file system treats as the same name to one.
func fold(elem string) string {
	if utf8.ValidString(elem) {
		elem = norm.NFKC.String(elem)
	}
	return strings.ToLower(strings.ToUpper(elem))
}

// A holding is a File and the objects found there so far.
type holding struct {
	File
	users int
	elems []string // folded, of Path
	// pins are the objects found so far. Where possible, each is kept from being freed,
	// so that its number is not reused. The current object at Path is the last.
	pins []pin
	dirs map[string]*contents

	// rotated are the files that rotation left beside Path. They are found by name and
	// not kept from being freed, because that would cost a descriptor for each as long
	// as the log is held.
	rotated                      []ID
	rotatedRead, rotatedModified time.Time
	rotatedWait                  time.Duration // until the next read
}

// A pin is an object found at a path.
type pin struct {
	id   ID
	path string
	at   *os.File // nil if it cannot be kept
}

// Bounds of the number of objects per holding: pins, pins of a log, whose predecessors
// are found by name after rotation has renamed them, and rotated logs.
const (
	maxPins    = 32
	maxLogPins = 8
	maxRotated = 10_000
)

func (h *holding) addTo(l *snapshot) {
	h.reserve(l)
	h.pins = dropGone(h.pins)
	h.find(h.Path)
	if h.Rotated {
		h.findRotated()
	}
	for _, p := range h.pins {
		l.files.add(p.id)
	}
	for _, id := range h.rotated {
		l.files.add(id)
	}
	seen := map[string]*contents{}
	h.addBelow(h.Path, l, seen, 0)
	h.dirs = seen
}

// reserve reserves the name of the path, and the names that symbolic links at the path
// lead to.
func (h *holding) reserve(l *snapshot) {
	path, elems := h.Path, h.elems
	for range maxLinks {
		dir, elem := split(path)
		if elem == "" {
			return
		}
		l.elems = append(l.elems, elems)
		if h.Rotated {
			l.logs = append(l.logs, fold(elem))
		}
		l.reserve(dir, elem, h.Rotated)
		target, err := os.Readlink(path)
		if err != nil {
			return
		}
		if !isAbsolute(target) {
			target = dir + target
		}
		path, elems = target, elements(target)
	}
}

// reserve reserves elem in the directory dir, or, if dir does not exist, the name of
// the topmost missing directory above.
func (l *snapshot) reserve(dir, elem string, rotated bool) {
	for elem != "" {
		st, err := os.Stat(dir)
		if err == nil {
			l.names = append(l.names, name{idOf(st), fold(elem), rotated})
			return
		}
		dir, elem = split(dir)
		rotated = false
	}
}

// maxLinks is the number of links that the system follows.
const maxLinks = 40

// find pins the current object at path.
func (h *holding) find(path string) {
	p, ok := pinAt(path)
	if !ok {
		return
	}
	if i := slices.IndexFunc(h.pins, func(known pin) bool { return known.id.same(p.id) }); i >= 0 {
		h.pins[i].close()
		h.pins = slices.Delete(h.pins, i, i+1)
	}
	h.pins = append(h.pins, p)
	most := maxPins
	if h.Rotated {
		most = maxLogPins
	}
	if len(h.pins) > most {
		h.pins[0].close()
		h.pins = slices.Delete(h.pins, 0, 1)
		h.rotatedRead = time.Time{} // a log that is no longer pinned is searched for by name
	}
}

// largeEvery bounds how often a large directory is read: rotated logs may lie among a
// million other files. A directory is large from largeDir entries on.
const (
	largeEvery = 10 * time.Second
	largeDir   = 1000
)

// findRotated looks for rotated logs by their names if the directory has changed since it
// was last read.
func (h *holding) findRotated() {
	dir, base := split(h.Path)
	before, err := os.Stat(dir)
	if err != nil || h.rotatedWait > time.Since(h.rotatedRead) || h.rotatedModified.Equal(before.ModTime()) && !h.rotatedRead.IsZero() {
		return
	}
	h.rotatedRead, h.rotatedWait, h.rotatedModified = time.Now(), 0, time.Time{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	if len(entries) >= largeDir {
		h.rotatedWait = largeEvery
	}
	var found []ID
	for _, e := range entries {
		if len(found) == maxRotated {
			break
		}
		if !isRotated(e.Name(), base) {
			continue
		}
		if st, err := os.Stat(dir + e.Name()); err == nil {
			found = append(found, idOf(st))
		}
	}
	after, err := os.Stat(dir)
	if err != nil || !after.ModTime().Equal(before.ModTime()) {
		// Logs are being renamed: one may have been between two names. What was known stays
		// known until a read that nothing disturbs.
		h.rotated = append(found, h.rotated...)
		h.rotated = h.rotated[:min(len(h.rotated), maxRotated)]
		return
	}
	h.rotated = found
	// Soon after a change, another one may get the same time.
	if h.rotatedRead.Sub(before.ModTime()) >= coarseStep {
		h.rotatedModified = before.ModTime()
	}
}

func (h *holding) close() {
	for _, p := range h.pins {
		p.close()
	}
}

func (p pin) close() {
	if p.at != nil {
		p.at.Close()
	}
}

// contents is what a directory contained when it was read. It is immutable.
type contents struct {
	modified, read time.Time
	wait           time.Duration // until the next read
	files          idSet
	dirs           []string
}

// maxDepth bounds the depth of the search in a directory: it does not follow links, but
// mounts can form a loop.
const maxDepth = 64

// addBelow adds everything below path, if that is a directory, and keeps what it read.
// It does not read an unchanged directory again, nor a large one too often: a cache that
// is in use changes all the time, and each read describes all of its files.
func (h *holding) addBelow(path string, l *snapshot, seen map[string]*contents, depth int) {
	st, err := os.Stat(path)
	if err != nil || !st.IsDir() || depth > maxDepth {
		return
	}
	c := h.dirs[path]
	if c == nil || time.Since(c.read) >= c.wait && (!c.modified.Equal(st.ModTime()) || c.read.Sub(c.modified) < coarseStep) {
		c = readContents(path, st.ModTime())
	}
	seen[path] = c
	l.below = append(l.below, c)
	for _, dir := range c.dirs {
		h.addBelow(dir, l, seen, depth+1)
	}
}

func readContents(path string, modified time.Time) *contents {
	c := &contents{modified: modified, read: time.Now()}
	entries, err := os.ReadDir(path)
	if err != nil {
		return c
	}
	if len(entries) >= largeDir {
		c.wait = largeEvery
	}
	for _, e := range entries {
		st, err := e.Info()
		if err != nil || st.Mode().Type() == fs.ModeSymlink {
			continue
		}
		c.files.add(idOf(st))
		if st.IsDir() {
			c.dirs = append(c.dirs, path+string(os.PathSeparator)+e.Name())
		}
	}
	return c
}
