package disk

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
)

// A heldFolder lets the test end each of its syncs.
type heldFolder struct {
	folder
	ino   uint64
	begun chan struct{}
	end   chan error
}

func (h *heldFolder) lstat(string) (stat, error) { return stat{ino: h.ino}, nil }

func (h *heldFolder) sync() error {
	h.begun <- struct{}{}
	return <-h.end
}

// Calls that come while a directory is being synced share the next sync of it, which
// begins after the last of them. Its error is that of all of them, and of no others.
func TestSyncsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s dirSyncs
		h := &heldFolder{ino: 1, begun: make(chan struct{}, 9), end: make(chan error)}
		errDisk := errors.New("the disk failed")
		call := func(calls int) (results chan error) {
			results = make(chan error, calls)
			var all sync.WaitGroup
			for range calls {
				all.Go(func() { results <- s.sync(h) })
			}
			synctest.Wait()
			go func() { all.Wait(); close(results) }()
			return results
		}
		for range 2 { // the directory is forgotten in between
			first := call(1)
			second := call(5)
			if len(h.begun) != 1 {
				t.Fatalf("%d syncs have begun, want 1", len(h.begun))
			}
			h.end <- nil
			synctest.Wait()
			third := call(3) // come too late for the second
			if len(h.begun) != 2 {
				t.Fatalf("%d syncs have begun, want 2", len(h.begun))
			}
			h.end <- errDisk
			synctest.Wait()
			if len(h.begun) != 3 {
				t.Fatalf("%d syncs have begun, want 3", len(h.begun))
			}
			h.end <- nil
			for i, c := range []struct {
				results chan error
				want    error
			}{{first, nil}, {second, errDisk}, {third, nil}} {
				for err := range c.results {
					if err != c.want {
						t.Errorf("round %d: %v, want %v", i+1, err, c.want)
					}
				}
			}
			if len(s.dirs) != 0 {
				t.Errorf("%d directories are kept", len(s.dirs))
			}
			for range 3 {
				<-h.begun
			}
		}
		other := &heldFolder{ino: 2, begun: make(chan struct{}, 1), end: make(chan error)}
		go s.sync(h)
		go s.sync(other)
		synctest.Wait()
		if len(h.begun) != 1 || len(other.begun) != 1 {
			t.Error("two directories were not synced at the same time")
		}
		h.end <- nil
		other.end <- nil
	})
}
