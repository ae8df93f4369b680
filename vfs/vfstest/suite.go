package vfstest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A Tree is what a backend under test must contain. It implies the directories that the
// names need.
type Tree struct {
	Files map[string]string // contents by name; every name is a valid vfs.Name

	// Links are the texts of symbolic links, by the link's name. The suite fills it
	// only if Options.Links is set.
	Links map[string]string

	// Special are the names of FIFOs. The suite fills it only if Options.Special is
	// set.
	Special []string

	// Raw are contents by invalid names, from Options.Raw.
	Raw map[string]string
}

// Options say what a backend's opener can plant, and what the backend is known not to
// do. The zero value asks for everything that can be tested with files alone.
type Options struct {
	// Links: the opener plants Tree.Links. Special: it plants Tree.Special.
	Links, Special bool

	// Raw lists names outside the grammar that the opener can plant, such as
	// "raw/back\\slash" on Unix or "raw/../x" in a bucket. All of them are below
	// "raw/". The backend must neither serve them under another name nor fail because
	// of them.
	Raw []string

	// OpenAt opens the directory prefix of a larger tree as a backend of its own. If it
	// is set, the whole suite runs a second time with it, and no byte or name from
	// outside the prefix may appear.
	OpenAt func(t *testing.T, tree Tree, prefix string) vfs.Backend

	// Unholdable reports whether the backend cannot safely store a name; nil means that
	// it can store all. Such names are not planted, and a request for one must fail
	// with an error that matches fs.ErrNotExist. A disk that folds case can safely
	// store only one case of a name, so there Unholdable must report the other cases.
	Unholdable func(name string) bool

	// Weaknesses are the checks that the backend fails by its nature, each with the
	// reason, a sentence written for users. The suite skips these checks and logs the
	// reason. An unknown check is an error.
	Weaknesses map[string]string
}

// TestBackend checks the whole contract of [vfs.Backend]. It calls open once per check,
// each time with another tree; open returns a backend that contains exactly that tree.
// To close something, open uses t.Cleanup.
//
// The checks of writing run only if Caps.Writable is set.
func TestBackend(t *testing.T, open func(t *testing.T, tree Tree) vfs.Backend, opts Options) {
	t.Helper()
	if err := opts.check(); err != nil {
		t.Fatal(err)
	}
	runAll := func(t *testing.T, openTree func(t *testing.T, tree Tree) vfs.Backend) {
		for _, c := range checks {
			t.Run(c.name, func(t *testing.T) {
				if why, ok := opts.Weaknesses[c.name]; ok {
					t.Logf("declared weakness, not checked: %s", why)
					return
				}
				p := newProbe(&opts)
				p.run(t.Context(), c, func(tree Tree) (vfs.Backend, error) { return openTree(t, tree), nil })
				errs, notes := p.result()
				for _, note := range notes {
					t.Log(note)
				}
				for _, err := range errs {
					t.Error(err)
				}
			})
		}
	}
	runAll(t, open)
	if opts.OpenAt != nil {
		t.Run("under a prefix", func(t *testing.T) {
			runAll(t, func(t *testing.T, tree Tree) vfs.Backend {
				return opts.OpenAt(t, surround(tree), prefix)
			})
		})
	}
}

// CheckBackend is TestBackend without a *testing.T: it returns all failures, joined,
// each beginning with the name of its check. It ignores Options.OpenAt; an open
// function that uses a prefix does the same.
func CheckBackend(ctx context.Context, open func(tree Tree) (vfs.Backend, error), opts Options) error {
	if err := opts.check(); err != nil {
		return err
	}
	var errs []error
	for _, c := range checks {
		if _, ok := opts.Weaknesses[c.name]; ok {
			continue
		}
		p := newProbe(&opts)
		p.run(ctx, c, open)
		failures, _ := p.result()
		for _, err := range failures {
			errs = append(errs, fmt.Errorf("%s: %w", c.name, err))
		}
	}
	return errors.Join(errs...)
}

// CheckNames returns the names of all checks, as used in Options.Weaknesses.
func CheckNames() []string {
	names := make([]string, len(checks))
	for i, c := range checks {
		names[i] = c.name
	}
	return names
}

// A check is one test of a backend that contains tree(opts).
type check struct {
	name string
	tree func(opts *Options) Tree
	run  func(p *probe)
}

