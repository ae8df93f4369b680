package server_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// A fullShares is on a full disk: it can be read.
type fullShares struct{ catalog.Shares }

func (fullShares) UseShare(context.Context, uuid.UUID, time.Time) (bool, error) {
	return false, catalog.ErrFull
}

// TestShareUsesFull reads shares whose store is full. Only one with a limit has to count the
// use before it answers.
func TestShareUsesFull(t *testing.T) {
	s := newSharing(t)
	s.store = fullShares{s.store}
	s.apply()
	free := s.share("alice", fields{"path": "/files/docs/pub", "note": "free"})
	for _, target := range []string{free.URL + "a.txt", free.URL + "?zip"} {
		if r := s.get(target); r.Status != 200 {
			t.Errorf("without a limit, %s: %d %q", target, r.Status, r.Body)
		}
	}
	limited := s.share("alice", fields{"path": "/files/docs/pub", "uses": 5})
	if r := s.get(limited.URL + "a.txt"); r.Status != 507 {
		t.Errorf("with a limit: %d %q", r.Status, r.Body)
	}
	await(t, func() bool {
		return strings.Contains(s.get("/.bailiwick/shares", as("alice")...).Body, `"used":2,"note":"free"`)
	})
}
