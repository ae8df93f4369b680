package limit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/backends/layer/limit"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func Example() {
	store, err := mem.FromMap(map[string]string{"a": "one", "b": "two"})
	if err != nil {
		log.Fatal(err)
	}
	b := limit.New(store, limit.Options{Calls: 1, Wait: time.Millisecond})
	jail, err := vfs.New(b, vfs.Policy{Allow: vfs.Patterns("*")})
	if err != nil {
		log.Fatal(err)
	}
	f, err := jail.Open("a") // stays open
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	_, err = jail.ReadFile("b")
	fmt.Println(errors.Is(err, vfs.ErrUnavailable))
	// Output: true
}

func name(t *testing.T, s string) vfs.Name {
	t.Helper()
	n, err := vfs.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func layer(t *testing.T, b vfs.Backend, opts limit.Options) vfs.Backend {
	t.Helper()
	return limit.New(b, opts)
}

func store(t *testing.T, size int) *mem.Backend {
	t.Helper()
	b, err := mem.FromMap(map[string]string{"a": strings.Repeat("x", size), "b": "b", "c": "c"})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func panics(f func()) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	f()
	return false
}

func TestNew(t *testing.T) {
	for _, opts := range []limit.Options{{Calls: -1}, {BytesPerSecond: -1}, {Wait: -1}} {
		if !panics(func() { limit.New(mem.New(), opts) }) {
			t.Errorf("New accepts %+v", opts)
		}
	}
	if !panics(func() { limit.New(nil, limit.Options{}) }) {
		t.Error("New accepts no backend")
	}
	if m := mem.New(); driver.Under(layer(t, m, limit.Options{})) != vfs.Backend(m) {
		t.Error("a copy inside the store cannot read through the layer")
	}
}

// calls are all that take a slot, each with what ends it.
func calls(t *testing.T, b vfs.Backend) map[string]func() error {
	return map[string]func() error{
		"open": func() error {
			obj, err := b.Open(t.Context(), name(t, "a"), vfs.Request{})
			if err == nil {
				obj.Body.Close()
			}
			return err
		},
		"open of nothing": func() error {
			_, err := b.Open(t.Context(), name(t, "none"), vfs.Request{})
			if vfs.ReasonOf(err) != "" {
				return nil
			}
			return err
		},
		"stat": func() error { _, err := b.Stat(t.Context(), name(t, "a"), vfs.Request{}); return err },
		"put": func() error {
			_, err := b.Put(t.Context(), name(t, "new"), strings.NewReader("x"), vfs.PutOptions{})
			return err
		},
		"remove": func() error {
			return b.Remove(t.Context(), name(t, "b"), vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}, Unsafe: true})
		},
		"list": func() (err error) {
			for _, err = range b.List(t.Context(), vfs.Root, "") {
			}
			return err
		},
		"part of a list": func() (err error) {
			for _, err = range b.List(t.Context(), vfs.Root, "") {
				break
			}
			return err
		},
		"move": func() error {
			_, err := driver.MoveFrom(t.Context(), b, name(t, "new"), mem.New(), vfs.Info{}, vfs.PutOptions{})
			if errors.Is(err, vfs.ErrUnsupported) {
				return nil
			}
			return err
		},
		"copy": func() error {
			_, err := driver.CopyFrom(t.Context(), b, name(t, "new"), b, vfs.Info{}, vfs.PutOptions{})
			if errors.Is(err, vfs.ErrUnsupported) {
				return nil
			}
			return err
		},
	}
}

