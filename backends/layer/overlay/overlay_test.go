package overlay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"log"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bailiwick-fs/bailiwick/backends/layer/overlay"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func Example() {
	defaults, err := mem.FromMap(map[string]string{"index.html": "<h1>Welcome</h1>", "help.html": "<h1>Help</h1>"})
	if err != nil {
		log.Fatal(err)
	}
	site := mem.New()
	tree, err := overlay.New([]vfs.Backend{site, defaults}, overlay.Options{})
	if err != nil {
		log.Fatal(err)
	}
	jail, err := vfs.New(tree, vfs.Policy{Allow: vfs.Patterns("*")})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	index, err := vfs.ParseName("index.html")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := jail.Put(ctx, index, strings.NewReader("<h1>Our site</h1>"), vfs.PutOptions{}); err != nil {
		log.Fatal(err)
	}
	help, err := vfs.ParseName("help.html")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := jail.Remove(ctx, help, vfs.Cond{}); err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"index.html", "help.html"} {
		data, err := jail.ReadFile(name)
		fmt.Printf("%s %v\n", data, err)
	}
	// Output:
	// <h1>Our site</h1> <nil>
	//  read help.html: get "help.html": file does not exist
}

func name(t testing.TB, s string) vfs.Name {
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

// store returns a backend with objects whose content is their name and the label.
func store(t testing.TB, label string, names ...string) *mem.Backend {
	t.Helper()
	files := map[string]string{}
	for _, s := range names {
		files[s] = label + " " + s
	}
	b, err := mem.FromMap(files)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func layer(t testing.TB, opts overlay.Options, backends ...vfs.Backend) vfs.Backend {
	t.Helper()
	b, err := overlay.New(backends, opts)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// read returns the content of an object, or the reason why there is none.
func read(t testing.TB, b vfs.Backend, s string) string {
	t.Helper()
	obj, err := b.Open(t.Context(), name(t, s), vfs.Request{})
	if err != nil {
		return string(vfs.ReasonOf(err))
	}
	defer obj.Body.Close()
	data, err := io.ReadAll(obj.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func list(t testing.TB, b vfs.Backend, dir, after string) string {
	t.Helper()
	var keys []string
	for e, err := range b.List(t.Context(), name(t, dir), after) {
		if err != nil {
			return string(vfs.ReasonOf(err))
		}
		keys = append(keys, e.Key())
	}
	return strings.Join(keys, " ")
}

func put(t testing.TB, b vfs.Backend, s, data string, cond vfs.Cond) error {
	t.Helper()
	_, err := b.Put(t.Context(), name(t, s), strings.NewReader(data), vfs.PutOptions{Cond: cond})
	return err
}

func remove(t testing.TB, b vfs.Backend, s string) {
	t.Helper()
	if err := b.Remove(t.Context(), name(t, s), vfs.Cond{}); err != nil {
		t.Fatalf("Remove(%q): %v", s, err)
	}
}

// objects is a backend without directories, as S3 is: "a" may be beside "a/b", and
// nothing tells a directory from a missing name.
type objects map[string]*mem.Backend

func newObjects(t testing.TB, label string, names ...string) objects {
	o := objects{}
	for _, s := range names {
		if err := put(t, o, s, label+" "+s, vfs.Cond{}); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

func (o objects) at(n vfs.Name) *mem.Backend {
	if o[n.String()] == nil {
		o[n.String()] = mem.New()
	}
	return o[n.String()]
}

func (o objects) Caps() vfs.Caps { return vfs.Caps{Kind: "objects", Writable: true, Ranges: true} }

func (o objects) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	return o.at(n).Open(ctx, n, req)
}

func (o objects) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	return o.at(n).Stat(ctx, n, req)
}

func (o objects) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	return o.at(n).Put(ctx, n, body, opts)
}

func (o objects) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	return o.at(n).Remove(ctx, n, cond)
}

func (o objects) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		found := map[string]vfs.Entry{}
		any := dir.IsRoot()
		for s, b := range o {
			n, err := vfs.ParseName(s)
			if err != nil {
				continue
			}
			info, err := b.Stat(ctx, n, vfs.Request{})
			below, ok := n.Within(dir)
			if err != nil || !ok || below.IsRoot() {
				continue
			}
			any = true
			e := vfs.Entry{Elem: below.String(), Size: info.Size}
			if elem, _, deeper := strings.Cut(e.Elem, "/"); deeper {
				e = vfs.Entry{Elem: elem, Kind: vfs.KindDir}
			}
			found[e.Key()] = e
		}
		if !any {
			yield(vfs.Entry{}, &vfs.Error{Op: "list", Name: dir.String(), Reason: reason.Missing, Err: fs.ErrNotExist})
			return
		}
		for _, key := range slices.Sorted(maps.Keys(found)) {
			if key > after && !yield(found[key], nil) {
				return
			}
		}
	}
}

func TestNew(t *testing.T) {
	m := mem.New()
	inner := layer(t, overlay.Options{}, m, mem.New())
	for what, backends := range map[string][]vfs.Backend{
		"nothing":                     nil,
		"a nil":                       {m, nil},
		"a writable overlay on top":   {inner, m},
		"an overlay under a pass-on":  {vfstest.NewFaults(inner), m},
		"a nil where it is on top of": {nil, m},
	} {
		if _, err := overlay.New(backends, overlay.Options{}); err == nil {
			t.Errorf("New accepts %s", what)
		}
	}
	if _, err := overlay.New([]vfs.Backend{m, inner}, overlay.Options{}); err != nil {
		t.Errorf("an overlay below: %v", err)
	}
	if _, err := overlay.New([]vfs.Backend{m}, overlay.Options{}); err != nil {
		t.Errorf("a single backend: %v", err)
	}
}

// Kinds conflict as in the kernel's overlayfs: what is above hides what is below, unless
// both are directories.
func TestKinds(t *testing.T) {
	b := layer(t, overlay.Options{},
		store(t, "1", "both", "file", "dir/x", "d/e/f", "x-b", "x/1"),
		store(t, "2", "both", "low", "file/under", "dir", "d/e/g", "file-low", "x", "m"),
		store(t, "3", "both", "low", "file/other", "dir/y", "d/e", "m/under", "x.txt"),
	)
	for s, want := range map[string]string{
		"both": "1 both", "low": "2 low",
		"file": "1 file", "file/under": "missing", "file/other": "missing",
		"dir": "directory", "dir/x": "1 dir/x",
		"dir/y": "missing", // the second backend has an object "dir"
		"d/e":   "directory", "d/e/f": "1 d/e/f", "d/e/g": "2 d/e/g",
		"x": "directory", "m": "2 m", "m/under": "missing",
	} {
		if got := read(t, b, s); got != want {
			t.Errorf("%q is %q, want %q", s, got, want)
		}
	}
	for _, c := range []struct{ dir, after, want string }{
		{".", "", "both d/ dir/ file file-low low m x-b x.txt x/"},
		{".", "file", "file-low low m x-b x.txt x/"},
		{".", "m", "x-b x.txt x/"},
		{".", "x-b", "x.txt x/"},
		{"dir", "", "x"},
		{"d", "", "e/"},
		{"d/e", "", "f g"},
		{"file", "", "missing"},
		{"m", "", "missing"},
	} {
		if got := list(t, b, c.dir, c.after); got != c.want {
			t.Errorf("List(%q, %q) = %q, want %q", c.dir, c.after, got, c.want)
		}
	}
	// A caller that needs only objects still gets none that a directory hides.
	hint := driver.ListHint{Shows: func(_ string, kind vfs.Kind) bool { return kind == vfs.KindFile }, AnyOrder: true}
	for e := range b.List(driver.WithListHint(t.Context(), hint), vfs.Root, "") {
		if e.Key() == "x" || e.Key() == "dir" {
			t.Errorf("List for objects yields %q", e.Key())
		}
	}
}

// In a backend without directories, an object hides only its own name.
func TestKindsOfKeys(t *testing.T) {
	b := layer(t, overlay.Options{}, newObjects(t, "1", "a", "b/x"), newObjects(t, "2", "a", "a/x", "b"))
	for s, want := range map[string]string{"a": "1 a", "a/x": "2 a/x", "b": "2 b", "b/x": "1 b/x", "c": "missing"} {
		if got := read(t, b, s); got != want {
			t.Errorf("%q is %q, want %q", s, got, want)
		}
	}
	if got := list(t, b, ".", ""); got != "a a/ b b/" {
		t.Errorf("the top lists %q", got)
	}
	remove(t, b, "a")
	if got := read(t, b, "a") + ", " + read(t, b, "a/x"); got != "missing, 2 a/x" {
		t.Errorf("after Remove: %s", got)
	}
	remove(t, b, "a/x")
	if got := list(t, b, ".", ""); got != "b b/" {
		t.Errorf("after the last object of a directory, the top lists %q", got)
	}
}

// A removed name stays gone, whatever is below it and whatever comes above it.
func TestWhiteouts(t *testing.T) {
	upper, lower := store(t, "1", "dir/own", "cover"), store(t, "2", "a", "dir/a", "dir/own", "deep/er/x", "cover/x", "cover/y/z", "keep/a", "keep/b")
	b := layer(t, overlay.Options{}, upper, lower)
	for _, s := range []string{"a", "dir/own", "dir/a", "deep/er/x", "cover", "keep/a"} {
		remove(t, b, s)
		if got := read(t, b, s); got != "missing" {
			t.Errorf("%q is %q after Remove", s, got)
		}
		if err := b.Remove(t.Context(), name(t, s), vfs.Cond{}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a second Remove(%q): %v", s, err)
		}
	}
	if got := list(t, b, ".", ""); got != "keep/" {
		t.Errorf("the top lists %q", got)
	}
	for dir, want := range map[string]string{"dir": "missing", "deep": "missing", "deep/er": "missing", "cover": "missing", "cover/y": "missing", "keep": "b"} {
		if got := list(t, b, dir, ""); got != want {
			t.Errorf("%q lists %q, want %q", dir, got, want)
		}
	}
	if got := list(t, b, "dir", "zzz"); got != "missing" {
		t.Errorf("List of a removed directory from a later key: %q", got)
	}
	for _, s := range []string{"cover/x", "cover/y/z", "deep", "dir", "cover"} {
		if got := read(t, b, s); got != "missing" {
			t.Errorf("%q is %q", s, got)
		}
	}
	if err := put(t, b, "keep/own", "1", vfs.Cond{}); err != nil {
		t.Fatal(err)
	}
	remove(t, b, "keep/b")
	remove(t, b, "keep/own") // the last one, which nothing is below
	if got := list(t, b, ".", ""); got != "" {
		t.Errorf("emptied, the top lists %q", got)
	}
	if err := put(t, b, "keep/b", "1", vfs.Cond{}); err != nil {
		t.Fatal(err)
	}
	// What is put later is above the whiteout, and what it hides stays hidden.
	for _, s := range []string{"a", "cover/new", "deep/er/y"} {
		if err := put(t, b, s, "new", vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}); err != nil {
			t.Fatal(err)
		}
	}
	if got := list(t, b, "cover", "") + ", " + list(t, b, "deep/er", "") + ", " + list(t, b, ".", ""); got != "new, y, a cover/ deep/ keep/" {
		t.Errorf("after Put: %q", got)
	}
	if got := read(t, b, "cover/x"); got != "missing" {
		t.Errorf("cover/x is %q after its directory was made anew", got)
	}
	remove(t, b, "a")
	remove(t, b, "deep/er/y")
	if got := read(t, b, "a") + " " + list(t, b, ".", ""); got != "missing cover/ keep/" {
		t.Errorf("removed again: %q", got)
	}
	// An emptied directory that gets a new lower object is there again.
	if err := put(t, lower, "deep/er/later", "2", vfs.Cond{}); err != nil {
		t.Fatal(err)
	}
	if got := list(t, b, ".", "") + ", " + list(t, b, "deep", "") + ", " + list(t, b, "deep/er", ""); got != "cover/ deep/ keep/, er/, later" {
		t.Errorf("with a new lower object: %q", got)
	}
	if got := read(t, b, "deep"); got != "directory" {
		t.Errorf("deep is %q", got)
	}
	if n := lower.Caps(); !n.Writable || read(t, lower, "a") != "2 a" {
		t.Error("the lower backend was changed")
	}
}

