package layer_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/layer/limit"
	"github.com/bailiwick-fs/bailiwick/backends/layer/mount"
	"github.com/bailiwick-fs/bailiwick/backends/layer/overlay"
	"github.com/bailiwick-fs/bailiwick/backends/layer/prefix"
	"github.com/bailiwick-fs/bailiwick/backends/layer/readonly"
	"github.com/bailiwick-fs/bailiwick/backends/layer/retry"
	"github.com/bailiwick-fs/bailiwick/backends/layer/timeout"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// A kind is a kind of layer: over plants a tree below the layer so that the layer shows
// exactly that tree, beside things that it must hide.
type kind struct {
	name string
	over func(s store, rng *rand.Rand) store
}

// through is a kind that shows objects unchanged.
func through(name string, wrap func(vfs.Backend) vfs.Backend) kind {
	return kind{name, func(s store, _ *rand.Rand) store {
		below := s.open
		s.open = func(t *testing.T, tree vfstest.Tree) vfs.Backend { return wrap(below(t, tree)) }
		return s
	}}
}

var kinds = []kind{
	through("readonly", readonly.New),
	through("retry", func(b vfs.Backend) vfs.Backend { return retry.New(b, retry.Options{}) }),
	through("limit", func(b vfs.Backend) vfs.Backend { return limit.New(b, limit.Options{}) }),
	through("limit of bytes", func(b vfs.Backend) vfs.Backend {
		return limit.New(b, limit.Options{BytesPerSecond: 1 << 40})
	}),
	through("timeout", func(b vfs.Backend) vfs.Backend { return timeout.New(b, timeout.Options{}) }),
	{"prefix", overPrefix},
	{"mount", overMount},
	{"overlay", overOverlay(overlay.Options{}, memStore())},
	{"parallel overlay", overOverlay(overlay.Options{Parallel: true}, memStore())},
}

