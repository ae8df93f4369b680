// Package ownfile knows the files that this process itself works with: its database,
// keys, users, certificates, logs. A backend that reaches the host's file system asks
// it before it opens, lists or changes anything, whatever a policy says.
//
// Files are judged by what they are, device and inode, and not by how they are
// called: so hard links, bind mounts, symbolic links and other spellings are no way
// around. A directory that is held covers all that lies below it.
//
// There is one set for the process, since what it guards belongs to the process as a
// whole. On Unix, closing any descriptor of a file ends all record locks that the
// process has on it, whoever holds them (fcntl(2), "Record locking"); SQLite's locks
// are of that kind, and without them another process may take its log away. To look at
// files, this package opens none of them: on Linux it uses O_PATH, which leaves locks
// alone, and elsewhere stat.
//
// Files come and go while they are held: a database makes and removes its log, a
// certificate is replaced by another. So the set is refreshed before it judges a
// file that has changed since the last snapshot, and at least once a second while it is
// asked. On Linux the last 32 files at a path (of a log, 8) stay known as long as they
// have any name; elsewhere only what lies at the path is known. Rotated logs are known
// by their names, see [File].
//
// What is not covered: a file that another program makes a bind mount of without
// touching it, until the next snapshot; a file system that does not tell files apart by
// number.
package ownfile

import (
	"io/fs"
	"slices"
	"sync"
	"time"
)

// A File is a file that the process works with, whether it is there at the moment or
// not. If it is a directory, all that lies below it belongs to the process, too.
type File struct {
	Path string
	// Rotated takes in what a log's rotation leaves beside it: names that begin with
	// that of the file and go on with a dot or a dash.
	Rotated bool
}

// Hold makes files own ones until release is called. A file may be held any number of
// times. A path that leads through symbolic links means what it leads to, whenever
// that is looked at. Hold cannot fail: a path that cannot be looked at, as one that is
// not there, means nothing until it can.
func Hold(files ...File) (release func()) { return process.hold(files) }

// Settle lets go of held files that have lost their last name. On Linux the set keeps
// their inodes, and so the room that they take, until the next snapshot. A program calls it
// after it has removed a file of its own to gain room.
func Settle() { process.settle() }

// Holds reports whether any file is held.
func Holds() bool { return process.current.Load() != nil }

// Is reports whether the file or directory is an own one.
func Is(id ID) bool { return process.is(id) }

// Reserves reports whether what would be called elem in the directory dir would be an
// own file, whether there is one now or not: whoever makes a rollback journal beside a
// database writes into the database. Case and Unicode normal forms do not count.
func Reserves(dir ID, elem string) bool { return process.reserves(dir, elem) }

// An ID says which file something is, and when it changed last. The zero ID is no
// file.
type ID struct{ identity }

// Inode returns the ID of a file by its numbers. changed is the time of the last
// change of its inode (ctime).
func Inode(dev, ino uint64, changed time.Time) ID {
	return ID{identity{dev: dev, ino: ino, changed: changed.UnixNano()}}
}

// IDOf returns the ID of what a file system of the host's says of a file. Of a file of
// any other file system it is one that no own file has.
func IDOf(info fs.FileInfo) ID { return idOf(info) }

var process set

// A set is what is held, and what it was found to be.
type set struct {
	current snapshotPointer // nil while nothing is held

	mu   sync.Mutex // for what follows, and held while files are looked at
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
			s.held[*f] = &holding{File: *f}
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
	return l != nil && l.has(id)
}

func (s *set) reserves(dir ID, elem string) bool {
	l := s.latest(dir)
	return l != nil && l.reserves(dir, elem)
}

// latest returns a snapshot recent enough to judge id, nil if nothing is held.
func (s *set) latest(id ID) *snapshot {
	l := s.current.Load()
	if l == nil {
		return nil
	}
	asked := time.Now()
	switch covers, old := l.covers(id), asked.Sub(l.began) > refreshEvery; {
	case covers && !old:
		return l
	case !covers:
		s.mu.Lock()
	case !s.mu.TryLock():
		return l // a file system that hangs should not hold up everybody
	}
	defer s.mu.Unlock()
	// Whoever waited need not refresh again if another call did so meanwhile.
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