// A lower object does not appear when a directory of its name disappears with its last
// object.
func TestDirectoryOverObject(t *testing.T) {
	for what, lower := range map[string]vfs.Backend{"directories": store(t, "2", "a"), "keys": newObjects(t, "2", "a", "a/b", "a/b/c")} {
		b := layer(t, overlay.Options{}, store(t, "1", "a/b/c", "a/d"), lower)
		remove(t, b, "a/b/c")
		remove(t, b, "a/d")
		for _, s := range []string{"a", "a/b", "a/b/c", "a/d"} {
			if got := read(t, b, s); got != "missing" {
				t.Errorf("over %s, %q is %q", what, s, got)
			}
		}
		if got := list(t, b, ".", ""); got != "" {
			t.Errorf("over %s, the top lists %q", what, got)
		}
	}
}

// Nobody reaches the layer's own objects.
// A filter of names does not change whether a directory exists: otherwise, searching would
// show the names of removed objects.
func TestFilterOfRemoved(t *testing.T) {
	b := layer(t, overlay.Options{}, mem.New(), store(t, "lower", "docs/keep.md", "docs/secret-old.txt"))
	remove(t, b, "docs/secret-old.txt")
	jail, err := vfs.New(b, vfs.Policy{Allow: vfs.Patterns("**")})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"secret", "old", "absent"} {
		page, err := jail.FindPage(t.Context(), name(t, "docs"), text, "", 10)
		if err != nil || len(page.Entries) > 0 {
			t.Errorf("%q: %v, %v", text, page.Entries, err)
		}
	}
	remove(t, b, "docs/keep.md")
	for _, text := range []string{"secret", "absent"} {
		if _, err := jail.FindPage(t.Context(), name(t, "docs"), text, "", 10); vfs.ReasonOf(err) != reason.Missing {
			t.Errorf("%q in a directory that is gone: %v", text, err)
		}
	}
}

