package catalogtest

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// A ShareStore is a catalog that also stores shares.
type ShareStore interface {
	catalog.Catalog
	catalog.Shares
}

// NewShare returns a share of alice's for AddShare.
func NewShare(path string) catalog.Share {
	now := time.Now().UTC().Truncate(time.Microsecond)
	s := catalog.Share{ID: uuid.New(), Issuer: "alice", Way: "basic", Path: path, Created: now, Expires: now.Add(time.Hour)}
	_, _ = rand.Read(s.Token[:])
	return s
}

// TestShares runs the suite of shares on one store. open opens it once more; the caller
// closes it.
func TestShares(t *testing.T, open func(testing.TB) ShareStore) {
	a, b := open(t), open(t)
	t.Cleanup(func() { a.Close(); b.Close() })
	t.Run("a share", func(t *testing.T) { testShare(t, a, b) })
	t.Run("arguments", func(t *testing.T) { testShareArguments(t, a) })
	t.Run("limit", func(t *testing.T) { testShareLimit(t, a, b) })
	t.Run("uses", func(t *testing.T) { testShareUses(t, a, b) })
	t.Run("received files", func(t *testing.T) { testShareReceived(t, a, b) })
	t.Run("noted uses", func(t *testing.T) { testShareNoted(t, a, open) })
	t.Run("pages", func(t *testing.T) { testSharePages(t, a) })
	t.Run("revoked while used", func(t *testing.T) { testShareRevoked(t, a, b) })
	t.Run("expired long ago", func(t *testing.T) { testShareExpired(t, open) })
	t.Run("closed", func(t *testing.T) {
		must(t, a.Close())
		s := NewShare("/x")
		_, byToken := a.ShareByToken(t.Context(), s.Token)
		_, use := a.UseShare(t.Context(), s.ID, s.Created)
		_, receive := a.ReceiveFile(t.Context(), s.ID, 1, 1, s.Created)
		_, list := a.SharesOf(t.Context(), "", uuid.UUID{}, 1)
		for _, err := range []error{a.AddShare(t.Context(), s, 10), byToken, use, receive, a.ReturnFile(t.Context(), s.ID, 1), list, a.RevokeShare(t.Context(), "", s.ID)} {
			if !errors.Is(err, catalog.ErrClosed) {
				t.Errorf("after Close: %v", err)
			}
		}
	})
}

func testShare(t *testing.T, a, b ShareStore) {
	ctx := t.Context()
	full := NewShare("/docs/фото 日本.jpg")
	full.Way, full.Host, full.Dir, full.Upload = "oidc", "docs.example", true, true
	full.Password, full.Limit, full.MaxBytes, full.Note = "$2a$12$hash", 7, 1<<40, "<b>a note</b>\n\u202e"
	for _, s := range []catalog.Share{NewShare("/docs"), full} {
		must(t, a.AddShare(ctx, s, 100))
		for _, c := range []ShareStore{a, b} {
			got, err := c.ShareByToken(ctx, s.Token)
			if diff := cmp.Diff(s, got); diff != "" || err != nil {
				t.Errorf("ShareByToken: %v\n%s", err, diff)
			}
		}
		other := s
		other.ID = uuid.New()
		if err := a.AddShare(ctx, other, 100); err == nil || errors.Is(err, catalog.ErrTooMany) {
			t.Errorf("a second share with the same token: %v", err)
		}
		if err := a.RevokeShare(ctx, "bob", s.ID); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("revoked by another user: %v", err)
		}
		must(t, b.RevokeShare(ctx, "alice", s.ID))
		if _, err := a.ShareByToken(ctx, s.Token); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("after RevokeShare: %v", err)
		}
		if err := b.RevokeShare(ctx, "", s.ID); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("a second RevokeShare: %v", err)
		}
	}
	if _, err := a.ShareByToken(ctx, [32]byte{}); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("the zero token: %v", err)
	}
}

