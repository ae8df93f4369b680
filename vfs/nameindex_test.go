package vfs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// A flatStore is a store without directories, unless tree is set.
type flatStore struct {
	*counted
	tree bool
	fail bool // Put fails
}

func newFlatStore() *flatStore { return &flatStore{counted: &counted{Backend: mem.New()}} }

func (s *flatStore) Caps() vfs.Caps {
	caps := s.Backend.Caps()
	caps.Directories = s.tree
	return caps
}

func (s *flatStore) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	info, err := s.counted.Stat(ctx, n, req)
	if !s.tree && vfs.ReasonOf(err) == reason.Directory {
		err = &vfs.Error{Op: "stat", Name: n.String(), Reason: reason.Missing}
	}
	return info, err
}

var errDisk = errors.New("the disk is broken")

func (s *flatStore) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	if s.fail {
		return vfs.Info{}, &vfs.Error{Op: "put", Name: n.String(), Err: errDisk}
	}
	return s.Backend.Put(ctx, n, body, opts)
}

func bulkJail(t *testing.T, b vfs.Backend) *vfs.Jail {
	t.Helper()
	j, err := vfs.NewBulk(b, vfs.Policy{Allow: vfs.Patterns("**")})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// A jail with an index of names answers as one that looks each name up, whatever was
// created, removed or failed before.
func TestIndexAgreesWithListing(t *testing.T) {
	for _, kind := range []struct{ bulk, tree bool }{{true, false}, {false, false}, {true, true}, {false, true}} {
		bulk := kind.bulk
		for seed := range uint64(60) {
			random := rand.New(rand.NewPCG(seed, 1))
			elems := []string{"a", "A", "b", "\u00e9", "\u00c9", "B"}[:2+seed%5]
			store := newFlatStore()
			store.tree = kind.tree
			j := mustJail(t, store, vfs.Policy{Allow: vfs.Patterns("**")})
			if bulk {
				j = bulkJail(t, store)
			}
			for step := range 120 {
				var path []string
				for range 1 + random.IntN(3) {
					path = append(path, elems[random.IntN(len(elems))])
				}
				s := strings.Join(path, "/")
				n, err := vfs.ParseName(s)
				if err != nil {
					t.Fatal(err)
				}
				fresh := mustJail(t, store, vfs.Policy{Allow: vfs.Patterns("**")})
				what := fmt.Sprintf("%+v, seed %d, step %d: %+q", kind, seed, step, s)
				if random.IntN(4) == 0 {
					if _, err := j.Remove(t.Context(), n, vfs.Cond{}); err != nil && vfs.ReasonOf(err) == "" {
						t.Fatalf("%s: %v", what, err)
					}
					continue
				}
				// What the other jail says comes first, without a change.
				store.fail = true
				opts := vfs.PutOptions{Cond: vfs.Cond{IfNoneMatch: vfs.Tags{Any: random.IntN(3) == 0}}}
				_, want := fresh.Put(t.Context(), n, strings.NewReader("x"), opts)
				store.fail = random.IntN(5) == 0
				if bulk && random.IntN(2) == 0 {
					if _, err := store.Backend.Stat(t.Context(), n, vfs.Request{}); err == nil && j.Lacks(t.Context(), n) {
						t.Fatalf("%s: Lacks, although it exists", what)
					}
				}
				_, got := j.Put(t.Context(), n, strings.NewReader("x"), opts)
				if errors.Is(want, errDisk) && !store.fail {
					want = nil
				}
				if vfs.ReasonOf(got) != vfs.ReasonOf(want) || (got == nil) != (want == nil) || errors.Is(got, vfs.ErrExist) != errors.Is(want, vfs.ErrExist) {
					t.Fatalf("%s: %v, want %v", what, got, want)
				}
			}
		}
	}
}

// A run of creations lists each directory that exists once, and asks for no object.
func TestBulkCounts(t *testing.T) {
	store := newFlatStore()
	for i := range 3000 {
		seed(t, store.counted, fmt.Sprintf("old/%d", i))
	}
	seed(t, store.counted, "old/Twin")
	j := bulkJail(t, store)
	store.calls.Store(0)
	store.lists.Store(0)
	// Puts that make one directory at the same time may each look for it once.
	for _, s := range []string{"new/first", "deep/first"} {
		if _, err := put(t, j, s, "x", vfs.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for k := range 100 {
				for _, s := range []string{"new/%d-%d", "old/x%d-%d", "deep/%d/%d/below/a/b"} {
					n := name(t, fmt.Sprintf(s, i, k))
					if !j.Lacks(t.Context(), n) {
						t.Errorf("%v: not lacking", n)
					}
					if _, err := j.Put(t.Context(), n, strings.NewReader("x"), vfs.PutOptions{}); err != nil {
						t.Errorf("%v: %v", n, err)
					}
				}
			}
		})
	}
	all.Wait()
	// The top and "old".
	if calls, lists := store.calls.Load(), store.lists.Load(); lists != 2 || calls != lists {
		t.Errorf("%d calls, %d of them listings, want 2 listings", calls, lists)
	}
	for _, s := range []string{"new/0-X0", "OLD/x", "old/twin", "Deep/x", "deep/0/1/BELOW/x"} {
		want := reason.CreateSibling
		if s == "new/0-X0" {
			want = ""
		}
		if _, err := put(t, j, s, "x", vfs.PutOptions{}); vfs.ReasonOf(err) != want || (err == nil) != (want == "") {
			t.Errorf("%s: %v, want %q", s, err, want)
		}
	}
}