func TestReserved(t *testing.T) {
	upper := mem.New()
	b := layer(t, overlay.Options{}, upper, store(t, "2", "a", overlay.Reserved+"/x", "B/"+overlay.Reserved+"/y"))
	remove(t, b, "a")
	inside := list(t, upper, overlay.Reserved, "")
	if inside == "" {
		t.Fatal("there is no whiteout")
	}
	if got := list(t, b, ".", ""); got != "B/" {
		t.Errorf("the top lists %q", got)
	}
	for _, s := range []string{
		overlay.Reserved, strings.ToUpper(overlay.Reserved), overlay.Reserved + "/x", ".Bailiwick-Overlay/new", overlay.Reserved + "./x", overlay.Reserved + " . /x", ".bailiwic\u212a-overlay",
		".bailiwick\u00ad-overlay", "\u200b" + overlay.Reserved + "/x", overlay.Reserved + ".\ufe0f/x",
		overlay.Reserved + "/" + strings.TrimSuffix(inside, "/") + "/a",
	} {
		if got := read(t, b, s); got != string(reason.Unholdable) {
			t.Errorf("%q is %q", s, got)
		}
		if got := list(t, b, s, ""); got != string(reason.Unholdable) {
			t.Errorf("%q lists %q", s, got)
		}
		if err := put(t, b, s, "x", vfs.Cond{}); vfs.ReasonOf(err) != reason.Unholdable {
			t.Errorf("Put(%q): %v", s, err)
		}
		if err := b.Remove(t.Context(), name(t, s), vfs.Cond{}); vfs.ReasonOf(err) != reason.Unholdable {
			t.Errorf("Remove(%q): %v", s, err)
		}
	}
	// Elsewhere, and as a part of an element, the name is like any other.
	if got := read(t, b, "B/"+overlay.Reserved+"/y"); !strings.HasPrefix(got, "2 ") {
		t.Errorf("below another directory: %q", got)
	}
	if err := put(t, b, overlay.Reserved+"s", "x", vfs.Cond{}); err != nil {
		t.Error(err)
	}
	if got := read(t, b, "a"); got != "missing" {
		t.Errorf("a is %q", got)
	}
}

