package mount_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/backends/layer/mount"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

func Example() {
	site, err := mem.FromMap(map[string]string{"index.html": "<h1>Site</h1>"})
	if err != nil {
		log.Fatal(err)
	}
	manuals, err := mem.FromMap(map[string]string{"en/guide.txt": "read me"})
	if err != nil {
		log.Fatal(err)
	}
	tree, err := mount.New(site, mount.Point{At: "docs/manuals", Backend: manuals})
	if err != nil {
		log.Fatal(err)
	}
	jail, err := vfs.New(tree, vfs.Policy{Allow: vfs.Patterns("**")})
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"index.html", "docs/manuals/en/guide.txt"} {
		data, err := jail.ReadFile(name)
		fmt.Printf("%s %v\n", data, err)
	}
	// Output:
	// <h1>Site</h1> <nil>
	// read me <nil>
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

func store(t *testing.T, names ...string) *mem.Backend {
	t.Helper()
	files := map[string]string{}
	for _, s := range names {
		files[s] = "contents of " + s
	}
	b, err := mem.FromMap(files)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func layer(t *testing.T, top vfs.Backend, points ...mount.Point) vfs.Backend {
	t.Helper()
	b, err := mount.New(top, points...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func list(t *testing.T, b vfs.Backend, dir, after string) (keys []string, err error) {
	t.Helper()
	for e, err := range b.List(t.Context(), name(t, dir), after) {
		if err != nil {
			return keys, err
		}
		keys = append(keys, e.Key())
	}
	return keys, nil
}

func TestNew(t *testing.T) {
	m := mem.New()
	for what, points := range map[string][]mount.Point{
		"the top":                {{"", m}},
		"the top by its name":    {{".", m}},
		"a name with a slash":    {{"docs/", m}},
		"a name that leads out":  {{"../docs", m}},
		"no backend":             {{"docs", nil}},
		"the same twice":         {{"docs", m}, {"img", m}, {"docs", mem.New()}},
		"an unprintable name":    {{"docs\x00", m}},
		"a name with empty part": {{"a//b", m}},
	} {
		if _, err := mount.New(m, points...); err == nil {
			t.Errorf("New accepts %s", what)
		}
	}
	if _, err := mount.New(nil); err == nil {
		t.Error("New accepts no backend for the top")
	}
	if _, err := mount.New(m, mount.Point{"a/b", m}, mount.Point{"a", m}, mount.Point{"a-b", m}); err != nil {
		t.Errorf("nested mount points: %v", err)
	}
}

// Every name belongs to one backend, and only that one is called.
func TestRoutes(t *testing.T) {
	top := vfstest.NewFaults(store(t, "x", "a/hidden", "a/b/hidden", "ab/x", "a-b/x"))
	a := vfstest.NewFaults(store(t, "x", "b/hidden", "bb"))
	ab := vfstest.NewFaults(store(t, "x", "c/d"))
	b := layer(t, top, mount.Point{At: "a", Backend: a}, mount.Point{At: "a/b", Backend: ab})
	for _, c := range []struct {
		name, there string
		in          *vfstest.Faults
	}{
		{"x", "x", top}, {"ab/x", "ab/x", top}, {"a-b/x", "a-b/x", top},
		{"a/x", "x", a}, {"a/bb", "bb", a}, {"a/b/x", "x", ab}, {"a/b/c/d", "c/d", ab},
		{"a/hidden", "", a}, {"a/b/hidden", "", ab}, {"a", "", nil}, {"a/b", "", nil},
	} {
		for _, f := range []*vfstest.Faults{top, a, ab} {
			f.Reset()
		}
		info, err := b.Stat(t.Context(), name(t, c.name), vfs.Request{})
		if (err == nil) != (c.there != "") || err == nil && (info.Name.String() != c.name || info.Size != int64(len("contents of "+c.there))) {
			t.Errorf("Stat(%q): %+v, %v", c.name, info, err)
		}
		for _, f := range []*vfstest.Faults{top, a, ab} {
			if f.Calls() != map[bool]int{true: 1, false: 0}[f == c.in] {
				t.Errorf("Stat(%q) made %d calls of %v", c.name, f.Calls(), f)
			}
		}
	}
}

// Mount points are directories, wherever they are, and hide what lies below.
func TestLists(t *testing.T) {
	b := layer(t, store(t, "a", "a-b", "b/under", "b.txt", "c/x/hidden", "c/z", "m", "z"),
		mount.Point{At: "b", Backend: store(t, "one", "two/x")},
		mount.Point{At: "c/x", Backend: store(t, "in x")},
		mount.Point{At: "m/deep/est", Backend: mem.New()},
		mount.Point{At: "b/mid", Backend: store(t, "x")},
		mount.Point{At: "q", Backend: mem.New()},
	)
	for _, c := range []struct {
		dir, after string
		want       []string
	}{
		{".", "", []string{"a", "a-b", "b.txt", "b/", "c/", "m/", "q/", "z"}},
		{".", "a-b", []string{"b.txt", "b/", "c/", "m/", "q/", "z"}},
		{".", "b.txt", []string{"b/", "c/", "m/", "q/", "z"}},
		{".", "b/", []string{"c/", "m/", "q/", "z"}},
		{".", "p", []string{"q/", "z"}},
		{".", "zz", nil},
		{"b", "", []string{"mid/", "one", "two/"}},
		{"c", "", []string{"x/", "z"}},
		{"c/x", "", []string{"in x"}},
		{"m", "", []string{"deep/"}},
		{"m/deep", "", []string{"est/"}},
		{"m/deep/est", "", nil},
		{"q", "", nil},
	} {
		if got, err := list(t, b, c.dir, c.after); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("List(%q, %q) = %q, %v, want %q", c.dir, c.after, got, err, c.want)
		}
	}
	if got, err := list(t, b, "m/x", ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("List of a missing directory beside a mount point: %q, %v", got, err)
	}
	// An order that does not matter to the caller does to the merge, and only to that.
	var hint driver.ListHint
	b = layer(t, hinted{mem.New(), &hint}, mount.Point{At: "a/b", Backend: hinted{mem.New(), &hint}})
	for dir, want := range map[string]bool{".": false, "a": false, "a/b": true} {
		for range b.List(driver.WithListHint(t.Context(), driver.ListHint{AnyOrder: true, Limit: 1}), name(t, dir), "") {
			break
		}
		if hint.AnyOrder != want || hint.Limit != 1 {
			t.Errorf("List(%q) passes on %+v", dir, hint)
		}
	}
	// A failure is no empty directory.
	broken := layer(t, vfstest.NewFaults(mem.New(), vfstest.FailOp("list", vfs.ErrUnavailable)), mount.Point{At: "a/b", Backend: mem.New()})
	if got, err := list(t, broken, "a", ""); !errors.Is(err, vfs.ErrUnavailable) {
		t.Errorf("List above a mount point while the backend fails: %q, %v", got, err)
	}
}

type hinted struct {
	vfs.Backend
	got *driver.ListHint
}

func (h hinted) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	*h.got = driver.ListHintOf(ctx)
	return h.Backend.List(ctx, dir, after)
}

// No object can be stored under the name of a mount point or a directory above one, and
// a mount point outlives its objects.
func TestPointsStay(t *testing.T) {
	top, in := store(t, "a"), store(t, "x")
	b := layer(t, top, mount.Point{At: "a/b", Backend: in})
	for _, s := range []string{"a", "a/b"} {
		if _, err := b.Put(t.Context(), name(t, s), strings.NewReader(""), vfs.PutOptions{}); vfs.ReasonOf(err) != reason.Directory {
			t.Errorf("Put(%q): %v", s, err)
		}
		if err := b.Remove(t.Context(), name(t, s), vfs.Cond{}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Remove(%q): %v", s, err)
		}
		if _, err := b.Open(t.Context(), name(t, s), vfs.Request{}); vfs.ReasonOf(err) != reason.Directory {
			t.Errorf("Open(%q): %v", s, err)
		}
	}
	if err := b.Remove(t.Context(), name(t, "a/b/x"), vfs.Cond{}); err != nil {
		t.Fatal(err)
	}
	if got, err := list(t, b, "a", ""); err != nil || !slices.Equal(got, []string{"b/"}) {
		t.Errorf("after the last object: %q, %v", got, err)
	}
	if got, err := list(t, b, "a/b", ""); err != nil || len(got) > 0 {
		t.Errorf("the emptied mount point: %q, %v", got, err)
	}
	if _, err := top.Stat(t.Context(), name(t, "a"), vfs.Request{}); err != nil {
		t.Errorf("the hidden object: %v", err)
	}
}

type link struct {
	vfs.Backend
	target vfs.Name
}

func (l link) Stat(_ context.Context, n vfs.Name, _ vfs.Request) (vfs.Info, error) {
	return vfs.Info{}, &vfs.Error{Op: "stat", Name: n.String(), Reason: reason.Symlink, Err: fs.ErrNotExist, Link: l.target}
}

// A link leads to a name of the whole tree.
func TestLinks(t *testing.T) {
	b := layer(t, mem.New(), mount.Point{At: "a/b", Backend: link{mem.New(), name(t, "c/d")}})
	_, err := b.Stat(t.Context(), name(t, "a/b/x"), vfs.Request{Links: true})
	if e, ok := errors.AsType[*vfs.Error](err); !ok || e.Link.String() != "a/b/c/d" || e.Name != "a/b/x" {
		t.Errorf("%+v", e)
	}
	b = layer(t, mem.New(), mount.Point{At: "a/b", Backend: link{mem.New(), name(t, strings.Repeat("d/", 511)+"d")}})
	_, err = b.Stat(t.Context(), name(t, "a/b/x"), vfs.Request{Links: true})
	if e, ok := errors.AsType[*vfs.Error](err); !ok || !e.Link.IsZero() || e.Reason != reason.Symlink {
		t.Errorf("a target that is too long: %+v", e)
	}
}

// A link with the name of a directory above a mount point leads nowhere; other links do.
func TestHiddenLinks(t *testing.T) {
	dir := t.TempDir()
	for _, at := range []string{"real/c", "b"} {
		if err := os.MkdirAll(filepath.Join(dir, at), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"real/x", "real/c/x"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"a": "real", "b/c": "../real", "d": "real"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			if runtime.GOOS == "windows" {
				t.Skip("links need rights there:", err)
			}
			t.Fatal(err)
		}
	}
	top, err := disk.New(dir, disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer top.Close()
	b := layer(t, top, mount.Point{At: "a/m", Backend: store(t, "x")}, mount.Point{At: "b/c/m/n", Backend: store(t, "x")})
	jail, err := vfs.New(b, vfs.Policy{Allow: vfs.Patterns("**"), Symlinks: vfs.SymlinksInside})
	if err != nil {
		t.Fatal(err)
	}
	for file, shown := range map[string]bool{
		"a/x": false, "a/c/x": false, "b/c/x": false, "b/c/c/x": false, "b/c/m/x": false,
		"d/x": true, "d/c/x": true, "real/x": true, "a/m/x": true, "b/c/m/n/x": true,
	} {
		obj, err := jail.Get(t.Context(), name(t, file), vfs.Request{})
		if err == nil {
			obj.Body.Close()
		}
		if (err == nil) != shown || !shown && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Get(%q): %v; shown: want %v", file, err, shown)
		}
	}
	// If the store cannot say whether a link is the hidden one, it is not followed.
	failing := layer(t, vfstest.NewFaults(top, vfstest.Fault{Op: "stat", Name: "a", Err: vfs.ErrUnavailable}), mount.Point{At: "a/m", Backend: store(t, "x")})
	if other, err := vfs.New(failing, vfs.Policy{Allow: vfs.Patterns("**"), Symlinks: vfs.SymlinksInside}); err != nil {
		t.Error(err)
	} else if obj, err := other.Get(t.Context(), name(t, "a/x"), vfs.Request{}); err == nil {
		obj.Body.Close()
		t.Error("a hidden link was followed since the store failed")
	}
	for at, want := range map[string][]string{"a": {"m/"}, "a/c": nil, "b/c": {"m/"}, "b/c/c": nil} {
		var got []string
		for e, err := range jail.List(t.Context(), name(t, at), "") {
			if err == nil {
				got = append(got, e.Key())
			} else if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("List(%q): %v", at, err)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("List(%q): %q, want %q", at, got, want)
		}
	}
}

// objects is a backend without directories, as S3 is.
type objects struct{ *mem.Backend }

func (o objects) Caps() vfs.Caps {
	return vfs.Caps{Kind: "objects", Writable: false, Direct: true, Ranges: true}
}

// With a backend that has no directories, none is told from a missing name.
func TestCaps(t *testing.T) {
	b := layer(t, store(t, "d/x"), mount.Point{At: "o", Backend: objects{mem.New()}})
	if caps := b.Caps(); caps != (vfs.Caps{Kind: "mount", Writable: true, Ranges: true, Direct: true, Moves: true}) {
		t.Errorf("Caps are %+v", caps)
	}
	for _, s := range []string{"d", "o", "missing"} {
		if _, err := b.Stat(t.Context(), name(t, s), vfs.Request{}); vfs.ReasonOf(err) != reason.Missing {
			t.Errorf("Stat(%q): %v, reason %q", s, err, vfs.ReasonOf(err))
		}
	}
	if caps := layer(t, mem.New(), mount.Point{At: "m", Backend: mem.New()}).Caps(); caps != mem.New().Caps() {
		t.Errorf("of equal backends, Caps are %+v", caps)
	}
}

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

// A store copies between its own names; between stores, the caller has to stream.
func TestCopy(t *testing.T) {
	s := &copying{Backend: mem.New()}
	b := layer(t, s, mount.Point{At: "a", Backend: s}, mount.Point{At: "other", Backend: mem.New()})
	for _, do := range insides {
		for _, c := range []struct{ from, to, want string }{
			{"x", "y", "x to y"}, {"a/x", "y", "x to y"}, {"x", "a/b/y", "x to b/y"},
			{"other/x", "y", ""}, {"x", "other/y", ""},
		} {
			s.from = ""
			info, err := do(t.Context(), b, name(t, c.to), b, vfs.Info{Name: name(t, c.from)}, vfs.PutOptions{})
			if c.want == "" {
				if !errors.Is(err, vfs.ErrUnsupported) {
					t.Errorf("from %q to %q: %v, want ErrUnsupported", c.from, c.to, err)
				}
			} else if err != nil || s.from != c.want || info.Name.String() != c.to {
				t.Errorf("from %q to %q: %+v, %v, copied %q", c.from, c.to, info, err, s.from)
			}
		}
	}
}

// insides are what a store can do itself.
var insides = []func(context.Context, vfs.Backend, vfs.Name, vfs.Backend, vfs.Info, vfs.PutOptions) (vfs.Info, error){driver.CopyFrom, driver.MoveFrom}
