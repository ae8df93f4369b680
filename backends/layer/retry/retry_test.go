package retry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"log"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/bailiwick-fs/bailiwick/backends/layer/retry"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func Example() {
	store, err := mem.FromMap(map[string]string{"guide.txt": "read me"})
	if err != nil {
		log.Fatal(err)
	}
	flaky := vfstest.NewFaults(store, vfstest.FailCall(1, vfs.ErrUnavailable))
	b := retry.New(flaky, retry.Options{})
	jail, err := vfs.New(b, vfs.Policy{Allow: vfs.Patterns("**")})
	if err != nil {
		log.Fatal(err)
	}
	data, err := jail.ReadFile("guide.txt")
	fmt.Printf("%s %v, %d calls\n", data, err, flaky.Count("open"))
	// Output: read me <nil>, 2 calls
}

func name(t *testing.T, s string) vfs.Name {
	t.Helper()
	n, err := vfs.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func store(t *testing.T) *mem.Backend {
	t.Helper()
	b, err := mem.FromMap(map[string]string{"a": "data", "b": "b", "c": "c", "d/e": "e"})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func layer(t *testing.T, b vfs.Backend, opts retry.Options) vfs.Backend {
	t.Helper()
	return retry.New(b, opts)
}

func tags(t *testing.T, b vfs.Backend, s string) vfs.Tags {
	t.Helper()
	info, err := b.Stat(t.Context(), name(t, s), vfs.Request{})
	if err != nil {
		t.Fatal(err)
	}
	return vfs.Tags{List: []vfs.Tag{{Value: info.ETag, Set: true}}}
}

func panics(f func()) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	f()
	return false
}

func TestNew(t *testing.T) {
	for _, opts := range []retry.Options{{Attempts: -1}, {Delay: -1}, {MaxDelay: -1}, {Budget: -1}} {
		if !panics(func() { retry.New(mem.New(), opts) }) {
			t.Errorf("New accepts %+v", opts)
		}
	}
	if !panics(func() { retry.New(nil, retry.Options{}) }) {
		t.Error("New accepts no backend")
	}
	if m := mem.New(); driver.Under(layer(t, m, retry.Options{})) != vfs.Backend(m) {
		t.Error("a copy inside the store cannot read through the layer")
	}
}

// Reads are repeated up to the number of attempts, and only for what may work later.
func TestReads(t *testing.T) {
	for _, c := range []struct {
		err   error
		fails int
		calls int
	}{
		{vfs.ErrUnavailable, 0, 1}, {vfs.ErrUnavailable, 2, 3}, {vfs.ErrUnavailable, 9, 3},
		{vfs.ErrFailed, 9, 1}, {vfs.ErrListBound, 9, 1}, {fs.ErrNotExist, 9, 1}, {errors.New("broken"), 9, 1},
		{fmt.Errorf("%w: %w", vfs.ErrUnavailable, context.Canceled), 9, 1},
	} {
		for op, f := range map[string]func(t *testing.T, b vfs.Backend) error{
			"open": func(t *testing.T, b vfs.Backend) error {
				obj, err := b.Open(t.Context(), name(t, "a"), vfs.Request{})
				if err == nil {
					obj.Body.Close()
				}
				return err
			},
			"stat": func(t *testing.T, b vfs.Backend) error {
				_, err := b.Stat(t.Context(), name(t, "a"), vfs.Request{})
				return err
			},
			"list": func(t *testing.T, b vfs.Backend) (err error) {
				for _, err = range b.List(t.Context(), vfs.Root, "") {
				}
				return err
			},
		} {
			synctest.Test(t, func(t *testing.T) {
				var faults []vfstest.Fault
				for i := range c.fails {
					faults = append(faults, vfstest.Fault{Op: op, Call: i + 1, Err: c.err})
				}
				f9 := vfstest.NewFaults(store(t), faults...)
				err := f(t, layer(t, f9, retry.Options{}))
				if works := c.fails < c.calls; (err == nil) != works || !works && !errors.Is(err, c.err) || f9.Count(op) != c.calls {
					t.Errorf("%s with %d times %v: %v after %d calls, want %d", op, c.fails, c.err, err, f9.Count(op), c.calls)
				}
			})
		}
	}
}

// Pauses grow up to their maximum, are never longer than the caller has time, and are as
// long as the backend asks.
func TestPauses(t *testing.T) {
	opts := retry.Options{Attempts: 8, Delay: time.Second, MaxDelay: 4 * time.Second}
	down := func(wait time.Duration) vfs.Backend {
		return vfstest.NewFaults(mem.New(), vfstest.FailOp("stat", &vfs.Error{Err: vfs.ErrUnavailable, RetryAfter: wait}))
	}
	stat := func(ctx context.Context, b vfs.Backend) (time.Duration, error) {
		start := time.Now()
		_, err := b.Stat(ctx, name(t, "a"), vfs.Request{})
		return time.Since(start), err
	}
	synctest.Test(t, func(t *testing.T) {
		for range 50 {
			took, err := stat(t.Context(), layer(t, down(0), opts))
			if most := (1 + 2 + 5*4) * time.Second; !errors.Is(err, vfs.ErrUnavailable) || took > most || took == 0 {
				t.Errorf("%v after %v, want at most %v", err, took, most)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if took, err := stat(ctx, layer(t, asking{down(0), 2 * time.Second}, opts)); !errors.Is(err, vfs.ErrUnavailable) || took != 0 {
			t.Errorf("with a deadline before the next attempt: %v after %v", err, took)
		}
		if took, _ := stat(t.Context(), layer(t, asking{down(0), 4 * time.Second}, opts)); took != 7*4*time.Second {
			t.Errorf("asked to wait 4 s each time: %v", took)
		}
		if took, _ := stat(t.Context(), layer(t, asking{down(0), 5 * time.Second}, opts)); took != 0 {
			t.Errorf("asked to wait longer than a pause may be: %v", took)
		}
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if took, err := stat(ctx, layer(t, asking{down(0), 3 * time.Second}, opts)); !errors.Is(err, vfs.ErrUnavailable) || took != time.Second {
			t.Errorf("canceled during a pause: %v after %v", err, took)
		}
	})
}

// asking asks callers to wait.
type asking struct {
	vfs.Backend
	wait time.Duration
}

func (a asking) Stat(_ context.Context, n vfs.Name, _ vfs.Request) (vfs.Info, error) {
	return vfs.Info{}, &vfs.Error{Op: "stat", Name: n.String(), Err: vfs.ErrUnavailable, RetryAfter: a.wait}
}

// While a store is down, retries add no more than a tenth to its load, after the first.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := false
		faulty := vfstest.NewFaults(store(t), vfstest.Fault{Op: "stat"})
		b := layer(t, switching{faulty, &up}, retry.Options{Budget: 5})
		stat := func() { b.Stat(t.Context(), name(t, "a"), vfs.Request{}) }
		for range 100 {
			stat()
		}
		if n := faulty.Count("stat"); n != 105 {
			t.Errorf("100 calls of a store that is down made %d", n)
		}
		up = true
		for range 30 {
			stat()
		}
		up = false
		faulty.Reset()
		for range 100 {
			stat()
		}
		if n := faulty.Count("stat"); n != 103 {
			t.Errorf("after 30 successes, 100 calls made %d", n)
		}
	})
}

type switching struct {
	*vfstest.Faults
	up *bool
}

func (s switching) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	info, err := s.Faults.Stat(ctx, n, req)
	if !*s.up {
		return vfs.Info{}, &vfs.Error{Op: "stat", Name: n.String(), Err: vfs.ErrUnavailable}
	}
	return info, err
}

// A listing continues where it failed, without a gap and without a repetition.
func TestList(t *testing.T) {
	for fail := 1; fail <= 5; fail++ {
		synctest.Test(t, func(t *testing.T) {
			f := vfstest.NewFaults(store(t), vfstest.Fault{Op: "entry", Call: fail, Err: vfs.ErrUnavailable})
			var keys []string
			for e, err := range layer(t, f, retry.Options{}).List(t.Context(), vfs.Root, "") {
				if err != nil {
					t.Fatal(err)
				}
				keys = append(keys, e.Key())
			}
			if !slices.Equal(keys, []string{"a", "b", "c", "d/"}) {
				t.Errorf("failing at entry %d: %q", fail, keys)
			}
			// Without an order, nobody knows what has been yielded.
			f.Reset()
			var last error
			yielded := 0
			ctx := driver.WithListHint(t.Context(), driver.ListHint{AnyOrder: true})
			for _, err := range layer(t, f, retry.Options{}).List(ctx, vfs.Root, "") {
				if last = err; err == nil {
					yielded++
				}
			}
			if works := fail == 1 || fail == 5; (last == nil) != works || works && yielded != 4 {
				t.Errorf("failing at entry %d of a listing in any order: %d entries, %v", fail, yielded, last)
			}
		})
	}
}

