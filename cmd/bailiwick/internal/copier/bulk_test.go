package copier

import (
	"context"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// What someone else creates after the target was listed is compared as what was there
// before.
func TestCreatedSinceTheListing(t *testing.T) {
	source := mem.New()
	for _, name := range []string{"a", "differs", "equal", "z"} {
		put(t, jailOf(t, source), parse(t, name), "here "+name)
	}
	store := mem.New()
	target := &lateStore{Backend: store, late: func() {
		put(t, jailOf(t, store), parse(t, "equal"), "here equal")
		put(t, jailOf(t, store), parse(t, "differs"), "xxxx differs")
	}}
	c, said := newRun(t, source, target, Options{Checksum: true})
	var err error
	if c.target, err = vfs.NewBulk(target, vfs.Policy{Allow: vfs.Patterns("**")}); err != nil {
		t.Fatal(err)
	}
	if err := c.run(t.Context()); err != nil {
		t.Fatalf("%v, %s", err, said)
	}
	if !strings.Contains(said.String(), "copied 3 objects") || !strings.Contains(said.String(), "1 equal") {
		t.Errorf("said %q", said)
	}
	want := []string{"a=here a", "differs=here differs", "equal=here equal", "z=here z"}
	if got := names(t, store, true); !slices.Equal(got, want) {
		t.Errorf("the target has %q, want %q", got, want)
	}
}

// A lateStore calls late once, after the first listing.
type lateStore struct {
	vfs.Backend
	late func()
}

func (l *lateStore) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		l.Backend.List(ctx, dir, after)(yield)
		if late := l.late; late != nil {
			l.late = nil
			late()
		}
	}
}

// Of the objects that are copied at the same time, only some are large.
func TestLargeAtOnce(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", largeObject/16) + "!"
	source := mem.New()
	for _, name := range []string{"l1", "l2", "l3", "l4", "l5", "l6"} {
		put(t, jailOf(t, source), parse(t, name), large)
		put(t, jailOf(t, source), parse(t, "small-"+name), "small")
	}
	synctest.Test(t, func(t *testing.T) {
		target := heldStore{mem.New(), make(chan vfs.Name, 99), make(chan struct{})}
		c, said := newRun(t, source, target, Options{})
		c.opts.Parallel = 16
		done := make(chan error)
		go func() { done <- c.run(t.Context()) }()
		synctest.Wait()
		if n := len(target.begun); n != 4+6 {
			t.Errorf("%d objects are being copied, want 4 large and 6 small ones", n)
		}
		close(target.end)
		if err := <-done; err != nil {
			t.Errorf("%v, %s", err, said)
		}
	})
}

// A heldStore begins to store objects, and ends when the test says so.
type heldStore struct {
	vfs.Backend
	begun chan vfs.Name
	end   chan struct{}
}

func (h heldStore) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	h.begun <- n
	<-h.end
	return h.Backend.Put(ctx, n, body, opts)
}
