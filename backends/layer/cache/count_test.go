package cache_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/layer/cache"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

const (
	hit         = driver.CacheHit
	miss        = driver.CacheMiss
	revalidated = driver.CacheRevalidated
	stale       = driver.CacheStale
	bypass      = driver.CacheBypass
)

var whole = vfs.Request{}

// A whole object costs one request, a known one none, whatever is read of it.
func TestColdAndWarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for what, size := range map[string]int{"empty": 0, "small": 1000, "one block": mib, "blocks": 5*mib + 1} {
			data := pattern(1, size)
			src, _ := source(t, map[string]string{"a": data})
			c := open(t, src, cache.Options{TTL: hour})
			n := name(t, "a")
			want(t, c, n, whole, data, miss)
			synctest.Wait()
			want(t, c, n, whole, data, hit)
			if size > 0 {
				want(t, c, n, vfs.Request{Range: vfs.RangeSuffix(1)}, data[size-1:], hit)
				want(t, c, n, vfs.Request{Range: vfs.RangeFrom(int64(size / 2))}, data[size/2:], hit)
			}
			if info, err := c.Stat(t.Context(), n, whole); err != nil || info.Size != int64(size) {
				t.Errorf("%s: Stat: %+v, %v", what, info, err)
			}
			counts(t, src, 1, 0)
			if s := c.Stats(); s.BytesFromSource != uint64(size) || s.Misses != 1 {
				t.Errorf("%s: %+v", what, s)
			}
		}
	})
}

// A large object that is known is given as a file, for sendfile.
func TestWarmIsAFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := pattern(1, 3*mib+5)
		src, _ := source(t, map[string]string{"a": data})
		c := open(t, src, cache.Options{TTL: hour})
		n := name(t, "a")
		want(t, c, n, whole, data, miss)
		synctest.Wait()
		obj, err := c.Open(t.Context(), n, vfs.Request{Range: vfs.RangeFrom(mib - 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer obj.Body.Close()
		if obj.File == nil {
			t.Fatal("no File")
		}
		got, err := io.ReadAll(io.LimitReader(obj.File, obj.Span.Length))
		if err != nil || string(got) != data[mib-1:] {
			t.Errorf("the File yields %d bytes, %v", len(got), err)
		}
	})
}

// A range costs one request for its own blocks, and later only what is missing.
func TestRanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := pattern(2, 8*mib-7)
		src, _ := source(t, map[string]string{"a": data})
		c := open(t, src, cache.Options{TTL: hour})
		n := name(t, "a")
		part := func(first, last int, how driver.CacheStatus, opens int, blocks int) {
			t.Helper()
			before := c.Stats().BytesFromSource
			want(t, c, n, vfs.Request{Range: vfs.RangeBetween(int64(first), int64(last))}, data[first:min(last+1, len(data))], how)
			synctest.Wait()
			counts(t, src, opens, 0)
			if got := c.Stats().BytesFromSource - before; got > uint64(blocks*mib) {
				t.Errorf("%d-%d read %d bytes of the source, want at most %d blocks", first, last, got, blocks)
			}
		}
		part(3*mib+100, 3*mib+200, miss, 1, 1)
		part(3*mib, 4*mib-1, hit, 0, 0)
		part(2*mib+5, 5*mib-1, miss, 2, 2) // before and after the known block
		part(0, 10, miss, 1, 1)
		part(7*mib, 9*mib, miss, 1, 1)
		want(t, c, n, vfs.Request{Range: vfs.RangeSuffix(3)}, data[len(data)-3:], hit)
		want(t, c, n, whole, data, miss) // blocks 1, 5 and 6
		synctest.Wait()
		counts(t, src, 2, 0)
		if _, _, err := read(t.Context(), c, n, vfs.Request{Range: vfs.RangeFrom(8 * mib)}); !errors.Is(err, vfs.ErrRange) {
			t.Errorf("a range beyond the end: %v", err)
		}
		counts(t, src, 0, 0)
	})
}

// A suffix of an unknown object costs one request, too, and not the whole object.
func TestColdSuffix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := pattern(3, 6*mib+10)
		src, _ := source(t, map[string]string{"a": data})
		c := open(t, src, cache.Options{TTL: hour})
		want(t, c, name(t, "a"), vfs.Request{Range: vfs.RangeSuffix(100)}, data[len(data)-100:], miss)
		synctest.Wait()
		counts(t, src, 1, 0)
		if got := c.Stats().BytesFromSource; got > 2*mib {
			t.Errorf("%d bytes of the source were read", got)
		}
	})
}

// With conditions that fail, no bytes are read. They are evaluated with what is known.
func TestConditions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, b := source(t, map[string]string{"a": "text"})
		c := open(t, src, cache.Options{TTL: hour})
		n := name(t, "a")
		info, err := b.Stat(t.Context(), n, whole)
		if err != nil {
			t.Fatal(err)
		}
		same := vfs.Request{Cond: vfs.Cond{IfNoneMatch: vfs.Tags{List: []vfs.Tag{{Value: info.ETag, Set: true}}}}}
		for i := range 3 {
			if _, _, err := read(t.Context(), c, n, same); !errors.Is(err, vfs.ErrNotModified) {
				t.Errorf("If-None-Match: %v", err)
			}
			counts(t, src, 0, map[int]int{0: 1}[i])
		}
		want(t, c, n, whole, "text", miss)
		counts(t, src, 1, 0)
	})
}

// With a TTL of 0, each call asks, and gets no bytes that it has.
func TestRevalidation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := pattern(4, 2*mib)
		src, b := source(t, map[string]string{"a": data})
		c := open(t, src, cache.Options{})
		n := name(t, "a")
		want(t, c, n, whole, data, miss)
		synctest.Wait()
		src.Reset()
		for range 3 {
			want(t, c, n, whole, data, revalidated)
			counts(t, src, 1, 0)
		}
		if got := c.Stats(); got.BytesFromSource != uint64(len(data)) || got.Revalidations != 3 {
			t.Errorf("%+v", got)
		}
		next := pattern(5, 3*mib)
		put(t, b, n, next) // at the source
		want(t, c, n, whole, next, miss)
		counts(t, src, 1, 0)
		if err := b.Remove(t.Context(), n, vfs.Cond{}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := read(t.Context(), c, n, whole); vfs.ReasonOf(err) != reason.Missing {
			t.Errorf("a removed object: %v", err)
		}
	})
}

// Within the TTL no question is asked; after it, one.
func TestTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, b := source(t, map[string]string{"a": "old", "upload": "old"})
		c := open(t, src, cache.Options{TTL: time.Minute, Immutable: func(n vfs.Name) bool { return n.String() == "upload" }})
		n, fixed := name(t, "a"), name(t, "upload")
		want(t, c, n, whole, "old", miss)
		want(t, c, fixed, whole, "old", miss)
		synctest.Wait()
		put(t, b, n, "new")
		time.Sleep(time.Minute - 1)
		want(t, c, n, whole, "old", hit)
		counts(t, src, 2, 0)
		time.Sleep(1 * time.Nanosecond)
		want(t, c, n, whole, "new", miss)
		synctest.Wait()
		time.Sleep(time.Minute)
		want(t, c, n, whole, "new", revalidated)
		counts(t, src, 2, 0)
		time.Sleep(1000 * hour)
		want(t, c, fixed, whole, "old", hit)
		counts(t, src, 0, 0)
	})
}