// Retries never exceed the bound on requests.
func TestListBound(t *testing.T) {
	for _, c := range []struct {
		bound int
		want  []int
	}{{64, []int{62, 1, 1}}, {3, []int{1, 1, 1}}, {2, []int{2}}, {1, []int{1}}, {0, []int{0, 0, 0}}} {
		synctest.Test(t, func(t *testing.T) {
			var got []int
			ctx := driver.WithListHint(t.Context(), driver.ListHint{Requests: c.bound})
			for range layer(t, bounded{mem.New(), func(requests int) { got = append(got, requests) }}, retry.Options{}).List(ctx, vfs.Root, "") {
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("with a bound of %d: %d, want %d", c.bound, got, c.want)
			}
		})
	}
}

// A listing that is run again, or twice at once, has the whole bound each time.
func TestListAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := driver.WithListHint(t.Context(), driver.ListHint{Requests: 64})
		var mu sync.Mutex
		var got []int
		list := layer(t, bounded{mem.New(), func(requests int) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, requests)
		}}, retry.Options{}).List(ctx, vfs.Root, "")
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				for range list {
				}
			})
		}
		all.Wait()
		for range list {
		}
		slices.Sort(got)
		if want := []int{1, 1, 1, 1, 1, 1, 62, 62, 62}; !slices.Equal(got, want) {
			t.Errorf("bounds of %d, want %d", got, want)
		}
	})
}

type bounded struct {
	vfs.Backend
	note func(requests int)
}

func (b bounded) List(ctx context.Context, dir vfs.Name, _ string) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		b.note(driver.ListHintOf(ctx).Requests)
		yield(vfs.Entry{}, &vfs.Error{Op: "list", Name: dir.String(), Err: vfs.ErrUnavailable})
	}
}

// lost is a backend of which some changes fail, before or after they took effect.
type lost struct {
	vfs.Backend
	before, after int // how many of the next changes
	calls         int
}

func (l *lost) change(op string, n vfs.Name, do func() error) error {
	l.calls++
	fail := &vfs.Error{Op: op, Name: n.String(), Err: vfs.ErrUnavailable}
	if l.before > 0 {
		l.before--
		return fail
	}
	err := do()
	if l.after > 0 {
		l.after--
		return fail
	}
	return err
}

func (l *lost) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (info vfs.Info, err error) {
	// Something has been read before it fails.
	k, err := body.Read(make([]byte, 1))
	if err != nil && err != io.EOF {
		l.calls++
		return info, &vfs.Error{Op: "put", Name: n.String(), Err: err}
	}
	if s, ok := body.(io.Seeker); ok && l.before == 0 {
		if _, err := s.Seek(int64(-k), io.SeekCurrent); err != nil {
			return info, err
		}
	}
	err = l.change("put", n, func() error { info, err = l.Backend.Put(ctx, n, body, opts); return err })
	return info, err
}

func (l *lost) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	return l.change("remove", n, func() error { return l.Backend.Remove(ctx, n, cond) })
}

// A change is repeated only under a condition that its first success breaks, and if it
// cannot be told whose change was first, the error says neither yes nor no.
func TestChanges(t *testing.T) {
	anyTag := vfs.Tags{Any: true}
	for _, c := range []struct {
		what          string
		cond          func(b vfs.Backend) vfs.Cond
		name          string
		before, after int
		calls         int
		want          error
		content       string
	}{
		{"unconditional", func(vfs.Backend) vfs.Cond { return vfs.Cond{} }, "a", 1, 0, 1, vfs.ErrUnavailable, "data"},
		{"If-Match, not made", func(b vfs.Backend) vfs.Cond { return vfs.Cond{IfMatch: tags(t, b, "a")} }, "a", 2, 0, 3, nil, "new"},
		{"If-Match, made", func(b vfs.Backend) vfs.Cond { return vfs.Cond{IfMatch: tags(t, b, "a")} }, "a", 0, 1, 2, vfs.ErrUnavailable, "new"},
		{"If-Match *", func(vfs.Backend) vfs.Cond { return vfs.Cond{IfMatch: anyTag} }, "a", 1, 0, 1, vfs.ErrUnavailable, "data"},
		{"If-None-Match *, not made", func(vfs.Backend) vfs.Cond { return vfs.Cond{IfNoneMatch: anyTag} }, "n", 1, 0, 2, nil, "new"},
		{"If-None-Match *, made", func(vfs.Backend) vfs.Cond { return vfs.Cond{IfNoneMatch: anyTag} }, "n", 0, 1, 2, vfs.ErrUnavailable, "new"},
		{"If-None-Match *, of what exists", func(vfs.Backend) vfs.Cond { return vfs.Cond{IfNoneMatch: anyTag} }, "a", 0, 0, 1, vfs.ErrExist, "data"},
		{"If-Unmodified-Since", func(vfs.Backend) vfs.Cond { return vfs.Cond{IfUnmodifiedSince: time.Now().Add(time.Hour)} }, "a", 1, 0, 1, vfs.ErrUnavailable, "data"},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := &lost{Backend: store(t), before: c.before, after: c.after}
			cond := c.cond(l)
			cond.Unsafe = true
			body := strings.NewReader("skipped new")
			if _, err := body.Seek(int64(len("skipped ")), io.SeekStart); err != nil {
				t.Fatal(err)
			}
			_, err := layer(t, l, retry.Options{}).Put(t.Context(), name(t, c.name), body, vfs.PutOptions{Cond: cond})
			if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) || c.want == vfs.ErrUnavailable && errors.Is(err, vfs.ErrPrecondition) {
				t.Errorf("%s: %v, want %v", c.what, err, c.want)
			}
			if l.calls != c.calls {
				t.Errorf("%s: %d calls, want %d", c.what, l.calls, c.calls)
			}
			if got := content(t, l, c.name); got != c.content {
				t.Errorf("%s: the object is %q, want %q", c.what, got, c.content)
			}
		})
	}
}

