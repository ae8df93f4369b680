package layer_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// TestFaults lets each call of the store fail once, below each layer and below random
// stacks of three: whatever fails, a read gives the right bytes or an error, a listing is
// whole or an error, a change is made or an error, and nothing that exists is missing.
func TestFaults(t *testing.T) {
	stacks := 1
	if os.Getenv("BAILIWICK_LONG") == "1" {
		stacks = 24
	}
	faults := map[string]func(i int) vfstest.Fault{
		"unavailable":  func(i int) vfstest.Fault { return vfstest.FailCall(i, vfs.ErrUnavailable) },
		"broken":       func(i int) vfstest.Fault { return vfstest.FailCall(i, errors.New("broken")) },
		"short read":   func(i int) vfstest.Fault { return vfstest.Fault{Op: "read", Call: i, After: 3, Short: true} },
		"changed read": func(i int) vfstest.Fault { return vfstest.Fault{Op: "read", Call: i, After: 3, Err: vfs.ErrChanged} },
		"short body":   func(i int) vfstest.Fault { return vfstest.Fault{Op: "body", Call: i, After: 3, Short: true} },
	}
	for seed := range len(kinds) + stacks {
		rng := rand.New(rand.NewPCG(uint64(seed), 3))
		names := []string{"mem"}
		layers := randomLayers(rng)
		if seed < len(kinds) {
			layers = kinds[seed : seed+1]
		}
		for _, k := range layers {
			names = append(names, k.name)
		}
		slices.Reverse(names)
		for _, what := range sortedNames(faults) {
			t.Run(fmt.Sprintf("%s, %s", strings.Join(names, " over "), what), func(t *testing.T) {
				for i := 1; ; i++ {
					reached := false
					synctest.Test(t, func(t *testing.T) { reached = survives(t, layers, seed, faults[what](i), i) })
					if !reached || t.Failed() {
						break
					}
				}
			})
		}
	}
}

// randomLayers returns three kinds, of which one at most is an overlay, as it cannot be
// the first of another.
func randomLayers(rng *rand.Rand) (layers []kind) {
	unions := false
	for len(layers) < 3 {
		k := kinds[rng.IntN(len(kinds))]
		isUnion := strings.Contains(k.name, "overlay")
		if isUnion && unions {
			continue
		}
		layers, unions = append(layers, k), unions || isUnion
	}
	return layers
}

// survives uses a stack over a store with a fault. It reports whether the fault was
// reached.
func survives(t *testing.T, layers []kind, seed int, fault vfstest.Fault, i int) bool {
	rng := rand.New(rand.NewPCG(uint64(seed), 4))
	var below *switched
	s := memStore()
	open := s.open
	s.open = func(t *testing.T, tree vfstest.Tree) vfs.Backend {
		m := open(t, tree)
		below = &switched{Backend: m, clean: m, faulty: vfstest.NewFaults(m, fault)}
		return below
	}
	for _, k := range layers {
		s = k.over(s, rng)
	}
	state := map[string]string{
		"a": "contents of a", "b/c": "contents of c", "b/d/e": "contents of e", "b.txt": "contents of b", "z/y": "contents of y", "z/x": "contents of x",
	}
	u := &user{t: t, b: s.open(t, vfstest.Tree{Files: maps.Clone(state)}), state: state, below: below, when: fmt.Sprintf("with %v", fault)}
	below.Backend = below.faulty
	u.readAll()
	u.list(vfs.Root)
	if u.b.Caps().Writable {
		u.put("new/object", "the new object", vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}, Unsafe: true})
		u.put("a", "another a", vfs.Cond{IfMatch: u.tag("a"), Unsafe: true})
		u.put("z/x", "another x", vfs.Cond{})
		u.remove("b/d/e", vfs.Cond{})
		u.remove("z/y", vfs.Cond{IfMatch: u.tag("z/y"), Unsafe: true})
		u.readAll()
		u.list(vfs.Root)
	}
	below.Backend = below.clean
	u.strict = true
	u.readAll()
	u.list(vfs.Root)
	if fault.Op != "" {
		return below.faulty.Count(fault.Op) >= i
	}
	return below.faulty.Calls() >= i
}

// switched is a backend with faults, which can be switched off.
type switched struct {
	vfs.Backend
	clean  vfs.Backend
	faulty *vfstest.Faults
}

// A user knows what the backend must contain.
type user struct {
	t      *testing.T
	b      vfs.Backend
	state  map[string]string
	below  *switched
	when   string
	strict bool // nothing may fail
}

func (u *user) errorf(format string, args ...any) {
	u.t.Errorf("%s: %s", u.when, fmt.Sprintf(format, args...))
}