// With all slots taken by open objects, every call is refused after the wait, with the
// time to come back; when one is closed, every call works, any number of times.
func TestCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := layer(t, store(t, 10), limit.Options{Calls: 2, Wait: 3 * time.Second})
		var held []*vfs.Object
		for range 2 {
			obj, err := b.Open(t.Context(), name(t, "a"), vfs.Request{})
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, obj)
		}
		for op, f := range calls(t, b) {
			start := time.Now()
			err := f()
			e, ok := err.(*vfs.Error)
			if !ok || !errors.Is(err, vfs.ErrUnavailable) || e.RetryAfter != 3*time.Second || time.Since(start) != 3*time.Second {
				t.Errorf("%s: %+v after %v", op, err, time.Since(start))
			}
		}
		held[0].Body.Close()
		held[0].Body.Close() // a second Close does not end another call
		for range 5 {
			for op, f := range calls(t, b) {
				if err := f(); op == "remove" {
					if !errors.Is(err, vfs.ErrPrecondition) {
						t.Errorf("%s: %v", op, err)
					}
				} else if err != nil {
					t.Errorf("%s: %v", op, err)
				}
			}
		}
		held[1].Body.Close()
		ctx, cancel := context.WithCancel(t.Context())
		for range 2 {
			if _, err := b.Open(ctx, name(t, "a"), vfs.Request{}); err != nil {
				t.Fatal(err)
			}
		}
		time.AfterFunc(time.Second, cancel)
		if _, err := b.Stat(ctx, name(t, "a"), vfs.Request{}); !errors.Is(err, context.Canceled) {
			t.Errorf("canceled while it waits: %v", err)
		}
	})
}

// A waiting call gets the slot that becomes free.
func TestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := layer(t, store(t, 10), limit.Options{Calls: 1})
		obj, err := b.Open(t.Context(), name(t, "a"), vfs.Request{})
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second/2, func() { obj.Body.Close() })
		if _, err := b.Stat(t.Context(), name(t, "a"), vfs.Request{}); err != nil {
			t.Error(err)
		}
	})
}

// Listings whose loops make calls do not block each other, even with a single slot.
func TestListsHoldNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := layer(t, store(t, 10), limit.Options{Calls: 1})
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for e, err := range b.List(t.Context(), vfs.Root, "") {
					if err == nil {
						_, err = b.Stat(t.Context(), name(t, e.Elem), vfs.Request{})
					}
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
	})
}

// A listing that has begun goes on although others have all slots, unless it is canceled.
func TestBegunListingIsNotRefused(t *testing.T) {
	for _, canceled := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := layer(t, store(t, 10), limit.Options{Calls: 1, Wait: time.Minute})
			all := len(names(t, b))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			entries := 0
			for e, err := range b.List(ctx, vfs.Root, "") {
				if err != nil {
					if !canceled || entries != 1 || !errors.Is(err, context.Canceled) {
						t.Errorf("after %d entries: %v", entries, err)
					}
					return
				}
				if entries++; entries > 1 {
					continue
				}
				obj, err := b.Open(t.Context(), name(t, e.Elem), vfs.Request{})
				if err != nil {
					t.Fatal(err)
				}
				defer obj.Body.Close()
				if canceled {
					time.AfterFunc(time.Second, cancel)
				}
			}
			if canceled || entries != all {
				t.Errorf("canceled: %t; ended after %d entries of %d", canceled, entries, all)
			}
		})
	}
}

// Calls that hold all slots while they wait for a listing do not keep it from going on.
func TestListingOfThoseWhoHoldTheSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := layer(t, slowList{store(t, 10)}, limit.Options{Calls: 2})
		j, err := vfs.NewBulk(b, vfs.Policy{Allow: vfs.Patterns("**")})
		if err != nil {
			t.Fatal(err)
		}
		from := names(t, b)
		var all sync.WaitGroup
		for i := range 2 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * 50 * time.Millisecond)
				_, err := j.Copy(t.Context(), name(t, fmt.Sprint("new", i)), j, name(t, from[i]), vfs.PutOptions{Cond: vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}})
				if err != nil && !errors.Is(err, vfs.ErrUnavailable) {
					t.Errorf("copy %d: %v", i, err)
				}
			})
		}
		all.Wait()
	})
}

// A slowList takes time for each listing.
type slowList struct{ vfs.Backend }

func (s slowList) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		time.Sleep(100 * time.Millisecond)
		s.Backend.List(ctx, dir, after)(yield)
	}
}

// names returns the names at the top of b.
func names(t *testing.T, b vfs.Backend) (list []string) {
	t.Helper()
	for e, err := range b.List(t.Context(), vfs.Root, "") {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e.Elem)
	}
	return list
}