func content(t *testing.T, b vfs.Backend, s string) string {
	t.Helper()
	obj, err := b.Open(t.Context(), name(t, s), vfs.Request{})
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Body.Close()
	data, err := io.ReadAll(obj.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A body that cannot begin again, or that failed itself, is not sent twice.
func TestBodies(t *testing.T) {
	create := vfs.PutOptions{Cond: vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}, Unsafe: true}}
	for what, body := range map[string]io.Reader{
		"a stream":           io.MultiReader(strings.NewReader("x")),
		"a pipe as a file":   unseekable{bytes.NewReader([]byte("x"))},
		"a body that failed": failing{bytes.NewReader(nil)},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := &lost{Backend: mem.New(), before: 1}
			if _, ok := body.(failing); ok {
				l.before = 0
			}
			_, err := layer(t, l, retry.Options{}).Put(t.Context(), name(t, "n"), body, create)
			if !errors.Is(err, vfs.ErrUnavailable) || l.calls > 1 {
				t.Errorf("%s: %v after %d calls", what, err, l.calls)
			}
		})
	}
}

type unseekable struct{ *bytes.Reader }

func (unseekable) Seek(int64, int) (int64, error) { return 0, errors.New("illegal seek") }

// failing is the body of an object of another store, which is down.
type failing struct{ *bytes.Reader }

func (failing) Read(p []byte) (int, error) { return iotest.ErrReader(vfs.ErrUnavailable).Read(p) }

// A move is repeated, since its first success takes the object away.
func TestMove(t *testing.T) {
	for _, c := range []struct {
		before, after int
		want          error
	}{{1, 0, nil}, {0, 1, vfs.ErrUnavailable}} {
		synctest.Test(t, func(t *testing.T) {
			l := &lost{Backend: store(t), before: c.before, after: c.after}
			info, err := l.Stat(t.Context(), name(t, "a"), vfs.Request{})
			if err != nil {
				t.Fatal(err)
			}
			b := layer(t, l, retry.Options{})
			_, err = driver.MoveFrom(t.Context(), b, name(t, "moved"), b, info, vfs.PutOptions{})
			if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) || errors.Is(err, fs.ErrNotExist) || l.calls != 2 {
				t.Errorf("%+v: %v after %d calls", c, err, l.calls)
			}
			if got := content(t, l, "moved"); got != "data" {
				t.Errorf("%+v: moved is %q", c, got)
			}
		})
	}
}

func (l *lost) Under() vfs.Backend { return l.Backend }

func (l *lost) MoveFrom(ctx context.Context, n vfs.Name, src vfs.Backend, from vfs.Info, opts vfs.PutOptions) (info vfs.Info, err error) {
	err = l.change("put", n, func() error {
		info, err = driver.MoveFrom(ctx, l.Backend, n, src, from, opts)
		return err
	})
	return info, err
}

func TestRemove(t *testing.T) {
	for _, c := range []struct {
		tagged        bool
		before, after int
		calls         int
		want          error
	}{
		{true, 1, 0, 2, nil}, {true, 0, 1, 2, vfs.ErrUnavailable}, {false, 1, 0, 1, vfs.ErrUnavailable}, {true, 0, 0, 1, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := &lost{Backend: store(t), before: c.before, after: c.after}
			cond := vfs.Cond{Unsafe: true}
			if c.tagged {
				cond.IfMatch = tags(t, l, "a")
			}
			err := layer(t, l, retry.Options{}).Remove(t.Context(), name(t, "a"), cond)
			if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) || errors.Is(err, fs.ErrNotExist) || l.calls != c.calls {
				t.Errorf("%+v: %v after %d calls", c, err, l.calls)
			}
		})
	}
}