func tag(t testing.TB, b vfs.Backend, s string) vfs.Tags {
	t.Helper()
	info, err := b.Stat(t.Context(), name(t, s), vfs.Request{})
	if err != nil {
		t.Fatal(err)
	}
	return vfs.Tags{List: []vfs.Tag{{Value: info.ETag, Set: true}}}
}

// Conditions hold for what the layer shows.
func TestConditions(t *testing.T) {
	all := vfs.Tags{Any: true}
	other := vfs.Tags{List: []vfs.Tag{{Value: "other", Set: true}}}
	for _, c := range []struct {
		what string
		name string
		cond func(vfs.Backend) vfs.Cond
		want error
	}{
		{"create over a lower object", "low", func(vfs.Backend) vfs.Cond { return vfs.Cond{IfNoneMatch: all} }, vfs.ErrExist},
		{"create over an upper object", "up", func(vfs.Backend) vfs.Cond { return vfs.Cond{IfNoneMatch: all} }, vfs.ErrExist},
		{"create", "new", func(vfs.Backend) vfs.Cond { return vfs.Cond{IfNoneMatch: all} }, nil},
		{"create over a whiteout", "gone", func(vfs.Backend) vfs.Cond { return vfs.Cond{IfNoneMatch: all} }, nil},
		{"replace the lower version", "low", func(b vfs.Backend) vfs.Cond { return vfs.Cond{IfMatch: tag(t, b, "low")} }, nil},
		{"replace the upper version", "up", func(b vfs.Backend) vfs.Cond { return vfs.Cond{IfMatch: tag(t, b, "up")} }, nil},
		{"replace another lower version", "low", func(vfs.Backend) vfs.Cond { return vfs.Cond{IfMatch: other} }, vfs.ErrPrecondition},
		{"replace any lower version", "low", func(vfs.Backend) vfs.Cond { return vfs.Cond{IfMatch: all} }, nil},
		{"replace a whiteout", "gone", func(vfs.Backend) vfs.Cond { return vfs.Cond{IfMatch: all} }, vfs.ErrPrecondition},
		{"replace what is missing", "new", func(vfs.Backend) vfs.Cond { return vfs.Cond{IfMatch: all} }, vfs.ErrPrecondition},
		{"replace all but this version", "low", func(b vfs.Backend) vfs.Cond { return vfs.Cond{IfNoneMatch: tag(t, b, "low")} }, vfs.ErrPrecondition},
		{"replace what is older", "low", func(vfs.Backend) vfs.Cond { return vfs.Cond{IfUnmodifiedSince: time.Now().Add(time.Hour)} }, nil},
		{"replace what is newer", "low", func(vfs.Backend) vfs.Cond { return vfs.Cond{IfUnmodifiedSince: time.Now().Add(-time.Hour)} }, vfs.ErrPrecondition},
		{"below an object", "low/x", func(vfs.Backend) vfs.Cond { return vfs.Cond{} }, fs.ErrNotExist},
		{"over a directory", "dir", func(vfs.Backend) vfs.Cond { return vfs.Cond{} }, fs.ErrNotExist},
	} {
		lower := store(t, "2", "low", "up", "gone", "dir/x")
		b := layer(t, overlay.Options{}, store(t, "1", "up"), lower)
		remove(t, b, "gone")
		before := read(t, b, c.name)
		err := put(t, b, c.name, "new", c.cond(b))
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
		want := before
		if err == nil {
			want = "new"
		}
		if got := read(t, b, c.name); got != want {
			t.Errorf("%s: the object is %q, want %q", c.what, got, want)
		}
		if got := read(t, lower, "low"); got != "2 low" {
			t.Errorf("%s changed the lower backend to %q", c.what, got)
		}
	}
	b := layer(t, overlay.Options{}, mem.New(), store(t, "2", "low"))
	if err := b.Remove(t.Context(), name(t, "low"), vfs.Cond{IfMatch: other}); !errors.Is(err, vfs.ErrPrecondition) {
		t.Errorf("Remove of another version: %v", err)
	}
	if got := read(t, b, "low"); got != "2 low" {
		t.Errorf("after it: %q", got)
	}
	if err := b.Remove(t.Context(), name(t, "low"), vfs.Cond{IfMatch: tag(t, b, "low")}); err != nil {
		t.Error(err)
	}
}