// All bodies together keep to the rate, after a second's bytes at once.
func TestRate(t *testing.T) {
	const rate = 1 << 20
	synctest.Test(t, func(t *testing.T) {
		b := layer(t, store(t, 5*rate), limit.Options{BytesPerSecond: rate, Wait: time.Hour})
		start := time.Now()
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				obj, err := b.Open(t.Context(), name(t, "a"), vfs.Request{})
				if err != nil {
					t.Error(err)
					return
				}
				defer obj.Body.Close()
				if n, err := io.Copy(io.Discard, obj.Body); n != 5*rate || err != nil {
					t.Errorf("%d bytes, %v", n, err)
				}
			})
		}
		wg.Go(func() {
			if _, err := b.Put(t.Context(), name(t, "new"), strings.NewReader(strings.Repeat("y", 5*rate)), vfs.PutOptions{}); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		if took := time.Since(start); took < 14*time.Second || took > 14*time.Second+time.Millisecond {
			t.Errorf("15 MiB at 1 MiB/s, the first at once, took %v", took)
		}
	})
}

// A call that would have to wait too long for its first byte is refused, and told for how
// long; what has begun goes on.
func TestShed(t *testing.T) {
	const rate = 64 << 10
	synctest.Test(t, func(t *testing.T) {
		b := layer(t, store(t, 10*rate), limit.Options{BytesPerSecond: rate, Wait: time.Second})
		var open []*vfs.Object
		for range 20 { // each takes an eighth of a second's bytes at a time
			obj, err := b.Open(t.Context(), name(t, "a"), vfs.Request{})
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, obj)
		}
		var wg sync.WaitGroup
		for _, obj := range open {
			wg.Go(func() {
				defer obj.Body.Close()
				if _, err := io.Copy(io.Discard, obj.Body); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(10 * time.Second)
		_, err := b.Open(t.Context(), name(t, "b"), vfs.Request{})
		e, ok := errors.AsType[*vfs.Error](err)
		if !ok || !errors.Is(err, vfs.ErrUnavailable) || e.RetryAfter <= 0 || e.RetryAfter > 2*time.Second {
			t.Errorf("Open: %+v", err)
		}
		if _, err := b.Put(t.Context(), name(t, "new"), strings.NewReader(""), vfs.PutOptions{}); !errors.Is(err, vfs.ErrUnavailable) {
			t.Errorf("Put: %v", err)
		}
		if _, err := b.Stat(t.Context(), name(t, "b"), vfs.Request{}); err != nil {
			t.Errorf("Stat, which has no body: %v", err)
		}
		wg.Wait()
		time.Sleep(time.Minute)
		if _, err := b.Put(t.Context(), name(t, "new"), strings.NewReader(""), vfs.PutOptions{}); err != nil {
			t.Errorf("later: %v", err)
		}
	})
}

// A body that waits for the rate ends with its context.
func TestRateCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := layer(t, store(t, 1<<20), limit.Options{BytesPerSecond: 1000})
		ctx, cancel := context.WithCancel(t.Context())
		obj, err := b.Open(ctx, name(t, "a"), vfs.Request{})
		if err != nil {
			t.Fatal(err)
		}
		defer obj.Body.Close()
		time.AfterFunc(time.Second, cancel)
		if _, err := io.Copy(io.Discard, obj.Body); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// The file goes past the layer only if no bytes are counted.
func TestFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := disk.New(dir, disk.Options{SkipSelfTest: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, rate := range []int64{0, 1 << 30} {
		b := layer(t, vfs.Backend(d), limit.Options{BytesPerSecond: rate, Calls: 1, Wait: time.Millisecond})
		for range 3 {
			obj, err := b.Open(t.Context(), name(t, "a"), vfs.Request{})
			if err != nil {
				t.Fatal(err)
			}
			if (obj.File != nil) != (rate == 0) {
				t.Errorf("with %d bytes a second, the file is %v", rate, obj.File)
			}
			if n, err := io.Copy(io.Discard, obj.Body); n != 1<<20 || err != nil {
				t.Errorf("%d bytes, %v", n, err)
			}
			obj.Body.Close()
		}
	}
}