// Of several spellings that are created at the same moment, one succeeds, also with an
// index of names.
func TestBulkSiblingsAtOnce(t *testing.T) {
	for range 200 {
		store := newFlatStore()
		j := bulkJail(t, store)
		var all sync.WaitGroup
		start := make(chan struct{})
		var mu sync.Mutex
		made := map[string]bool{}
		for i := range 12 {
			s := []string{"d/x", "d/X", "D/x", "d"}[i%4]
			all.Go(func() {
				<-start
				if _, err := put(t, j, s, "x", vfs.PutOptions{}); err == nil {
					mu.Lock()
					defer mu.Unlock()
					made[s] = true
				} else if vfs.ReasonOf(err) == "" {
					t.Error(err)
				}
			})
		}
		close(start)
		all.Wait()
		if len(made) != 1 {
			t.Fatalf("created %v", made)
		}
	}
}

// A Put that is in progress while its directory is listed is not in the listing, but in the
// index: also one that replaces an object, since it creates that if it was removed meanwhile.
func TestIndexOfPutInProgress(t *testing.T) {
	for _, tt := range []struct{ there, removed string }{
		{"dir/older", "dir/old"}, // a removal forgets the directory
		{"dir/old", "dir/a"},
	} {
		store := newFlatStore()
		seed(t, store.counted, tt.there, tt.removed)
		j := bulkJail(t, store)
		body, write := io.Pipe()
		done := make(chan error)
		go func() {
			_, err := j.Put(t.Context(), name(t, "dir/a"), body, vfs.PutOptions{})
			done <- err
		}()
		if _, err := write.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := j.Remove(t.Context(), name(t, tt.removed), vfs.Cond{}); err != nil {
			t.Fatal(err)
		}
		if !j.Lacks(t.Context(), name(t, "dir/b")) {
			t.Errorf("without %s: not listed again", tt.removed)
		}
		write.Close()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if _, err := put(t, j, "dir/A", "x", vfs.PutOptions{}); vfs.ReasonOf(err) != reason.CreateSibling {
			t.Errorf("without %s, beside what was in progress: %v", tt.removed, err)
		}
	}
}