// Of several replacements of one lower version, one succeeds.
func TestReplaceRace(t *testing.T) {
	upper := mem.New()
	b := layer(t, overlay.Options{}, upper, store(t, "2", "low"))
	cond := vfs.Cond{IfMatch: tag(t, b, "low")}
	// The other one comes when the condition has been checked.
	body := io.MultiReader(reader(func() error { return put(t, upper, "low", "the other", vfs.Cond{}) }), strings.NewReader("late"))
	_, err := b.Put(t.Context(), name(t, "low"), body, vfs.PutOptions{Cond: cond})
	if !errors.Is(err, vfs.ErrPrecondition) || errors.Is(err, fs.ErrExist) {
		t.Errorf("%v, want ErrPrecondition alone", err)
	}
	if got := read(t, b, "low"); got != "the other" {
		t.Errorf("the object is %q", got)
	}
}

// A reader calls itself once and yields nothing.
type reader func() error

func (r reader) Read([]byte) (int, error) {
	if err := r(); err != nil {
		return 0, err
	}
	return 0, io.EOF
}

// Open costs at most one call of each backend, and one for the whiteout of a lower
// object. A listing costs one of each.
func TestCalls(t *testing.T) {
	for _, c := range []struct {
		name         string
		opts         overlay.Options
		upper, lower string
	}{
		{"up", overlay.Options{}, "open 1", ""},
		{"low", overlay.Options{}, "open 1, stat 1", "open 1"},
		{"low", overlay.Options{NoWhiteouts: true}, "open 1", "open 1"},
		{"both", overlay.Options{}, "open 1", ""},
		{"none", overlay.Options{}, "open 1", "open 1"},
		{"low", overlay.Options{Parallel: true}, "open 1, stat 1", "open 1"},
		{"none", overlay.Options{Parallel: true}, "open 1", "open 1"},
	} {
		upper := vfstest.NewFaults(newObjects(t, "1", "up", "both"))
		lower := vfstest.NewFaults(newObjects(t, "2", "low", "both"))
		b := layer(t, c.opts, upper, lower)
		if obj, err := b.Open(t.Context(), name(t, c.name), vfs.Request{}); err == nil {
			obj.Body.Close()
		}
		if got := counts(upper); got != c.upper {
			t.Errorf("Open(%q) with %+v: %q in the first backend, want %q", c.name, c.opts, got, c.upper)
		}
		if got := counts(lower); got != c.lower {
			t.Errorf("Open(%q) with %+v: %q in the second backend, want %q", c.name, c.opts, got, c.lower)
		}
	}
	upper, lower := vfstest.NewFaults(newObjects(t, "1", "a", "b")), vfstest.NewFaults(newObjects(t, "2", "a", "c", "d"))
	list(t, layer(t, overlay.Options{}, upper, lower), ".", "")
	if upper.Count("list") != 2 || lower.Count("list") != 1 || upper.Count("stat")+lower.Count("stat") > 0 {
		t.Errorf("List: %v and %v", upper.Counts(), lower.Counts())
	}
	upper.Reset()
	if err := put(t, layer(t, overlay.Options{}, upper, lower), "c", "new", vfs.Cond{}); err != nil || counts(upper) != "put 1" {
		t.Errorf("Put: %v, %v", err, upper.Counts())
	}
}