// A version is served after its TTL while the source is unavailable, and not for longer
// than that. A refusal is no such failure.
func TestStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := false
		var failure error
		b := &switched{fails: func() error {
			if down {
				return failure
			}
			return nil
		}}
		src, _ := source(t, map[string]string{"a": "text"})
		b.Backend = src
		c := open(t, b, cache.Options{TTL: time.Minute, Stale: hour})
		n := name(t, "a")
		want(t, c, n, whole, "text", miss)
		synctest.Wait()
		down, failure = true, &vfs.Error{Op: "open", Name: "a", Err: vfs.ErrUnavailable}
		time.Sleep(2 * time.Minute)
		b.calls = 0
		for range 10 {
			want(t, c, n, whole, "text", stale)
		}
		if b.calls != 1 {
			t.Errorf("%d questions within a second", b.calls)
		}
		time.Sleep(time.Second)
		want(t, c, n, whole, "text", stale)
		if b.calls != 2 {
			t.Errorf("%d questions after a second", b.calls)
		}
		if _, how, err := read(driver.WithRevalidation(t.Context()), c, n, whole); !errors.Is(err, vfs.ErrUnavailable) || how != miss {
			t.Errorf("asked to be confirmed: %v, %s", err, how)
		}
		down = false
		time.Sleep(time.Second)
		want(t, c, n, whole, "text", revalidated)
		down = true
		time.Sleep(hour + time.Minute)
		if _, how, err := read(t.Context(), c, n, whole); !errors.Is(err, vfs.ErrUnavailable) || how != miss {
			t.Errorf("after the time: %v, %s", err, how)
		}
		how := revalidated
		for _, failure = range []error{
			&vfs.Error{Op: "open", Name: "a", Err: vfs.ErrFailed},
			&vfs.Error{Op: "open", Name: "a", Reason: reason.Permission, Err: fs.ErrNotExist},
			&vfs.Error{Op: "open", Name: "a", Reason: reason.Missing, Err: fs.ErrNotExist},
		} {
			down = false
			want(t, c, n, whole, "text", how)
			synctest.Wait()
			if down, how = true, revalidated; vfs.ReasonOf(failure) != "" {
				how = miss // what is refused is not kept
			}
			time.Sleep(2 * time.Minute)
			if _, _, err := read(t.Context(), c, n, whole); !errors.Is(err, failure.(*vfs.Error).Err) {
				t.Errorf("%v: %v", failure, err)
			}
			if down = false; vfs.ReasonOf(failure) == reason.Missing {
				break
			}
			time.Sleep(hour)
		}
		if s := c.Stats(); s.Stale != 11 {
			t.Errorf("%+v", s)
		}
	})
}

// switched is a backend whose Open and Stat fail when fails says so.
type switched struct {
	vfs.Backend
	fails func() error
	calls int
}

func (s *switched) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	s.calls++
	if err := s.fails(); err != nil {
		return nil, err
	}
	return s.Backend.Open(ctx, n, req)
}

func (s *switched) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	s.calls++
	if err := s.fails(); err != nil {
		return vfs.Info{}, err
	}
	return s.Backend.Stat(ctx, n, req)
}

// A missing name is known for 5 seconds at most; another failure is not kept.
func TestNegative(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, _ := source(t, nil, vfstest.Fault{Name: "broken", Err: &vfs.Error{Op: "open", Err: vfs.ErrFailed}})
		c := open(t, src, cache.Options{TTL: hour})
		n, broken := name(t, "d/a"), name(t, "broken")
		gone := func(how driver.CacheStatus) {
			t.Helper()
			if _, got, err := read(t.Context(), c, n, whole); vfs.ReasonOf(err) != reason.Missing || got != how {
				t.Errorf("%s, %v, want %s", got, err, how)
			}
		}
		gone(miss)
		gone(hit)
		if _, err := c.Stat(t.Context(), n, whole); vfs.ReasonOf(err) != reason.Missing {
			t.Errorf("Stat: %v", err)
		}
		counts(t, src, 1, 0)
		time.Sleep(5 * time.Second)
		gone(miss)
		gone(hit)
		counts(t, src, 1, 0)
		for range 3 {
			if _, how, err := read(t.Context(), c, broken, whole); !errors.Is(err, vfs.ErrFailed) || how != miss {
				t.Errorf("%s, %v", how, err)
			}
		}
		counts(t, src, 3, 0)
		if _, err := c.Stat(t.Context(), n.Dir(), whole); vfs.ReasonOf(err) != reason.Missing {
			t.Errorf("Stat of the directory: %v", err)
		}
		put(t, c, n, "here")
		want(t, c, n, whole, "here", miss)
		if _, err := c.Stat(t.Context(), n.Dir(), whole); vfs.ReasonOf(err) != reason.Directory {
			t.Errorf("Stat of the directory after Put: %v", err)
		}
		for i := range 20_000 {
			read(t.Context(), c, name(t, "no/"+strings.Repeat("x", 1+i%200)+"/"+pattern(i, 1)[:0]+string(rune('a'+i/200%26))+string(rune('a'+i/5200))), whole)
		}
		if s := c.Stats(); s.Negative == 0 || s.Negative > 1<<14 {
			t.Errorf("%d negative answers", s.Negative)
		}
	})
}

// Without an ETag, nothing is kept: after the first time, a call is one call.
func TestWithoutETag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, _ := source(t, map[string]string{"a": "text"})
		c := open(t, tagless{src}, cache.Options{TTL: hour})
		n := name(t, "a")
		want(t, c, n, whole, "text", bypass)
		src.Reset()
		for range 3 {
			want(t, c, n, vfs.Request{Range: vfs.RangeFrom(1)}, "ext", bypass)
			counts(t, src, 1, 0)
		}
		if s := c.Stats(); s.Size != 0 {
			t.Errorf("%+v", s)
		}
	})
}

