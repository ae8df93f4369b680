package vfs_test

import (
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/testdata/length"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// alphabet holds every character by which a name has ever escaped its directory, plain
// and as parts of its escape, and a harmless one.
const alphabet = "./%2ef5c\\\x00a"

// everyString calls check with all strings over the alphabet up to length, in parallel.
// The bytes of s are valid only during the call.
func everyString(length int, check func(s string)) {
	check("")
	var wg sync.WaitGroup
	starts := make(chan string)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for start := range starts {
				extend([]byte(start), length, check)
			}
		})
	}
	for _, a := range []byte(alphabet) {
		check(string(a))
		for _, b := range []byte(alphabet) {
			starts <- string([]byte{a, b})
		}
	}
	close(starts)
	wg.Wait()
}

func extend(s []byte, length int, check func(s string)) {
	check(string(s))
	if len(s) == length {
		return
	}
	for _, c := range []byte(alphabet) {
		extend(append(s, c), length, check)
	}
}

// plainOracle is an independent implementation of the grammar, for strings over the
// alphabet.
func plainOracle(s string) (want string, ok bool) {
	return s, fs.ValidPath(s) && s != "." && !strings.ContainsAny(s, "\\\x00")
}

// escapedOracle decodes with the standard library and refuses any escaped byte that
// could separate elements.
func escapedOracle(p string) (want string, ok bool) {
	s, err := url.PathUnescape(p)
	if err != nil || strings.Count(s, "/") != strings.Count(p, "/") {
		return "", false
	}
	return plainOracle(s)
}

func TestEveryShortStringThroughTheParsers(t *testing.T) {
	longest := 7
	if length.Short() {
		longest = 5
	}
	var accepted, refused sync.Map
	everyString(longest, func(s string) {
		plain, err := vfs.ParseName(s)
		check(t, "ParseName", s, plain, err, plainOracle)
		escaped, err := vfs.ParseEscapedPath(s)
		check(t, "ParseEscapedPath", s, escaped, err, escapedOracle)
		if len(s) < 3 {
			if err == nil {
				accepted.Store(s, true)
			} else {
				refused.Store(vfs.ReasonOf(err), true)
			}
		}
	})
	if _, ok := accepted.Load("aa"); !ok {
		t.Error(`"aa" was refused`)
	}
	if _, ok := refused.Load(reason.NameDotDot); !ok {
		t.Error(`".." was not seen`)
	}
}

func check(t *testing.T, parser, s string, n vfs.Name, err error, oracle func(string) (string, bool)) {
	want, ok := oracle(s)
	switch {
	case ok != (err == nil):
		t.Errorf("%s(%q) = %q, %v; allowed by the oracle: %t", parser, s, n, err, ok)
	case !ok:
		if !n.IsZero() || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s(%q) = %q, %v", parser, s, n, err)
		}
	case n.String() != want || path.Join("/jail", want) != "/jail/"+want:
		t.Errorf("%s(%q) = %q, want %q", parser, s, n, want)
	}
}

// A source is a backend over the tree of plantTree.
type source struct {
	name    string
	backend vfs.Backend
}

const canary = "CANARY"

// plantTree writes a tree whose names are strings over the alphabet to dir/root, and a
// canary in every place that clients must not reach: beside the root, under a deny and
// in dot files. It returns the names to be served.
func plantTree(t *testing.T, write func(name, content string)) (served []string) {
	t.Helper()
	served = []string{"a", "e/a", "e/e/e", "%2e", "a..", "5/%2f", "f/c.f", "2e2f", "%25"}
	for _, n := range served {
		write("root/"+n, "served "+n)
	}
	for _, n := range []string{"a", "c", "2", "e.a", "root/.a", "root/..a", "root/.../a", "root/c/a", "root/f/.e"} {
		write(n, canary)
	}
	return served
}

// everyStringThroughJails sends all strings up to length through both parsers and a
// Jail over each source. It demands equal results, no canary, and that every name in
// served that is short enough is read.
func everyStringThroughJails(t *testing.T, length int, served []string, sources []source) {
	t.Helper()
	policy := vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("C")}
	jails := make([]*vfs.Jail, len(sources))
	for i, s := range sources {
		jails[i] = mustJail(t, s.backend, policy)
	}
	var mu sync.Mutex
	missing := map[string]bool{}
	for _, s := range served {
		missing[s] = len(s) <= length
	}
	everyString(length, func(s string) {
		for _, parse := range []func(string) (vfs.Name, error){vfs.ParseName, vfs.ParseEscapedPath} {
			n, err := parse(s)
			if err != nil {
				n = vfs.Name{}
			}
			first := fetch(t, jails[0], n)
			if strings.Contains(first, canary) {
				t.Errorf("%s: %q leads to the canary", sources[0].name, s)
			}
			for i := 1; i < len(jails); i++ {
				if other := fetch(t, jails[i], n); other != first {
					t.Errorf("%q: %s says %q, %s says %q", s, sources[0].name, first, sources[i].name, other)
				}
			}
			if first == "served "+n.String() {
				mu.Lock()
				delete(missing, n.String())
				mu.Unlock()
			}
		}
	})
	for s, overdue := range missing {
		if overdue {
			t.Errorf("%q was never served", s)
		}
	}
}

// fetch returns an object's content, or the reason why there is none.
func fetch(t *testing.T, j *vfs.Jail, n vfs.Name) string {
	obj, err := j.Get(t.Context(), n, vfs.Request{})
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", n, err)
		}
		return string(vfs.ReasonOf(err))
	}
	defer obj.Body.Close()
	data, err := io.ReadAll(obj.Body)
	if err != nil {
		t.Errorf("%q: %v", n, err)
	}
	return string(data)
}

func TestEveryShortStringThroughJails(t *testing.T) {
	m := mapFS()
	held := map[string]string{}
	served := plantTree(t, func(name, content string) {
		m[name] = &fstest.MapFile{Data: []byte(content)}
		if inRoot, ok := strings.CutPrefix(name, "root/"); ok {
			held[inRoot] = content
		}
	})
	inMap, err := fs.Sub(m, "root")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	plantTree(t, func(name, content string) {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	})
	longest := 5
	if length.Short() {
		longest = 4
	}
	onDisk, err := disk.New(filepath.Join(dir, "root"), disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer onDisk.Close()
	inMemory, err := mem.FromMap(held)
	if err != nil {
		t.Fatal(err)
	}
	everyStringThroughJails(t, longest, served, []source{
		{"map", vfs.FromFS(inMap)}, {"disk", onDisk}, {"mem", inMemory},
		{"directory", vfs.FromFS(os.DirFS(filepath.Join(dir, "root")))},
	})
	// Prove the attack: without the jail, a joined name reaches the canary.
	if data, err := os.ReadFile(filepath.Join(dir, "root", "../a")); err != nil || string(data) != canary {
		t.Errorf("the control read %q, %v", data, err)
	}
}