func testShareArguments(t *testing.T, c ShareStore) {
	for what, spoil := range map[string]func(*catalog.Share){
		"no ID":             func(s *catalog.Share) { s.ID = uuid.UUID{} },
		"no token":          func(s *catalog.Share) { s.Token = [32]byte{} },
		"no issuer":         func(s *catalog.Share) { s.Issuer = "" },
		"no path":           func(s *catalog.Share) { s.Path = "" },
		"no expiry":         func(s *catalog.Share) { s.Expires = time.Time{} },
		"an early expiry":   func(s *catalog.Share) { s.Expires = s.Created },
		"a negative limit":  func(s *catalog.Share) { s.Limit = -1 },
		"negative bytes":    func(s *catalog.Share) { s.MaxBytes = -1 },
		"a NUL":             func(s *catalog.Share) { s.Note = "a\x00" },
		"invalid UTF-8":     func(s *catalog.Share) { s.Path = "/\xff" },
		"a long note":       func(s *catalog.Share) { s.Note = strings.Repeat("n", catalog.MaxShareNote+1) },
		"a long path":       func(s *catalog.Share) { s.Path = strings.Repeat("p", catalog.MaxSharePath+1) },
		"a long issuer":     func(s *catalog.Share) { s.Issuer = strings.Repeat("i", 256) },
		"a distant expiry":  func(s *catalog.Share) { s.Expires = s.Expires.AddDate(10_000, 0, 0) },
		"a share of nobody": func(s *catalog.Share) { *s = catalog.Share{} },
	} {
		s := NewShare("/x")
		spoil(&s)
		if err := c.AddShare(t.Context(), s, 100); err == nil || errors.Is(err, catalog.ErrUnavailable) {
			t.Errorf("%s: %v, want an error about it", what, err)
		}
	}
	s := NewShare("/x")
	s.Issuer = "carol"
	for i := range 4 {
		s.ID = uuid.New()
		_, _ = rand.Read(s.Token[:])
		if err := c.AddShare(t.Context(), s, 3); (err == nil) != (i < 3) || err != nil && !errors.Is(err, catalog.ErrTooMany) {
			t.Errorf("share %d of 3: %v", i+1, err)
		}
	}
	if err := c.AddShare(t.Context(), NewShare("/x"), 0); !errors.Is(err, catalog.ErrTooMany) {
		t.Errorf("share 1 of 0: %v", err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.AddShare(over, NewShare("/x"), 100); !errors.Is(err, context.Canceled) {
		t.Errorf("with a canceled context: %v", err)
	}
}

// testShareLimit has 64 callers add shares of one issuer at once, while others add theirs:
// exactly as many succeed as the issuer may have.
func testShareLimit(t *testing.T, a, b ShareStore) {
	ctx := t.Context()
	for _, most := range slices.Repeat([]int{1, 7, 63}, 5) { // one round alone rarely races
		issuer := "limited " + uuid.NewString()
		expired := NewShare("/x") // does not count
		expired.Issuer = issuer
		expired.Created = expired.Created.Add(-2 * time.Hour)
		expired.Expires = expired.Created.Add(time.Hour)
		must(t, a.AddShare(ctx, expired, most))
		var added atomic.Int64
		var g errgroup.Group
		start := make(chan struct{})
		for i := range 64 {
			g.Go(func() error {
				<-start
				s := NewShare("/x")
				s.Issuer = issuer
				err := []ShareStore{a, b}[i%2].AddShare(ctx, s, most)
				switch {
				case err == nil:
					added.Add(1)
				case !errors.Is(err, catalog.ErrTooMany):
					return err
				}
				other := NewShare("/x")
				other.Issuer = "somebody " + uuid.NewString()
				return a.AddShare(ctx, other, 1)
			})
		}
		close(start)
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
		stored, err := b.SharesOf(ctx, issuer, uuid.UUID{}, 100)
		if added.Load() != int64(most) || len(stored) != most+1 || err != nil {
			t.Errorf("of 64 at once, %d were added and %d are there, want %d (%v)", added.Load(), len(stored)-1, most, err)
		}
		must(t, a.RevokeShare(ctx, issuer, stored[0].ID))
		again := NewShare("/x")
		again.Issuer = issuer
		must(t, b.AddShare(ctx, again, most))
	}
}

func testShareUses(t *testing.T, a, b ShareStore) {
	ctx := t.Context()
	for _, limit := range []int64{0, 1, 7, 63} {
		s := NewShare("/x")
		s.Limit = limit
		must(t, a.AddShare(ctx, s, 100))
		var won atomic.Int64
		var g errgroup.Group
		for i := range 64 {
			g.Go(func() error {
				ok, err := []ShareStore{a, b}[i%2].UseShare(ctx, s.ID, s.Created)
				if ok {
					won.Add(1)
				}
				return err
			})
		}
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
		want := limit
		if limit == 0 {
			want = 64
		}
		got, err := b.ShareByToken(ctx, s.Token)
		if won.Load() != want || got.Used != want || err != nil {
			t.Errorf("limit %d: %d of 64 racing uses succeeded, %d were counted (%v)", limit, won.Load(), got.Used, err)
		}
	}
	s := NewShare("/x")
	must(t, a.AddShare(ctx, s, 100))
	if ok, err := a.UseShare(ctx, s.ID, s.Expires); ok || err != nil {
		t.Errorf("a use of an expired share: %v, %v", ok, err)
	}
	if ok, err := a.UseShare(ctx, uuid.New(), s.Created); ok || err != nil {
		t.Errorf("a use of no share: %v, %v", ok, err)
	}
}

// testShareReceived has 64 callers receive files at once. Exactly as many succeed as there are uses,
// or room for their bytes, and what is returned can be received again.
func testShareReceived(t *testing.T, a, b ShareStore) {
	ctx := t.Context()
	for _, c := range []struct{ limit, size, most, want int64 }{
		{7, 10, 1 << 40, 7}, {63, 10, 205, 20}, {0, 1 << 40, 1<<40*3 + 1, 3}, {9, 0, 0, 9}, {9, 1, 0, 0}, {9, 1 << 62, 1<<63 - 1, 1}, {5, 10, 50, 5},
	} {
		s := NewShare("/x")
		s.Upload, s.Limit = true, c.limit
		must(t, a.AddShare(ctx, s, 100))
		for round := range 2 {
			var won atomic.Int64
			var g errgroup.Group
			for i := range 64 {
				g.Go(func() error {
					ok, err := []ShareStore{a, b}[i%2].ReceiveFile(ctx, s.ID, c.size, c.most, s.Created)
					if ok {
						won.Add(1)
					}
					return err
				})
			}
			if err := g.Wait(); err != nil {
				t.Error(err)
			}
			want := c.want
			if round == 1 {
				want = min(2, c.want)
			}
			got, err := b.ShareByToken(ctx, s.Token)
			if won.Load() != want || got.Used != c.want || got.Received != c.want*c.size || err != nil {
				t.Errorf("%+v: %d of 64 files were received, %d of %d bytes were counted (%v)", c, won.Load(), got.Used, got.Received, err)
			}
			for range min(2, c.want) {
				must(t, b.ReturnFile(ctx, s.ID, c.size))
			}
		}
	}
	s := NewShare("/x")
	must(t, a.AddShare(ctx, s, 100))
	must(t, a.ReturnFile(ctx, s.ID, 1)) // which was never received
	must(t, a.ReturnFile(ctx, uuid.New(), 1))
	if got, err := a.ShareByToken(ctx, s.Token); got.Used != 0 || got.Received != 0 || err != nil {
		t.Errorf("after a return without a file: %+v, %v", got, err)
	}
	if ok, err := a.ReceiveFile(ctx, s.ID, 1, 10, s.Expires); ok || err != nil {
		t.Errorf("a file for an expired share: %v, %v", ok, err)
	}
	if ok, err := a.ReceiveFile(ctx, uuid.New(), 1, 10, s.Created); ok || err != nil {
		t.Errorf("a file for no share: %v, %v", ok, err)
	}
	if ok, err := a.ReceiveFile(ctx, s.ID, -1, 10, s.Created); ok || err == nil {
		t.Errorf("a file of negative size: %v, %v", ok, err)
	}
}

// testShareNoted notes uses of shares in several stores at once. All are counted, at the latest
// when the stores are closed.
func testShareNoted(t *testing.T, a ShareStore, open func(testing.TB) ShareStore) {
	ctx := t.Context()
	used := func(s catalog.Share) int64 {
		got, err := a.ShareByToken(ctx, s.Token)
		must(t, err)
		return got.Used
	}
	shares := []catalog.Share{NewShare("/x"), NewShare("/y")}
	for _, s := range shares {
		must(t, a.AddShare(ctx, s, 100))
	}
	const stores, uses = 3, 100
	var g errgroup.Group
	for range stores {
		g.Go(func() error {
			c := open(t)
			var users errgroup.Group
			for range 4 {
				users.Go(func() error {
					c.NoteUse(uuid.New()) // of a share that has been revoked
					for i := range uses {
						c.NoteUse(shares[i%2].ID)
					}
					return nil
				})
			}
			users.Wait()
			return c.Close()
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	for _, s := range shares {
		if got := used(s); got != stores*4*uses/2 {
			t.Errorf("%d noted uses were counted as %d", stores*4*uses/2, got)
		}
	}
	before := used(shares[0])
	a.NoteUse(shares[0].ID)
	for end := time.Now().Add(time.Minute); used(shares[0]) == before; {
		if time.Now().After(end) {
			t.Fatal("a noted use was never stored")
		}
	}
}

func testSharePages(t *testing.T, c ShareStore) {
	ctx := t.Context()
	var want []uuid.UUID
	start := time.Now().UTC().Truncate(time.Microsecond)
	for i := range 10 {
		s := NewShare("/x")
		s.Issuer, s.Created = "dave", start.Add(time.Duration(i/2)*time.Second) // pairs of the same time
		s.Expires = s.Created.Add(time.Hour)
		must(t, c.AddShare(ctx, s, 100))
		want = append(want, s.ID)
	}
	for i := 0; i < 10; i += 2 {
		if want[i].String() > want[i+1].String() {
			want[i], want[i+1] = want[i+1], want[i]
		}
	}
	slices.Reverse(want)
	for _, limit := range []int{1, 3, 10, 11} {
		var got []uuid.UUID
		var after uuid.UUID
		for {
			page, err := c.SharesOf(ctx, "dave", after, limit)
			must(t, err)
			for _, s := range page {
				if s.Issuer != "dave" {
					t.Errorf("a share of %s", s.Issuer)
				}
				got = append(got, s.ID)
			}
			if len(page) < limit {
				break
			}
			after = got[len(got)-1]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pages of %d: %s", limit, diff)
		}
	}
	all, err := c.SharesOf(ctx, "", uuid.UUID{}, 1000)
	if err != nil || !slices.ContainsFunc(all, func(s catalog.Share) bool { return s.Issuer == "alice" }) {
		t.Errorf("all shares: %d, %v", len(all), err)
	}
	if none, err := c.SharesOf(ctx, "", uuid.New(), 10); err != nil || len(none) > 0 {
		t.Errorf("after a share that does not exist: %d, %v", len(none), err)
	}
}

// testShareRevoked revokes a share while others use it: no use succeeds after that.
func testShareRevoked(t *testing.T, a, b ShareStore) {
	s := NewShare("/x")
	must(t, a.AddShare(t.Context(), s, 100))
	var revoked atomic.Bool
	var g errgroup.Group
	for range 4 {
		g.Go(func() error {
			for {
				before := revoked.Load()
				ok, err := b.UseShare(t.Context(), s.ID, s.Created)
				if ok && before {
					t.Error("a use after the revocation succeeded")
				}
				if err != nil || !ok {
					return err
				}
			}
		})
	}
	must(t, a.RevokeShare(t.Context(), "alice", s.ID))
	revoked.Store(true)
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

// testShareExpired checks that adding a share removes what expired long ago.
func testShareExpired(t *testing.T, open func(testing.TB) ShareStore) {
	old := NewShare("/x")
	old.Created = old.Created.AddDate(-1, 0, 0)
	old.Expires = old.Created.Add(time.Hour)
	recent := NewShare("/x")
	recent.Created = recent.Created.Add(-time.Hour)
	recent.Expires = recent.Created.Add(time.Minute)
	for _, s := range []catalog.Share{old, recent, NewShare("/x")} {
		c := open(t) // which removes at its first AddShare
		must(t, c.AddShare(t.Context(), s, 100))
		must(t, c.Close())
	}
	c := open(t)
	defer c.Close()
	if _, err := c.ShareByToken(t.Context(), old.Token); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("a share that expired a year ago: %v", err)
	}
	if _, err := c.ShareByToken(t.Context(), recent.Token); err != nil {
		t.Errorf("a share that expired an hour ago: %v", err)
	}
}
