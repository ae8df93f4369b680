package prefix_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/layer/prefix"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

func Example() {
	store, err := mem.FromMap(map[string]string{
		"tenants/alice/notes.txt": "buy milk",
		"tenants/bob/notes.txt":   "sell milk",
	})
	if err != nil {
		log.Fatal(err)
	}
	dir, err := vfs.ParseName("tenants/alice")
	if err != nil {
		log.Fatal(err)
	}
	alice, err := prefix.New(store, dir)
	if err != nil {
		log.Fatal(err)
	}
	jail, err := vfs.New(alice, vfs.Policy{Allow: vfs.Patterns("**")})
	if err != nil {
		log.Fatal(err)
	}
	data, err := jail.ReadFile("notes.txt")
	fmt.Printf("%s %v\n", data, err)
	// Output: buy milk <nil>
}

func name(t *testing.T, s string) vfs.Name {
	t.Helper()
	if s == "." {
		return vfs.Root
	}
	n, err := vfs.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func layer(t *testing.T, b vfs.Backend, dir string) vfs.Backend {
	t.Helper()
	p, err := prefix.New(b, name(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestNew(t *testing.T) {
	if _, err := prefix.New(mem.New(), vfs.Name{}); err == nil {
		t.Error("New accepts the zero Name")
	}
	if _, err := prefix.New(nil, vfs.Root); err == nil {
		t.Error("New accepts no backend")
	}
	store, err := mem.FromMap(map[string]string{"a": "data"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := layer(t, store, ".").Stat(t.Context(), name(t, "a"), vfs.Request{}); err != nil {
		t.Errorf("the whole as its own prefix: %v", err)
	}
}

// links is a backend on which every name has a link on its path.
type links struct {
	vfs.Backend
	target vfs.Name
}

func (l links) Open(_ context.Context, n vfs.Name, _ vfs.Request) (*vfs.Object, error) {
	return nil, &vfs.Error{Op: "open", Name: n.String(), Reason: reason.Symlink, Err: fs.ErrNotExist, Link: l.target}
}

// A link is reported by its name in the layer, or, if it leads out, not at all.
func TestLinks(t *testing.T) {
	for target, want := range map[string]string{
		"in/x/y": "x/y", "in": ".", "in-side/x": "", "out": "", "i": "", ".": "",
	} {
		b := layer(t, links{mem.New(), name(t, target)}, "in")
		_, err := b.Open(t.Context(), name(t, "a"), vfs.Request{Links: true})
		e, ok := errors.AsType[*vfs.Error](err)
		if !ok || e.Link.String() != want || e.Name != "a" || e.Reason != reason.Symlink {
			t.Errorf("a link to %q: %+v, want the link %q", target, e, want)
		}
	}
}

// An object with the directory's own name is not the top, and a name that is too long
// together with the directory is refused without a call.
func TestEdges(t *testing.T) {
	store, err := mem.FromMap(map[string]string{"dir": "an object"})
	if err != nil {
		t.Fatal(err)
	}
	counted := vfstest.NewFaults(store)
	b := layer(t, counted, "dir")
	_, err = b.Open(t.Context(), vfs.Root, vfs.Request{})
	if vfs.ReasonOf(err) != reason.Directory {
		t.Errorf("Open of the top: %v", err)
	}
	if err := b.Remove(t.Context(), vfs.Root, vfs.Cond{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Remove of the top: %v", err)
	}
	long := name(t, strings.Repeat("d/", 511)+"d")
	_, err = b.Put(t.Context(), long, strings.NewReader(""), vfs.PutOptions{})
	if e, ok := errors.AsType[*vfs.Error](err); !ok || e.Reason != reason.Unholdable || e.Name != long.String() {
		t.Errorf("Put of a name too long for the whole: %v", err)
	}
	if counted.Calls() > 0 {
		t.Errorf("the backend got calls: %v", counted.Counts())
	}
}

// Whatever fails below, no error shows the directory.
func TestErrorsHideTheDirectory(t *testing.T) {
	store, err := mem.FromMap(map[string]string{"secret-dir/a": "data", "secret-dir/b/c": "data"})
	if err != nil {
		t.Fatal(err)
	}
	stale := vfs.Cond{IfMatch: vfs.Tags{List: []vfs.Tag{{Value: "stale", Set: true}}}}
	for _, fault := range []vfstest.Fault{{}, vfstest.FailCall(1, vfs.ErrUnavailable)} {
		var all []error
		calls := []func(b vfs.Backend) error{
			func(b vfs.Backend) error { _, err := b.Open(t.Context(), name(t, "x"), vfs.Request{}); return err },
			func(b vfs.Backend) error { _, err := b.Open(t.Context(), name(t, "b"), vfs.Request{}); return err },
			func(b vfs.Backend) error {
				_, err := b.Open(t.Context(), name(t, "a"), vfs.Request{Cond: stale})
				return err
			},
			func(b vfs.Backend) error { _, err := b.Stat(t.Context(), name(t, "x"), vfs.Request{}); return err },
			func(b vfs.Backend) error {
				_, err := b.Put(t.Context(), name(t, "a/x"), strings.NewReader(""), vfs.PutOptions{})
				return err
			},
			func(b vfs.Backend) error { return b.Remove(t.Context(), name(t, "x"), vfs.Cond{}) },
			func(b vfs.Backend) error {
				_, err := driver.CopyFrom(t.Context(), b, name(t, "x"), b, vfs.Info{Name: name(t, "a")}, vfs.PutOptions{})
				return err
			},
			func(b vfs.Backend) (err error) {
				for _, err = range b.List(t.Context(), name(t, "x"), "") {
				}
				return err
			},
		}
		for i, call := range calls {
			err := call(layer(t, vfstest.NewFaults(store, fault), "secret-dir"))
			e, ok := err.(*vfs.Error)
			if !ok {
				t.Errorf("call %d with %v: %v, want an *vfs.Error", i, fault, err)
				continue
			}
			if strings.Contains(e.Name+e.Error(), "secret") || e.Info != nil && strings.Contains(e.Info.Name.String(), "secret") {
				t.Errorf("call %d with %v shows the directory: %+v", i, fault, e)
			}
			all = append(all, err)
		}
		if len(all) != len(calls) {
			t.Errorf("%d of %d calls failed", len(all), len(calls))
		}
	}
}

// The top exists before the first object and after the last, although the backend below
// has no such directory then, and what is beside it stays.
func TestTopStays(t *testing.T) {
	store, err := mem.FromMap(map[string]string{"other/x": "data"})
	if err != nil {
		t.Fatal(err)
	}
	b := layer(t, store, "tenants/alice")
	list := func(b vfs.Backend) (keys []string) {
		for e, err := range b.List(t.Context(), vfs.Root, "") {
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, e.Key())
		}
		return keys
	}
	if got := list(b); len(got) > 0 {
		t.Errorf("an empty layer lists %q", got)
	}
	if _, err := b.Put(t.Context(), name(t, "a"), strings.NewReader("x"), vfs.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := list(b); !slices.Equal(got, []string{"a"}) {
		t.Errorf("the layer lists %q", got)
	}
	if err := b.Remove(t.Context(), name(t, "a"), vfs.Cond{}); err != nil {
		t.Fatal(err)
	}
	if got := list(b); len(got) > 0 {
		t.Errorf("the emptied layer lists %q", got)
	}
	if got := list(store); !slices.Equal(got, []string{"other/"}) {
		t.Errorf("the backend lists %q", got)
	}
}

// copying is a backend whose store copies, by name.
type copying struct {
	vfs.Backend
	from string
}

func (c *copying) CopyFrom(_ context.Context, n vfs.Name, src vfs.Backend, from vfs.Info, _ vfs.PutOptions) (vfs.Info, error) {
	if src != vfs.Backend(c) {
		return vfs.Info{}, &vfs.Error{Op: "put", Name: n.String(), Err: vfs.ErrUnsupported}
	}
	c.from = from.Name.String() + " to " + n.String()
	return vfs.Info{Name: n}, nil
}

func (c *copying) MoveFrom(ctx context.Context, n vfs.Name, src vfs.Backend, from vfs.Info, opts vfs.PutOptions) (vfs.Info, error) {
	return c.CopyFrom(ctx, n, src, from, opts)
}

// A copy between layers over one store is the store's, under the names there.
func TestCopy(t *testing.T) {
	store := &copying{Backend: mem.New()}
	for _, do := range insides {
		a, deep := layer(t, store, "a"), layer(t, layer(t, store, "b"), "c")
		for _, c := range []struct {
			to, from vfs.Backend
			want     string
		}{
			{a, a, "a/old to a/new"}, {deep, a, "a/old to b/c/new"}, {a, deep, "b/c/old to a/new"}, {deep, deep, "b/c/old to b/c/new"},
		} {
			info, err := do(t.Context(), c.to, name(t, "new"), c.from, vfs.Info{Name: name(t, "old")}, vfs.PutOptions{})
			if err != nil || info.Name.String() != "new" || store.from != c.want {
				t.Errorf("%+v, %v, copied %q, want %q", info, err, store.from, c.want)
			}
		}
		_, err := do(t.Context(), store, name(t, "new"), a, vfs.Info{Name: name(t, "old")}, vfs.PutOptions{})
		if !errors.Is(err, vfs.ErrUnsupported) {
			t.Errorf("from the layer to the backend: %v, want ErrUnsupported", err)
		}
	}
}

// insides are what a store can do itself.
var insides = []func(context.Context, vfs.Backend, vfs.Name, vfs.Backend, vfs.Info, vfs.PutOptions) (vfs.Info, error){driver.CopyFrom, driver.MoveFrom}

// The body's own error stays the caller's.
func TestBodyError(t *testing.T) {
	broken := errors.New("the client disconnected")
	_, err := layer(t, mem.New(), "d").Put(t.Context(), name(t, "a"), io.MultiReader(strings.NewReader("x"), errReader{broken}), vfs.PutOptions{})
	if !errors.Is(err, broken) {
		t.Errorf("%v, want the body's error", err)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }
