package timeout_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/bailiwick-fs/bailiwick/backends/layer/timeout"
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
	b := timeout.New(store, timeout.Options{Call: 10 * time.Second})
	jail, err := vfs.New(b, vfs.Policy{Allow: vfs.Patterns("**")})
	if err != nil {
		log.Fatal(err)
	}
	data, err := jail.ReadFile("guide.txt")
	fmt.Printf("%s %v\n", data, err)
	// Output: read me <nil>
}

const (
	call = 10 * time.Second
	idle = 3 * time.Second
)

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
	b, err := mem.FromMap(map[string]string{"a": strings.Repeat("data", 1000), "b": "", "c": ""})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func layer(t *testing.T, b vfs.Backend) vfs.Backend {
	t.Helper()
	return timeout.New(b, timeout.Options{Call: call, Idle: idle})
}

func panics(f func()) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	f()
	return false
}

func TestNew(t *testing.T) {
	for _, opts := range []timeout.Options{{Call: -1}, {Idle: -1}} {
		if !panics(func() { timeout.New(mem.New(), opts) }) {
			t.Errorf("New accepts %+v", opts)
		}
	}
	if !panics(func() { timeout.New(nil, timeout.Options{}) }) {
		t.Error("New accepts no backend")
	}
	if m := mem.New(); driver.Under(layer(t, m)) != vfs.Backend(m) {
		t.Error("a copy inside the store cannot read through the layer")
	}
}

// Each call that hangs fails as soon as its time is up, and not before.
func TestCalls(t *testing.T) {
	for op, f := range map[string]func(ctx context.Context, t *testing.T, b vfs.Backend) error{
		"open": func(ctx context.Context, t *testing.T, b vfs.Backend) error {
			_, err := b.Open(ctx, name(t, "a"), vfs.Request{})
			return err
		},
		"stat": func(ctx context.Context, t *testing.T, b vfs.Backend) error {
			_, err := b.Stat(ctx, name(t, "a"), vfs.Request{})
			return err
		},
		"remove": func(ctx context.Context, t *testing.T, b vfs.Backend) error {
			return b.Remove(ctx, name(t, "a"), vfs.Cond{})
		},
		"list": func(ctx context.Context, t *testing.T, b vfs.Backend) (err error) {
			for _, err = range b.List(ctx, vfs.Root, "") {
			}
			return err
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			hung := vfstest.NewFaults(store(t), vfstest.Slow(op, make(chan struct{})))
			start := time.Now()
			err := f(t.Context(), t, layer(t, hung))
			if e, ok := err.(*vfs.Error); !ok || !errors.Is(err, vfs.ErrUnavailable) || e.Op != op || errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v, want ErrUnavailable", op, err)
			}
			if took := time.Since(start); took != call {
				t.Errorf("%s ended after %v", op, took)
			}
			// The caller's own end stays the caller's.
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			if err := f(ctx, t, layer(t, hung)); !errors.Is(err, context.Canceled) || errors.Is(err, vfs.ErrUnavailable) {
				t.Errorf("%s, canceled: %v", op, err)
			}
			ctx, cancel = context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := f(ctx, t, layer(t, hung)); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, vfs.ErrUnavailable) {
				t.Errorf("%s, with a deadline: %v", op, err)
			}
		})
	}
}

// If both the time is up and the caller is gone, the caller's error tells more.
func TestBothEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(2*call, cancel)
		_, err := layer(t, late{mem.New()}).Put(ctx, name(t, "a"), strings.NewReader(""), vfs.PutOptions{})
		if !errors.Is(err, context.Canceled) || errors.Is(err, vfs.ErrUnavailable) {
			t.Error(err)
		}
	})
}

// late is a backend that takes long to notice that it is canceled.
type late struct{ vfs.Backend }

func (late) Put(ctx context.Context, n vfs.Name, _ io.Reader, _ vfs.PutOptions) (vfs.Info, error) {
	<-ctx.Done()
	time.Sleep(5 * call)
	return vfs.Info{}, &vfs.Error{Op: "put", Name: n.String(), Err: ctx.Err()}
}