type tagless struct{ vfs.Backend }

func (b tagless) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	obj, err := b.Backend.Open(ctx, n, req)
	if err == nil {
		obj.Info.ETag = ""
	}
	return obj, err
}

// A thousand clients of one unknown object cost one request, and those that come while it
// is read none. With a TTL of 0 one more question is asked, for those that came after the
// first had begun.
func TestHerd(t *testing.T) {
	for what, ttl := range map[string]time.Duration{"ttl": hour, "no ttl": 0} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				data := pattern(6, 2*mib+mib/2)
				opening := make(chan struct{})
				src, _ := source(t, map[string]string{"a": data}, vfstest.Fault{Op: "open", Call: 1, Until: opening})
				c := open(t, src, cache.Options{TTL: ttl})
				n := name(t, "a")
				var clients sync.WaitGroup
				for i := range 1000 {
					clients.Go(func() {
						first := int64(i % 2 * mib)
						if err := compare(t.Context(), c, n, vfs.Request{Range: vfs.RangeFrom(first)}, data[first:]); err != nil {
							t.Errorf("client %d: %v", i, err)
						}
					})
				}
				synctest.Wait()
				close(opening)
				clients.Wait()
				synctest.Wait()
				if n := src.Count("open"); n > 3 {
					t.Errorf("%d requests for 3 blocks", n)
				}
				if got := c.Stats().BytesFromSource; got > 2*uint64(len(data)) {
					t.Errorf("%d bytes were read from the source", got)
				}
			})
		})
	}
}

// Whoever came first may go: the others get their bytes from the same request.
func TestFirstClientLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := pattern(7, 3*mib)
		opening, reading := make(chan struct{}), make(chan struct{})
		src, _ := source(t, map[string]string{"a": data},
			vfstest.Fault{Op: "open", Call: 1, Until: opening}, vfstest.Fault{Op: "read", After: mib + mib/2, Until: reading})
		c := open(t, src, cache.Options{TTL: hour})
		n := name(t, "a")
		first, leave := context.WithCancel(t.Context())
		var clients sync.WaitGroup
		clients.Go(func() {
			if _, _, err := read(first, c, n, whole); !errors.Is(err, context.Canceled) {
				t.Errorf("the first client: %v", err)
			}
		})
		synctest.Wait()
		second, leaveToo := context.WithCancel(t.Context())
		clients.Go(func() {
			if _, _, err := read(second, c, n, whole); !errors.Is(err, context.Canceled) {
				t.Errorf("the second client: %v", err)
			}
		})
		clients.Go(func() { want(t, c, n, whole, data, miss) })
		synctest.Wait()
		leave()
		synctest.Wait()
		close(opening)
		synctest.Wait() // the second is within the body
		leaveToo()
		synctest.Wait()
		close(reading)
		clients.Wait()
		counts(t, src, 1, 0)
	})
}

// If nobody waits any more, the request ends.
func TestAllClientsLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := pattern(8, 10*mib)
		never := make(chan struct{})
		for what, fault := range map[string]vfstest.Fault{
			"open": {Op: "open", Call: 1, Until: never},
			"read": {Op: "read", After: mib / 2, Until: never},
		} {
			src, _ := source(t, map[string]string{"a": data}, fault)
			c := open(t, src, cache.Options{TTL: hour})
			ctx, cancel := context.WithCancel(t.Context())
			var client sync.WaitGroup
			client.Go(func() { read(ctx, c, name(t, "a"), whole) })
			synctest.Wait()
			cancel()
			client.Wait()
			time.Sleep(time.Minute)
			synctest.Wait()
			if src.Count("close") != src.Count("open") && what == "read" {
				t.Errorf("%s: the request goes on: %v", what, src.Counts())
			}
			if got := c.Stats(); got.Size != 0 {
				t.Errorf("%s: %+v", what, got)
			}
		}
	})
}

// A short range makes its whole block known, though its client has left.
func TestShortRangeCompletesItsBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := pattern(9, 3*mib)
		src, _ := source(t, map[string]string{"a": data})
		c := open(t, src, cache.Options{TTL: hour})
		n := name(t, "a")
		want(t, c, n, vfs.Request{Range: vfs.RangeBetween(mib, mib+9)}, data[mib:mib+10], miss)
		synctest.Wait()
		want(t, c, n, vfs.Request{Range: vfs.RangeBetween(mib, 2*mib-1)}, data[mib:2*mib], hit)
		counts(t, src, 1, 0)
	})
}

