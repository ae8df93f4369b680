package sqlite

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/uuid"
)

// An instance that joins while others clean up keeps its file, without which it would count as
// dead while it lives.
func TestJoinDuringSweeps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	others, err := join(path, uuid.NewString())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := others.sweep(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 1500 {
		id := uuid.NewString()
		in, err := join(path, id)
		if err != nil {
			t.Error(err)
			break
		}
		if others.isDead(id) {
			t.Error("an instance that has joined counts as dead")
			break
		}
		if err := in.leave(); err != nil {
			t.Error(err)
			break
		}
	}
	close(done)
	wg.Wait()
	if err := others.leave(); err != nil {
		t.Error(err)
	}
}
