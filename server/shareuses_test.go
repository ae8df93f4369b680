package server_test

import (
	"context"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/audit"
	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
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

// A takenShares has no use left when one is taken: other requests were faster.
type takenShares struct{ catalog.Shares }

func (takenShares) UseShare(context.Context, uuid.UUID, time.Time) (bool, error) { return false, nil }

// TestShareLastUseTaken reads a share whose last use another request has taken meanwhile. Nothing
// else answers in place of what was not sent: not the listing of a directory in place of its index.
func TestShareLastUseTaken(t *testing.T) {
	s := newSharing(t)
	plant(t, s.tree, "docs/pub/index.html", "docs/pub/index.html.gz")
	m := s.share("alice", fields{"path": "/files/docs/pub", "uses": 1})
	s.change = func(c *server.ShareConfig) {
		c.Store = takenShares{c.Store}
		c.Mounts[0].Config.NoIndex, c.Mounts[0].Config.Index, c.Mounts[0].Config.Sidecars = false, []string{"index.html", "index.htm"}, true
	}
	s.apply()
	for _, below := range []string{"", "a.txt", "?zip"} {
		s.rec.list = nil
		s.gone(below, m.URL+below, "Accept-Encoding", "gzip")
		if a := s.rec.list[0]; a.Reason != audit.ReasonShareUsed || a.Verdict != audit.Refused {
			t.Errorf("%q is recorded as %+v", below, a)
		}
	}
	if r := s.get(m.URL, "Accept", "application/json"); r.Status != 200 {
		t.Errorf("a listing, which is no use: %d", r.Status)
	}
}

// TestShareFilesBounded: a file request takes 1,000 files if its issuer does not say how many, and
// not more bytes than the server allows, whatever arrives at once.
func TestShareFilesBounded(t *testing.T) {
	s := newSharing(t)
	s.change = func(c *server.ShareConfig) { c.MaxReceived = 100 }
	s.apply()
	send := func(link string, size int) int {
		body, headers := filesForm("a.txt", strings.Repeat("x", size))
		return s.send("POST", link, body, headers...).Status
	}
	link := s.share("alice", fields{"path": "/files/drop", "upload": true}).URL
	if r := s.get("/.bailiwick/shares", as("alice")...); !strings.Contains(r.Body, `"uses":1000,`) {
		t.Errorf("the share: %s", r.Body)
	}
	for _, c := range []struct{ size, want int }{{60, 201}, {41, 413}, {39, 201}, {2, 413}, {1, 201}, {1, 404}} {
		if got := send(link, c.size); got != c.want {
			t.Errorf("%d bytes: %d, want %d", c.size, got, c.want)
		}
	}
	s.gone("after the last byte", link)
	if r := s.get("/.bailiwick/shares", as("alice")...); !strings.Contains(r.Body, `"received":100,`) {
		t.Errorf("the share: %s", r.Body)
	}
	link = s.share("alice", fields{"path": "/files/drop", "upload": true}).URL
	before := len(contents(t, s.tree))
	var group sync.WaitGroup
	var stored atomic.Int64
	for range 20 {
		group.Go(func() {
			switch got := send(link, 9); got {
			case 201:
				stored.Add(1)
			case 404, 413:
			default:
				t.Errorf("one of many files: %d", got)
			}
		})
	}
	group.Wait()
	if after := len(contents(t, s.tree)); stored.Load() != 11 || after-before != 11 {
		t.Errorf("%d files of 9 bytes were stored, and are %d, want 11", stored.Load(), after-before)
	}
}

// A failingPut is a backend whose Put fails.
type failingPut struct {
	vfs.Backend
	err *error
}

func (b failingPut) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	if *b.err != nil {
		return vfs.Info{}, *b.err
	}
	return b.Backend.Put(ctx, n, body, opts)
}

// TestShareFilesReturnUse: a file that was not stored is no use, unless nobody knows.
func TestShareFilesReturnUse(t *testing.T) {
	var fails error
	s := newSharing(t)
	s.tree = failingPut{s.tree, &fails}
	s.change = func(c *server.ShareConfig) { c.MaxReceived = 4 }
	s.apply()
	body, headers := filesForm("a.txt", "sent")
	for _, c := range []struct {
		err         error
		want, after int
	}{{vfs.ErrFull, 507, 201}, {vfs.ErrFailed, 500, 201}, {vfs.ErrUnavailable, 503, 404}} {
		for _, uses := range []int{0, 1} {
			link := s.share("alice", fields{"path": "/files/drop", "upload": true, "uses": uses}).URL
			fails = c.err
			for range 2 {
				r := s.send("POST", link, body, headers...)
				if want := c.want; r.Status != want {
					t.Errorf("%v: %d, want %d", c.err, r.Status, want)
				}
				if c.after == 404 {
					break
				}
			}
			fails = nil
			if r := s.send("POST", link, body, headers...); r.Status != c.after {
				t.Errorf("after %v: %d %q, want %d", c.err, r.Status, r.Body, c.after)
			}
			s.gone("after the use", link)
		}
	}
}