// A read that hangs fails; one by one, reads may take any time, and so may the reader.
func TestBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := vfstest.NewFaults(store(t), vfstest.Fault{Op: "read", After: 100, Until: make(chan struct{})})
		obj, err := layer(t, hung).Open(t.Context(), name(t, "a"), vfs.Request{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if _, err := io.ReadFull(obj.Body, make([]byte, 100)); err != nil {
			t.Errorf("after an hour of the reader's: %v", err)
		}
		time.Sleep(time.Hour)
		start := time.Now()
		n, err := obj.Body.Read(make([]byte, 100))
		if n != 0 || !errors.Is(err, vfs.ErrUnavailable) || time.Since(start) != idle {
			t.Errorf("%d bytes, %v after %v", n, err, time.Since(start))
		}
		if err := obj.Body.Close(); err != nil {
			t.Error(err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		slow := vfstest.NewFaults(store(t), vfstest.Fault{Op: "read", Do: func() { time.Sleep(idle - 1) }})
		obj, err := layer(t, slow).Open(t.Context(), name(t, "a"), vfs.Request{})
		if err != nil {
			t.Fatal(err)
		}
		defer obj.Body.Close()
		if data, err := io.ReadAll(obj.Body); err != nil || len(data) != 4000 {
			t.Errorf("a slow body: %d bytes, %v", len(data), err)
		}
	})
}

// A Put waits for its client as long as that takes, and for the backend only so long.
func TestPut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func() { time.Sleep(time.Hour) }
		m := mem.New()
		body := io.MultiReader(pausing{strings.NewReader("one"), slow}, pausing{strings.NewReader("two"), slow})
		if _, err := layer(t, m).Put(t.Context(), name(t, "new"), body, vfs.PutOptions{}); err != nil {
			t.Errorf("a slow client: %v", err)
		}
		if info, err := m.Stat(t.Context(), name(t, "new"), vfs.Request{}); err != nil || info.Size != 6 {
			t.Errorf("%+v, %v", info, err)
		}
		for wait, where := range map[time.Duration]string{idle: "begin", idle + 1: "middle", call: "end"} {
			start := time.Now()
			_, err := layer(t, hangs{m, where}).Put(t.Context(), name(t, "other"), strings.NewReader("data"), vfs.PutOptions{})
			if !errors.Is(err, vfs.ErrUnavailable) || time.Since(start) != wait.Truncate(time.Second) {
				t.Errorf("a backend that hangs at the %s: %v after %v", where, err, time.Since(start))
			}
		}
	})
}

// pausing is a body whose client takes its time.
type pausing struct {
	io.Reader
	pause func()
}

func (p pausing) Read(b []byte) (int, error) {
	p.pause()
	return p.Reader.Read(b)
}

// hangs is a backend whose Put hangs until it is canceled.
type hangs struct {
	vfs.Backend
	where string
}

func (h hangs) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	switch h.where {
	case "middle":
		if _, err := body.Read(make([]byte, 1)); err != nil {
			return vfs.Info{}, err
		}
	case "end":
		if _, err := io.Copy(io.Discard, body); err != nil {
			return vfs.Info{}, err
		}
	}
	<-ctx.Done()
	return vfs.Info{}, &vfs.Error{Op: "put", Name: n.String(), Err: ctx.Err()}
}

// A listing may take any time in all; each step, and not the caller's, is bounded.
func TestList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := 0
		slow := vfstest.NewFaults(store(t), vfstest.Fault{Op: "entry", Do: func() { time.Sleep(call - 1) }})
		for _, err := range layer(t, slow).List(t.Context(), vfs.Root, "") {
			if err != nil {
				t.Fatal(err)
			}
			steps++
			time.Sleep(time.Hour)
		}
		if steps != 3 {
			t.Errorf("%d entries", steps)
		}
		var last error
		hung := vfstest.NewFaults(store(t), vfstest.Fault{Op: "entry", Call: 2, Until: make(chan struct{})})
		steps = 0
		for _, last = range layer(t, hung).List(t.Context(), vfs.Root, "") {
			steps++
		}
		if steps != 2 || !errors.Is(last, vfs.ErrUnavailable) {
			t.Errorf("%d steps, then %v", steps, last)
		}
	})
}
