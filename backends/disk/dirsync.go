package disk

import (
	"errors"
	"sync"
)

// dirSyncs let calls that change the same directory at the same time share one sync of
// it.
type dirSyncs struct {
	mu   sync.Mutex
	dirs map[dirID]*dirSync
}

type dirID struct{ dev, ino uint64 }

// A dirSync is a directory that is being synced.
type dirSync struct {
	next *syncRound // the round for calls that come while another is running; nil if there are none
}

// A syncRound is one sync, with the result for all calls that wait for it.
type syncRound struct {
	begin chan struct{} // receives when the first of the calls may begin the round
	ended chan struct{} // closed
	err   error
}

// sync makes durable which entries dir has when it is called: the sync whose result it
// returns begins after that.
func (s *dirSyncs) sync(dir folder) error {
	// Whoever syncs has the directory open, so no other one can have its identity.
	is, err := dir.lstat(".")
	if err != nil || is.ino == 0 {
		return dir.sync()
	}
	id := dirID{is.dev, is.ino}
	s.mu.Lock()
	d := s.dirs[id]
	if d != nil && d.next != nil {
		round := d.next
		s.mu.Unlock()
		<-round.ended
		if isExhausted(round.err) {
			// Only the call that synced had no descriptor left. A failed sync, in contrast,
			// must not be repeated: the system may forget the error.
			return dir.sync()
		}
		return round.err
	}
	round := &syncRound{begin: make(chan struct{}, 1), ended: make(chan struct{}), err: errUnsynced}
	if d != nil {
		d.next = round
		s.mu.Unlock()
		<-round.begin
		// The calls that wait for this round have changed the directory by now. From
		// here on, it accepts no others.
		s.mu.Lock()
		d.next = nil
	} else {
		if s.dirs == nil {
			s.dirs = map[dirID]*dirSync{}
		}
		d = &dirSync{}
		s.dirs[id] = d
	}
	s.mu.Unlock()
	defer func() {
		close(round.ended)
		s.mu.Lock()
		defer s.mu.Unlock()
		if d.next != nil {
			d.next.begin <- struct{}{}
		} else {
			delete(s.dirs, id)
		}
	}()
	round.err = dir.sync()
	return round.err
}

// errUnsynced is the result of a round that did not end, because of a panic.
var errUnsynced = errors.New("the directory was not synced")