// checks are in the order in which failures are best fixed.
var checks = []check{
	{"reading", readTree, checkReading},
	{"stat", readTree, checkStat},
	{"ranges", readTree, checkRanges},
	{"conditions", readTree, checkConditions},
	{"body", readTree, checkBody},
	{"file", readTree, checkFile},
	{"missing", readTree, checkMissing},
	{"directories", readTree, checkDirectories},
	{"names", legalTree, checkNames},
	{"zero name", readTree, checkZeroName},
	{"list", listTree, checkList},
	{"list after", listTree, checkListAfter},
	{"list nothing", readTree, checkListNothing},
	{"list empty", emptyTree, checkListEmpty},
	{"walk", listTree, checkWalk},
	{"links", linkTree, checkLinks},
	{"special files", specialTree, checkSpecial},
	{"raw names", rawTree, checkRaw},
	{"cancel", bigTree, checkCancel},
	{"concurrency", listTree, checkConcurrency},
	{"io/fs", listTree, checkFS},
	{"read-only", readTree, checkReadOnly},
	{"put", readTree, checkPut},
	{"put time", readTree, checkPutTime},
	{"put conditions", readTree, checkPutConditions},
	{"put failures", readTree, checkPutFailures},
	{"put names", legalTree, checkPutNames},
	{"put races", emptyTree, checkPutRaces},
	{"put versions", emptyTree, checkPutVersions},
	{"put while reading", bigTree, checkPutWhileReading},
	{"remove", readTree, checkRemove},
	{"copy", readTree, checkCopy},
	{"move", readTree, checkMove},
	{"move to another spelling", emptyTree, checkMoveSpelling},
	{"move races", emptyTree, checkMoveRaces},
}

func (o *Options) check() error {
	known := map[string]bool{}
	for _, c := range checks {
		known[c.name] = true
	}
	for name := range o.Weaknesses {
		if !known[name] {
			return fmt.Errorf("vfstest: Options.Weaknesses: there is no check %q", name)
		}
	}
	for _, raw := range o.Raw {
		if !strings.HasPrefix(raw, "raw/") {
			return fmt.Errorf("vfstest: Options.Raw: %q is not below raw/", raw)
		}
	}
	return nil
}

func (o *Options) holds(name string) bool { return o.Unholdable == nil || !o.Unholdable(name) }

// A probe is one running check.
type probe struct {
	ctx  context.Context
	b    vfs.Backend
	caps vfs.Caps
	opts *Options
	tree Tree

	mu    sync.Mutex
	errs  []error
	notes []string
}

func newProbe(opts *Options) *probe { return &probe{opts: opts} }

// patience is how long one check may take before it counts as blocked. A backend that
// opens a FIFO blocks forever, and the suite has to report it.
const patience = 2 * time.Minute

func (p *probe) run(ctx context.Context, c check, open func(tree Tree) (vfs.Backend, error)) {
	p.tree = c.tree(p.opts)
	b, err := open(p.tree)
	if err != nil {
		p.errorf("opening: %w", err)
		return
	}
	if b == nil {
		p.errorf("opening: no backend")
		return
	}
	p.b, p.caps = b, b.Caps()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p.ctx = ctx
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if v := recover(); v != nil {
				p.errorf("panic: %v\n%s", v, debug.Stack())
			}
		}()
		c.run(p)
		if p.b.Caps() != p.caps {
			p.errorf("Caps changed from %+v to %+v", p.caps, p.b.Caps())
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
		p.errorf("blocked: %w", context.Cause(ctx))
	}
}

func (p *probe) errorf(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.errs = append(p.errs, fmt.Errorf(format, args...))
}

func (p *probe) notef(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

// result returns the findings. A blocked check may find more later, which is discarded.
func (p *probe) result() (errs []error, notes []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.errs), slices.Clone(p.notes)
}

// prefix is the directory for surround. Its space and its two elements show whether a
// backend escapes and splits it properly.
const prefix = "under a/prefix"

// surround moves tree below prefix and plants canaries beside it, to detect a backend
// that forgets the prefix or its last slash.
func surround(tree Tree) Tree {
	out := Tree{Files: map[string]string{}, Links: map[string]string{}, Raw: map[string]string{}}
	move := func(to, from map[string]string) {
		for name, s := range from {
			to[prefix+"/"+name] = s
		}
	}
	move(out.Files, tree.Files)
	move(out.Links, tree.Links)
	move(out.Raw, tree.Raw)
	for _, name := range tree.Special {
		out.Special = append(out.Special, prefix+"/"+name)
	}
	maps.Copy(out.Files, map[string]string{
		"outside.txt":                 Canary,
		"under a/outside.txt":         Canary,
		prefix + "-secret/canary.txt": Canary,
		prefix + "secret.txt":         Canary,
		prefix + ".txt":               Canary,
		"under a/prefi":               Canary,
	})
	return out
}