// overPrefix plants the tree in a directory, with canaries beside it.
func overPrefix(s store, rng *rand.Rand) store {
	dir := []string{"under a/prefix", "p", "tree/of/one tenant"}[rng.IntN(3)]
	below := s.open
	s.prefix += len(dir) + 1
	s.open = func(t *testing.T, tree vfstest.Tree) vfs.Backend {
		whole := vfstest.Tree{Files: map[string]string{}, Links: map[string]string{}}
		for name, data := range tree.Files {
			whole.Files[dir+"/"+name] = data
		}
		for name, text := range tree.Links {
			whole.Links[dir+"/"+name] = text
		}
		for _, name := range tree.Special {
			whole.Special = append(whole.Special, dir+"/"+name)
		}
		for _, name := range []string{"outside.txt", dir + "-secret/canary.txt", dir + "secret.txt", dir + ".txt"} {
			whole.Files[name] = vfstest.Canary
		}
		b, err := prefix.New(below(t, whole), name(t, dir))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	return s
}

// overMount plants each top-level directory, and each second level, in the store or in
// another one that is mounted there, and hides canaries below the mount points.
func overMount(s store, rng *rand.Rand) store {
	below, seed := s.open, rng.Uint64()
	weak := map[string]string{"remove": "a mount point stays when its last object is removed"}
	maps.Copy(weak, s.weaknesses)
	s.weaknesses = weak
	s.open = func(t *testing.T, tree vfstest.Tree) vfs.Backend {
		rng := rand.New(rand.NewPCG(seed, 0))
		points := map[string]vfstest.Tree{}
		top := vfstest.Tree{Files: map[string]string{}, Links: tree.Links, Special: tree.Special}
		for _, dir := range directories(tree) {
			if rng.IntN(3) == 0 && !hasLinks(tree, dir) {
				points[dir] = vfstest.Tree{Files: map[string]string{}}
			}
		}
		for name, data := range tree.Files {
			point, rest := longest(points, name)
			if point == "" {
				top.Files[name] = data
			} else {
				points[point].Files[rest] = data
			}
		}
		var mounted []mount.Point
		for _, at := range sortedNames(points) {
			if len(at) > 500 {
				// a canary below it would have too long a name
			} else if parent, rest := longest(points, at); parent != "" {
				points[parent].Files[rest+"/hidden/canary"] = vfstest.Canary
			} else if rng.IntN(2) == 0 {
				top.Files[at+"/hidden/canary"] = vfstest.Canary
			} else if !anyBelow(top.Files, at) {
				top.Files[at] = vfstest.Canary // an object with the name of a mount point
			}
			mounted = append(mounted, mount.Point{At: at})
		}
		first := below(t, top)
		for i, p := range mounted {
			mounted[i].Backend = beside(first, memStore().open(t, points[p.At]))
		}
		b, err := mount.New(first, mounted...)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	return s
}

// overOverlay plants each object in the store, over a stale one, or in another one below
// it, and hides canaries there: behind whiteouts, and behind something of another kind.
func overOverlay(opts overlay.Options, lowest store) func(s store, rng *rand.Rand) store {
	return func(s store, rng *rand.Rand) store {
		below, seed := s.open, rng.Uint64()
		s.open = func(t *testing.T, tree vfstest.Tree) vfs.Backend {
			rng := rand.New(rand.NewPCG(seed, 0))
			upper, lower := split(rng, tree)
			for _, name := range sortedNames(upper.Files) {
				if rng.IntN(3) == 0 {
					lower.Files[name] = vfstest.Canary
				}
			}
			first := below(t, upper)
			var removed []string
			if first.Caps().Writable {
				removed = []string{"gone-canary", "gone/canary", "gone/deep/canary"}
				for _, dir := range directories(tree) {
					if len(dir) < 500 && rng.IntN(2) == 0 {
						removed = append(removed, dir+"/gone-canary", dir+"/gone/canary")
					}
				}
			}
			for _, name := range removed {
				lower.Files[name] = vfstest.Canary
			}
			if first.Caps().Directories {
				for _, name := range sortedNames(upper.Files) {
					if len(name) < 500 && lower.Files[name] == "" && rng.IntN(3) == 0 {
						lower.Files[name+"/hidden/canary"] = vfstest.Canary
					}
				}
				for _, dir := range directories(upper) {
					if !anyBelow(lower.Files, dir) && rng.IntN(2) == 0 {
						lower.Files[dir] = vfstest.Canary
					}
				}
			}
			// The lower one may be read-only, and may have objects that are its own.
			b, err := overlay.New([]vfs.Backend{first, readonly.New(lowest.open(t, lower))}, opts)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range removed {
				if err := b.Remove(t.Context(), name(t, s), vfs.Cond{}); err != nil {
					t.Fatalf("removing the canary %q: %v", s, err)
				}
			}
			return b
		}
		return s
	}
}

// beside makes b read-only if first is: the suite expects that all names can be written,
// or none.
func beside(first, b vfs.Backend) vfs.Backend {
	if !first.Caps().Writable {
		return readonly.New(b)
	}
	return b
}

// TestStacks runs the contract of vfs.Backend through each layer and through random
// stacks of three. With BAILIWICK_LONG=1 it does so for all layers over all stores, and
// for more stacks. Otherwise, mem has each layer once, and the other stores have one stack
// of the layers that change names.
func TestStacks(t *testing.T) {
	long, stacks := os.Getenv("BAILIWICK_LONG") == "1", 1
	if long {
		stacks = 12
	}
	for _, open := range []func(t *testing.T) store{
		func(*testing.T) store { return memStore() },
		func(*testing.T) store { return diskStore() },
		s3Store,
	} {
		s := open(t)
		for _, k := range kinds {
			if s.name == "s3" && (k.name == "limit of bytes" || k.name == "parallel overlay") {
				continue // these differ from limit and overlay in nothing that a store notices
			}
			if s.name != "mem" && !long {
				continue
			}
			t.Run(k.name+" over "+s.name, func(t *testing.T) { conforms(t, k.over(s, rand.New(rand.NewPCG(1, 1)))) })
		}
		if s.name == "s3" {
			k := kind{"parallel overlay", overOverlay(overlay.Options{Parallel: true}, s)}
			t.Run(k.name+" over mem and s3", func(t *testing.T) { conforms(t, k.over(memStore(), rand.New(rand.NewPCG(1, 1)))) })
			if long {
				t.Run(k.name+" over s3 and s3", func(t *testing.T) { conforms(t, k.over(s, rand.New(rand.NewPCG(1, 1)))) })
			}
		}
		if !long && s.name != "mem" {
			t.Run("overlay over mount over prefix over "+s.name, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(1, 1))
				conforms(t, overOverlay(overlay.Options{}, memStore())(overMount(overPrefix(s, rng), rng), rng))
			})
		}
		count := map[string]int{"mem": stacks, "disk": stacks / 2, "s3": stacks / 6}[s.name]
		for seed := range count {
			rng := rand.New(rand.NewPCG(uint64(seed), 2))
			stack, names := s, []string{s.name}
			for _, k := range randomLayers(rng) {
				stack, names = k.over(stack, rng), append(names, k.name)
			}
			slices.Reverse(names)
			t.Run(fmt.Sprintf("seed %d, %s", seed, strings.Join(names, " over ")), func(t *testing.T) { conforms(t, stack) })
		}
	}
}

func conforms(t *testing.T, s store) { vfstest.TestBackend(t, s.open, s.options()) }

// directories returns the directories of a tree, in order.
func directories(tree vfstest.Tree) []string {
	dirs := map[string]bool{}
	for name := range tree.Files {
		for i, c := range name {
			if c == '/' {
				dirs[name[:i]] = true
			}
		}
	}
	return sortedNames(dirs)
}

// hasLinks reports whether links or special files are in dir, or a link leads there:
// the mounted backend could not hold them.
func hasLinks(tree vfstest.Tree, dir string) bool {
	return len(tree.Links) > 0 || slices.ContainsFunc(tree.Special, func(name string) bool { return strings.HasPrefix(name, dir+"/") })
}

// longest returns the longest of the points that name is below, and the rest of name.
func longest(points map[string]vfstest.Tree, name string) (point, rest string) {
	for p := range points {
		if below, ok := strings.CutPrefix(name, p+"/"); ok && len(p) > len(point) {
			point, rest = p, below
		}
	}
	return point, rest
}

func anyBelow(files map[string]string, dir string) bool {
	for name := range files {
		if strings.HasPrefix(name, dir+"/") || strings.HasPrefix(dir, name+"/") {
			return true
		}
	}
	return false
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func name(t *testing.T, s string) vfs.Name {
	t.Helper()
	n, err := vfs.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