func counts(f *vfstest.Faults) string {
	var s []string
	all := f.Counts()
	for _, op := range slices.Sorted(maps.Keys(all)) {
		if op == "open" || op == "stat" || op == "list" || op == "put" || op == "remove" {
			s = append(s, fmt.Sprint(op, " ", all[op]))
		}
	}
	return strings.Join(s, ", ")
}

// However the first backend fails, nothing that it hides shows, and nothing is removed
// half: each call of it fails once.
func TestFailsClosed(t *testing.T) {
	for _, opts := range []overlay.Options{{}, {Parallel: true}} {
		for _, why := range []error{vfs.ErrUnavailable, vfs.ErrFailed, errors.New("broken")} {
			for i := 1; ; i++ {
				upper := store(t, "1", "up", "over/own")
				lower := store(t, "2", "up", "gone", "over", "emptied/x", "low", "dir/low")
				clean := layer(t, overlay.Options{}, upper, lower)
				remove(t, clean, "gone")
				remove(t, clean, "emptied/x")
				faulty := vfstest.NewFaults(upper, vfstest.FailCall(i, why))
				b := layer(t, opts, faulty, lower)
				for _, s := range []string{"up", "gone", "over", "emptied/x", "emptied", "low", "dir/low"} {
					was := read(t, clean, s)
					if got := read(t, quiet{b}, s); got != was && got != "" {
						t.Fatalf("call %d fails with %v: %q is %q, want %q or an error", i, why, s, got, was)
					}
				}
				if got := list(t, b, ".", ""); got != "dir/ low over/ up" && got != "" {
					t.Fatalf("call %d fails with %v: the top lists %q", i, why, got)
				}
				if faulty.Calls() < i {
					break
				}
			}
			for i := 1; ; i++ {
				upper, lower := store(t, "1", "a/both"), store(t, "2", "a/both", "a/low")
				clean := layer(t, overlay.Options{}, upper, lower)
				faulty := vfstest.NewFaults(upper, vfstest.FailCall(i, why))
				b := layer(t, opts, faulty, lower)
				for _, s := range []string{"a/both", "a/low"} {
					was := read(t, clean, s)
					err := b.Remove(t.Context(), name(t, s), vfs.Cond{})
					if got := read(t, clean, s); err == nil && got != "missing" || err != nil && got != was {
						t.Fatalf("call %d fails with %v: Remove(%q): %v, and then it is %q", i, why, s, err, got)
					}
					if errors.Is(err, fs.ErrNotExist) {
						t.Fatalf("call %d fails with %v: Remove(%q) says that it does not exist", i, why, s)
					}
				}
				if faulty.Calls() < i {
					break
				}
			}
		}
	}
}