// A change through the Cache is seen at once, also if the old version is just being read.
func TestWritesAreSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, next := pattern(10, 2*mib), pattern(11, 2*mib)
		reading := make(chan struct{})
		src, _ := source(t, map[string]string{"a": old}, vfstest.Fault{Op: "read", Call: 1, Until: reading})
		c := open(t, src, cache.Options{TTL: hour})
		n := name(t, "a")
		var client sync.WaitGroup
		client.Go(func() { want(t, c, n, whole, old, miss) })
		synctest.Wait()
		put(t, c, n, next)
		want(t, c, n, whole, next, miss)
		close(reading)
		client.Wait()
		synctest.Wait()
		want(t, c, n, whole, next, hit)
		if err := c.Remove(t.Context(), n, vfs.Cond{}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := read(t.Context(), c, n, whole); vfs.ReasonOf(err) != reason.Missing {
			t.Errorf("after Remove: %v", err)
		}
		synctest.Wait()
		if s := c.Stats(); s.Size != 0 {
			t.Errorf("after Remove: %+v", s)
		}
	})
}

// If the object changes before a byte was sent, Open begins again; after that, the body
// fails. It never goes on with another version.
// The conditions of changes are about the present object at the source, however recent
// the answer that the Cache has.
func TestChangesAskTheSource(t *testing.T) {
	src, objects := source(t, map[string]string{"a": "first"})
	c := open(t, src, cache.Options{TTL: hour})
	jail, err := vfs.New(c, vfs.Policy{Allow: vfs.Patterns("**")})
	if err != nil {
		t.Fatal(err)
	}
	n := name(t, "a")
	version := func() vfs.Cond {
		t.Helper()
		info, err := objects.Stat(t.Context(), n, vfs.Request{})
		if err != nil {
			t.Fatal(err)
		}
		return vfs.Cond{IfMatch: vfs.Tags{List: []vfs.Tag{{Value: info.ETag, Set: true}}}}
	}
	// known makes the Cache know a version, and then another program replace it.
	known := func(body string) (old, current vfs.Cond) {
		t.Helper()
		if _, err := jail.Head(t.Context(), n, vfs.Request{}); err != nil {
			t.Fatal(err)
		}
		old = version()
		if _, err := objects.Put(t.Context(), n, strings.NewReader(body), vfs.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		return old, version()
	}
	put := func(cond vfs.Cond) error {
		_, err := jail.Put(t.Context(), n, strings.NewReader("ours"), vfs.PutOptions{Cond: cond})
		return err
	}
	old, current := known("second")
	if err := put(old); !errors.Is(err, vfs.ErrPrecondition) {
		t.Errorf("Put for the version that the Cache knows: %v", err)
	}
	if err := put(current); err != nil {
		t.Errorf("Put for the present version: %v", err)
	}
	_, current = known("third")
	if _, err := jail.Move(t.Context(), name(t, "b"), jail, n, vfs.PutOptions{Source: current}); err != nil {
		t.Errorf("Move of the present version: %v", err)
	}
	n = name(t, "b")
	old, current = known("fourth")
	if _, err := jail.Remove(t.Context(), n, old); !errors.Is(err, vfs.ErrPrecondition) {
		t.Errorf("Remove of the version that the Cache knows: %v", err)
	}
	if _, err := jail.Remove(t.Context(), n, current); err != nil {
		t.Errorf("Remove of the present version: %v", err)
	}
}

func TestChangeDuringRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, next := pattern(12, 8*mib), pattern(13, 8*mib)
		src, b := source(t, map[string]string{"a": old})
		c := open(t, src, cache.Options{TTL: hour})
		n := name(t, "a")
		want(t, c, n, vfs.Request{Range: vfs.RangeBetween(0, 10)}, old[:11], miss)
		synctest.Wait()
		put(t, b, n, next)
		want(t, c, n, whole, next, miss)
		synctest.Wait()

		put(t, b, n, old)
		time.Sleep(hour)
		want(t, c, n, vfs.Request{Range: vfs.RangeBetween(0, 10)}, old[:11], miss)
		want(t, c, n, vfs.Request{Range: vfs.RangeBetween(2*mib, 2*mib+10)}, old[2*mib:2*mib+11], miss)
		synctest.Wait()
		obj, err := c.Open(t.Context(), n, whole) // its block 1 is being read, 3 to 7 later
		if err != nil {
			t.Fatal(err)
		}
		defer obj.Body.Close()
		put(t, b, n, next)
		got, err := io.ReadAll(obj.Body)
		if !errors.Is(err, vfs.ErrChanged) || !strings.HasPrefix(old, string(got)) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		want(t, c, n, whole, next, miss)
	})
}

