// Package ownfile keeps the set of files that this process itself uses: its database,
// keys, users, certificates, logs. A backend over the host's file system checks the set
// before it opens, lists or changes anything, whatever a policy says.
//
// Files are identified by device and inode, not by name, so hard links, bind mounts,
// symbolic links and other spellings do not bypass the check. A held directory covers
// everything below it.
//
// There is one set per process, since it protects the process as a whole. On Unix,
// closing any descriptor of a file releases all record locks that the process has on
// it, whichever part of the process took them (fcntl(2), "Record locking"). SQLite uses
// such locks, and without them another process may remove its log. To inspect files,
// this package therefore opens none of them: on Linux it uses O_PATH, which does not
// affect locks, and elsewhere stat.
//
// Files come and go while they are held: a database creates and removes its log, a
// certificate is replaced. So the set is refreshed before it is consulted for a file
// that has changed since the last snapshot, and at least once a second while it is in
// use. The name of a new file counts as changed if it is part of a held path. On Linux, the last 32 files at a path (8 for a log) stay known as long as they
// have any name; elsewhere only the current file at the path is known. Rotated logs are
// known by their names, see [File].
//
// Not covered: what was made during the last 10 seconds in a held directory of a thousand
// files or more; a bind mount that another program makes of a file without changing the
// file, until the next snapshot; file systems that do not distinguish files by number.
package ownfile

import (
	"io/fs"
	"slices"
	"sync"
	"time"
)

// A File is a file that the process uses, whether it currently exists or not. If it is
// a directory, everything below it belongs to the process, too.
type File struct {
	Path string
	// Rotated includes the files that log rotation leaves beside the log: names that
	// begin with the log's name followed by a dot or a dash.
	Rotated bool
}

// Hold adds files to the set until release is called. A file may be held any number of
// times. A path through symbolic links means the file that they lead to at the time of
// each check. Hold cannot fail: a path that cannot be inspected, or does not exist, has
// no effect until it can be inspected.
func Hold(files ...File) (release func()) { return process.hold(files) }

// Settle releases held files that have lost their last name. On Linux, the set keeps
// their inodes, and so their disk space, until the next snapshot. Call it after
// removing an own file to free space.
func Settle() { process.settle() }

// Holds reports whether any file is held.
func Holds() bool { return process.current.Load() != nil }

// Is reports whether the file or directory is an own file.
func Is(id ID) bool { return process.is(id) }

// Reserves reports whether a file called elem in the directory dir is or would be an
// own file, whether it exists or not: a rollback journal created beside a database, for
// example, changes the database. Case and Unicode normal forms are ignored.
func Reserves(dir ID, elem string) bool { return process.reserves(dir, elem) }

// An ID identifies a file and the time of its last change. The zero ID identifies no
// file.
type ID struct{ identity }

// Inode returns the ID of a file by its numbers. changed is the time of the last
// change of its inode (ctime).
func Inode(dev, ino uint64, changed time.Time) ID {
	return ID{identity{dev: dev, ino: ino, changed: changed.UnixNano()}}
}

// IDOf returns the ID of a file that the host's file system describes by info. For info
// of any other file system, it returns an ID that no own file has.
func IDOf(info fs.FileInfo) ID { return idOf(info) }

var process set

// A set holds files and the latest snapshot of them.
type set struct {
	current snapshotPointer // nil while nothing is held

	mu   sync.Mutex // guards the fields below; held while files are inspected
	held map[File]*holding
}

func (s *set) hold(files []File) (release func()) {
	files = slices.Clone(files)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == nil {
		s.held = map[File]*holding{}
	}
	for i := range files {
		f := &files[i]
		f.Path = absolute(f.Path)
		if s.held[*f] == nil {
			s.held[*f] = &holding{File: *f, elems: elements(f.Path)}
		}
		s.held[*f].users++
		s.held[*f].rotatedRead = time.Time{}
	}
	s.refresh()
	return sync.OnceFunc(func() { s.release(files) })
}

func (s *set) release(files []File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range files {
		h := s.held[f]
		if h.users--; h.users == 0 {
			h.close()
			delete(s.held, f)
		}
	}
	s.refresh()
}

func (s *set) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh()
}

func (s *set) is(id ID) bool {
	l := s.latest(id)
	switch {
	case l == nil || !l.has(id):
		return false
	case !l.doubts(id):
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.held {
		h.dirs = nil
	}
	s.refresh()
	l = s.current.Load()
	return l != nil && l.has(id)
}

func (s *set) reserves(dir ID, elem string) bool {
	elem = fold(elem)
	// A directory changes with each file in it. Nearly all names are in no path of a held
	// file, and so reserved in no directory, whatever has changed.
	if l := s.current.Load(); l == nil || !l.isOld(time.Now()) && !l.mentions(elem) {
		return false
	}
	l := s.latest(dir)
	return l != nil && l.reserves(dir, elem)
}

// latest returns a snapshot recent enough to decide about id, or nil if nothing is
// held.
func (s *set) latest(id ID) *snapshot {
	l := s.current.Load()
	if l == nil {
		return nil
	}
	asked := time.Now()
	switch covers, old := l.covers(id), l.isOld(asked); {
	case covers && !old:
		return l
	case !covers:
		s.mu.Lock()
	case !s.mu.TryLock():
		return l // a hanging file system must not block every caller
	}
	defer s.mu.Unlock()
	// A caller that waited for the lock need not refresh if another call did so
	// meanwhile.
	if l = s.current.Load(); l != nil && l.began.Before(asked) {
		s.refresh()
		l = s.current.Load()
	}
	return l
}

// refresh takes a new snapshot. The caller holds mu.
func (s *set) refresh() {
	if len(s.held) == 0 {
		s.current.Store(nil)
		return
	}
	l := newSnapshot()
	for _, h := range s.held {
		h.addTo(l)
	}
	s.current.Store(l)
}