// undisturbed calls f without faults.
func (u *user) undisturbed(f func()) {
	was := u.below.Backend
	u.below.Backend = u.below.clean
	f()
	u.below.Backend = was
}

func (u *user) tag(s string) (tags vfs.Tags) {
	u.undisturbed(func() {
		info, err := u.b.Stat(u.t.Context(), name(u.t, s), vfs.Request{})
		if err != nil {
			u.errorf("Stat(%q): %v", s, err)
		}
		tags = vfs.Tags{List: []vfs.Tag{{Value: info.ETag, Set: true}}}
	})
	return tags
}

func (u *user) readAll() {
	for _, s := range sortedNames(u.state) {
		u.read(s)
	}
	for _, s := range []string{"none", "b/none", "a/below"} {
		if _, err := u.b.Open(u.t.Context(), name(u.t, s), vfs.Request{}); err == nil {
			u.errorf("Open(%q) succeeded", s)
		}
	}
}

func (u *user) read(s string) {
	obj, err := u.b.Open(u.t.Context(), name(u.t, s), vfs.Request{})
	if err != nil {
		if u.strict || errors.Is(err, fs.ErrNotExist) {
			u.errorf("Open(%q): %v", s, err)
		}
		return
	}
	data, err := io.ReadAll(obj.Body)
	closed := obj.Body.Close()
	if complete := err == nil && int64(len(data)) == obj.Span.Length; complete && string(data) != u.state[s] {
		u.errorf("%q is %q, want %q", s, data, u.state[s])
	} else if u.strict && (!complete || closed != nil) {
		u.errorf("reading %q: %v, %v", s, err, closed)
	}
	info, err := u.b.Stat(u.t.Context(), name(u.t, s), vfs.Request{})
	if err == nil && (info.Size != int64(len(u.state[s])) || info.Name.String() != s) || errors.Is(err, fs.ErrNotExist) {
		u.errorf("Stat(%q): %+v, %v", s, info, err)
	}
}

// list checks a directory and all below it.
func (u *user) list(dir vfs.Name) {
	var keys []string
	for e, err := range u.b.List(u.t.Context(), dir, "") {
		if err != nil {
			if u.strict || errors.Is(err, fs.ErrNotExist) {
				u.errorf("List(%q): %v", dir, err)
			}
			return
		}
		keys = append(keys, e.Key())
	}
	want := map[string]bool{}
	for s := range u.state {
		if rest, ok := name(u.t, s).Within(dir); ok {
			elem, _, deeper := strings.Cut(rest.String(), "/")
			if deeper {
				elem += "/"
			}
			want[elem] = true
		}
	}
	// A mount point stays, and so does a directory that could not be cleaned up.
	keys = slices.DeleteFunc(keys, func(key string) bool { return !want[key] && u.isEmpty(dir, key) })
	if !slices.Equal(keys, sortedNames(want)) {
		u.errorf("List(%q) = %q, want %q", dir, keys, sortedNames(want))
		return
	}
	for _, key := range keys {
		if elem, isDir := strings.CutSuffix(key, "/"); isDir {
			n, err := dir.Child(elem)
			if err != nil {
				u.t.Fatal(err)
			}
			u.list(n)
		}
	}
}

func (u *user) isEmpty(dir vfs.Name, key string) bool {
	elem, isDir := strings.CutSuffix(key, "/")
	n, err := dir.Child(elem)
	if !isDir || err != nil {
		return false
	}
	for e, err := range u.b.List(u.t.Context(), n, "") {
		if err == nil && !u.isEmpty(n, e.Key()) {
			return false
		}
	}
	return true
}

func (u *user) put(s, data string, cond vfs.Cond) {
	_, err := u.b.Put(u.t.Context(), name(u.t, s), strings.NewReader(data), vfs.PutOptions{Cond: cond, Size: int64(len(data)), SizeKnown: true})
	switch {
	case err == nil:
		u.state[s] = data
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, vfs.ErrPrecondition):
		u.errorf("Put(%q): %v", s, err)
	}
	u.check(s)
}

func (u *user) remove(s string, cond vfs.Cond) {
	err := u.b.Remove(u.t.Context(), name(u.t, s), cond)
	switch {
	case err == nil:
		delete(u.state, s)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, vfs.ErrPrecondition):
		u.errorf("Remove(%q): %v", s, err)
	}
	u.check(s)
}

// check reads s without faults: a change that failed has not been made.
func (u *user) check(s string) {
	u.undisturbed(func() {
		if _, there := u.state[s]; there {
			u.read(s)
		} else if _, err := u.b.Stat(u.t.Context(), name(u.t, s), vfs.Request{}); vfs.ReasonOf(err) != reason.Missing {
			u.errorf("Stat(%q): %v, want missing", s, err)
		}
	})
}