// quiet turns a body's failure into an empty body, which read reports as such.
type quiet struct{ vfs.Backend }

func (q quiet) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	obj, err := q.Backend.Open(ctx, n, req)
	if err != nil {
		return nil, err
	}
	defer obj.Body.Close()
	data, err := io.ReadAll(obj.Body)
	if err != nil {
		data = nil
	}
	return &vfs.Object{Info: obj.Info, Span: obj.Span, Body: io.NopCloser(strings.NewReader(string(data)))}, nil
}

// A whiteout that cannot be stored must not look like success, nor like a missing object.
func TestWhiteoutFails(t *testing.T) {
	unholdable := &vfs.Error{Op: "put", Reason: reason.Unholdable, Err: fs.ErrNotExist}
	for _, c := range []struct {
		fault error
		want  error
	}{{vfs.ErrFull, vfs.ErrFull}, {vfs.ErrUnavailable, vfs.ErrUnavailable}, {unholdable, vfs.ErrUnsupported}} {
		b := layer(t, overlay.Options{}, refusing{mem.New(), c.fault}, store(t, "2", "low"))
		err := b.Remove(t.Context(), name(t, "low"), vfs.Cond{})
		if !errors.Is(err, c.want) || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v: %v, want %v", c.fault, err, c.want)
		}
	}
	b := layer(t, overlay.Options{NoWhiteouts: true}, store(t, "1", "up", "own"), store(t, "2", "up", "low"))
	for _, s := range []string{"up", "low"} {
		if err := b.Remove(t.Context(), name(t, s), vfs.Cond{}); !errors.Is(err, vfs.ErrUnsupported) {
			t.Errorf("Remove(%q) without whiteouts: %v", s, err)
		}
	}
	remove(t, b, "own")
}