// relabeled is a source whose objects can get another type without another ETag, as on S3.
type relabeled struct {
	vfs.Backend
	contentType string
	stored      time.Duration
}

func (r *relabeled) relabel(i *vfs.Info) {
	i.ContentType, i.ModTime = r.contentType, i.ModTime.Add(r.stored)
}

func (r *relabeled) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	obj, err := r.Backend.Open(ctx, n, req)
	var e *vfs.Error
	switch {
	case err == nil:
		r.relabel(&obj.Info)
	case errors.As(err, &e) && e.Info != nil:
		e.Info.ModTime = e.Info.ModTime.Add(r.stored) // a 304 has no type
	}
	return obj, err
}

func (r *relabeled) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	info, err := r.Backend.Stat(ctx, n, req)
	r.relabel(&info)
	return info, err
}

// New metadata are seen after the TTL, too.
func TestMetadataChange(t *testing.T) {
	for _, call := range []string{"open", "stat"} {
		synctest.Test(t, func(t *testing.T) {
			src, _ := source(t, map[string]string{"a": "text"})
			b := &relabeled{Backend: src, contentType: "text/plain"}
			c := open(t, b, cache.Options{})
			n := name(t, "a")
			want(t, c, n, whole, "text", miss)
			synctest.Wait()
			b.contentType, b.stored = "text/html", time.Second
			if call == "open" {
				want(t, c, n, whole, "text", miss)
			}
			if info, err := c.Stat(t.Context(), n, whole); err != nil || info.ContentType != "text/html" {
				t.Errorf("%s: %+v, %v", call, info, err)
			}
			obj, err := c.Open(t.Context(), n, whole)
			if err != nil || obj.Info.ContentType != "text/html" {
				t.Fatalf("%s: %+v, %v", call, obj, err)
			}
			obj.Body.Close()
		})
	}
}

// A breaking is a source whose body of "1-…" breaks once, after a block and a half.
type breaking struct {
	*generated
	broken atomic.Bool
}

func (b *breaking) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	obj, err := b.generated.Open(ctx, n, req)
	if err == nil && strings.HasPrefix(n.String(), "1-") && !b.broken.Swap(true) {
		obj.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(io.LimitReader(obj.Body, 3*mib/2), iotest.ErrReader(vfs.ErrUnavailable)), obj.Body}
	}
	return obj, err
}

// A source that has failed once answers the next call, also for a block of the failed request
// that is in memory because there was no room for it.
func TestFailedFill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &breaking{generated: &generated{}}
		c := open(t, src, cache.Options{Size: cache.MinSize, TTL: hour})
		// What is being read is not evicted.
		full := name(t, fmt.Sprintf("2-%d", 3*mib))
		if _, _, err := read(t.Context(), c, full, whole); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		held, err := c.Open(t.Context(), full, whole)
		if err != nil {
			t.Fatal(err)
		}
		defer held.Body.Close()
		n := name(t, fmt.Sprintf("1-%d", 3*mib))
		slow, err := c.Open(t.Context(), n, whole)
		if err != nil {
			t.Fatal(err)
		}
		defer slow.Body.Close()
		if _, err := slow.Body.Read(make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		text, _, err := read(t.Context(), c, n, vfs.Request{Range: vfs.RangeBetween(0, 9)})
		if want := src.content(n, 1, 3*mib)[:10]; err != nil || text != want {
			t.Errorf("%q, %v, want %q", text, err, want)
		}
		// The body that was there gets what had come, and no more unless the next call brought it.
		got, err := io.ReadAll(slow.Body)
		rest := src.content(n, 1, 3*mib)[10:]
		if whole := err == nil && string(got) == rest; !whole && (!errors.Is(err, vfs.ErrUnavailable) || string(got) != rest[:mib-10]) {
			t.Errorf("the body that was there: %d bytes, %v", len(got), err)
		}
	})
}