// What others create during a run is found out where it has the same name, and then the
// directory is looked at again.
func TestBulkMeetsOthers(t *testing.T) {
	store := newFlatStore()
	j := bulkJail(t, store)
	anew := vfs.PutOptions{Cond: vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}}
	if _, err := put(t, j, "dir/a", "x", anew); err != nil {
		t.Fatal(err)
	}
	seed(t, store.counted, "dir/b", "dir/C", "dir/d")
	if !j.Lacks(t.Context(), name(t, "dir/b")) {
		t.Error("the index lists again for each name")
	}
	if _, err := put(t, j, "dir/b", "x", anew); !errors.Is(err, vfs.ErrExist) {
		t.Errorf("a name that exists by now: %v", err)
	}
	if j.Lacks(t.Context(), name(t, "dir/d")) {
		t.Error("still trusts the old listing")
	}
	if _, err := put(t, j, "dir/c", "x", anew); vfs.ReasonOf(err) != reason.CreateSibling {
		t.Errorf("beside another spelling: %v", err)
	}
}

// A jail for many clients uses what it listed for a second only, and only where names
// are created in quick succession.
func TestServerIndex(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFlatStore()
		j := mustJail(t, store, vfs.Policy{Allow: vfs.Patterns("**")})
		seed(t, store.counted, "dir/old")
		create := func(i int) int64 {
			store.calls.Store(0)
			if _, err := put(t, j, fmt.Sprintf("dir/%d", i), "x", vfs.PutOptions{}); err != nil {
				t.Fatal(err)
			}
			return store.calls.Load()
		}
		i := 0
		for range 20 { // slowly
			i++
			if n := create(i); n != 2 {
				t.Fatalf("creation %d made %d calls, want a look for the object and one for siblings", i, n)
			}
			time.Sleep(time.Second / 2)
		}
		time.Sleep(2 * time.Second)
		calls := int64(0)
		for range 100 { // quickly
			i++
			calls += create(i)
		}
		if calls > 20 {
			t.Errorf("100 creations made %d calls", calls)
		}
		time.Sleep(time.Second + 1)
		seed(t, store.counted, "dir/TWIN")
		if _, err := put(t, j, "dir/twin", "x", vfs.PutOptions{}); vfs.ReasonOf(err) != reason.CreateSibling {
			t.Errorf("beside a name that another server created: %v", err)
		}
	})
}

// Clients that create names in one directory without a pause cost a listing a second,
// whether the backend has directories or not.
func TestServerIndexSteadily(t *testing.T) {
	for what, b := range map[string]vfs.Backend{"flat": newFlatStore(), "tree": mem.New()} {
		synctest.Test(t, func(t *testing.T) {
			store := &counted{Backend: b}
			j := mustJail(t, store, vfs.Policy{Allow: vfs.Patterns("**")})
			seed(t, store, "dir/old")
			store.lists.Store(0)
			const seconds, perSecond = 20, 50
			for i := range seconds * perSecond {
				if _, err := put(t, j, fmt.Sprintf("dir/%d", i), "x", vfs.PutOptions{}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second / perSecond)
			}
			if lists := store.lists.Load(); lists > 8+seconds {
				t.Errorf("%s: %d creations in %d seconds made %d listings", what, seconds*perSecond, seconds, lists)
			}
			seed(t, store, "dir/TWIN")
			time.Sleep(time.Second)
			if _, err := put(t, j, "dir/twin", "x", vfs.PutOptions{}); vfs.ReasonOf(err) != reason.CreateSibling {
				t.Errorf("%s: beside a name that another server created: %v", what, err)
			}
		})
	}
}

// A directory with more names than an index holds is looked up name by name.
func TestBulkInHugeDirectory(t *testing.T) {
	far := &crowded{}
	for i := range 1_200_000 {
		far.names = append(far.names, fmt.Sprintf("m%07d", i))
	}
	j := bulkJail(t, far)
	for i := range 40 {
		if _, err := put(t, j, fmt.Sprintf("new-%d", i), "x", vfs.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	// The attempts to list it all stop at 8,000 names, four times that, and so on.
	if far.entries > 1_000_000 {
		t.Errorf("read %d entries", far.entries)
	}
	far.names = append(far.names, "z")
	if _, err := put(t, j, "Z", "x", vfs.PutOptions{}); err == nil {
		t.Error("created beside a sibling")
	}
}