type refusing struct {
	vfs.Backend
	err error
}

func (r refusing) Put(_ context.Context, n vfs.Name, _ io.Reader, _ vfs.PutOptions) (vfs.Info, error) {
	if e, ok := r.err.(*vfs.Error); ok {
		return vfs.Info{}, e
	}
	return vfs.Info{}, &vfs.Error{Op: "put", Name: n.String(), Err: r.err}
}

// In parallel, a slow lower backend does not delay what the first one has, and its late
// answer is closed.
func TestParallel(t *testing.T) {
	wait := make(chan struct{})
	defer close(wait)
	slow := vfstest.NewFaults(store(t, "2", "up", "low"), vfstest.Slow("open", wait))
	b := layer(t, overlay.Options{Parallel: true}, store(t, "1", "up"), slow)
	if got := read(t, b, "up"); got != "1 up" {
		t.Errorf("up is %q", got)
	}
	late := vfstest.NewFaults(store(t, "2", "up"))
	b = layer(t, overlay.Options{Parallel: true}, vfstest.NewFaults(store(t, "1", "up"), vfstest.Fault{Op: "open", Do: func() {
		for late.Count("open") == 0 {
		}
	}}), late)
	if got := read(t, b, "up"); got != "1 up" || late.Count("close") != late.Count("open") {
		t.Errorf("up is %q, calls %v", got, late.Counts())
	}
}

// A page of a remote listing stays within its bound.
func TestBound(t *testing.T) {
	var got []int
	record := func(ctx context.Context) { got = append(got, driver.ListHintOf(ctx).Requests) }
	b := layer(t, overlay.Options{}, hinted{newObjects(t, "1", "a"), record}, hinted{newObjects(t, "2", "b", "c/d"), record})
	for _, err := range b.List(driver.WithListHint(t.Context(), driver.ListHint{Requests: 64}), vfs.Root, "") {
		if err != nil {
			t.Fatal(err)
		}
	}
	sum := 0
	for _, n := range got {
		sum += n
	}
	if slices.Contains(got, 0) || sum > 64 {
		t.Errorf("the listings may send %v requests, of 64", got)
	}
}

type hinted struct {
	vfs.Backend
	record func(context.Context)
}

func (h hinted) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	h.record(ctx)
	return h.Backend.List(ctx, dir, after)
}
