package copier

import (
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Where a target folds case, neither mv nor sync --delete loses an object whose name differs
// from another one only in case.
func TestFoldingTarget(t *testing.T) {
	for _, tt := range []struct {
		what         string
		opts         Options
		here, there  []string
		fails        bool
		stays, leads []string // at the source, at the target
	}{
		{"mv of another file", Options{Move: true}, []string{"makefile"}, []string{"Makefile"}, true, []string{"makefile"}, []string{"Makefile=there"}},
		{"mv of two", Options{Move: true}, []string{"Makefile", "makefile"}, nil, true, []string{"makefile"}, []string{"Makefile=here"}},
		{"mv below", Options{Move: true}, []string{"Docs/a", "docs/b"}, nil, true, []string{"docs/b"}, []string{"Docs/a=here"}},
		{"mv into its own", Options{Move: true}, []string{"Docs/a", "Docs/b", "c"}, []string{"Docs/old", "c"}, false, nil, []string{"Docs/a=here", "Docs/b=here", "Docs/old=there", "c=here"}},
		{"sync after a renaming", Options{Delete: true}, []string{"readme", "x"}, []string{"README", "old"}, true, []string{"readme", "x"}, []string{"README=there", "old=there", "x=here"}},
		{"sync after a renaming of a directory", Options{Delete: true}, []string{"docs/a", "docs/n"}, []string{"Docs/a"}, true, []string{"docs/a", "docs/n"}, []string{"Docs/a=there"}},
		{"sync", Options{Delete: true}, []string{"README", "d/x"}, []string{"README", "d/old"}, false, []string{"README", "d/x"}, []string{"README=here", "d/x=here"}},
	} {
		t.Run(tt.what, func(t *testing.T) {
			source, target := mem.New(), folding{mem.New()}
			for _, name := range tt.here {
				// Not through a Jail: it would refuse a name that is too similar.
				if _, err := source.Put(t.Context(), parse(t, name), strings.NewReader("here"), vfs.PutOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			for _, name := range tt.there {
				put(t, jailOf(t, target), parse(t, name), "there")
			}
			c, said := newRun(t, source, target, tt.opts)
			c.watchSpelling(target)
			err := c.run(t.Context())
			if (err != nil) != tt.fails || tt.fails && !strings.Contains(said.String(), "differs only in case or normal form") {
				t.Errorf("%v, %q", err, said)
			}
			if got := names(t, source, false); !slices.Equal(got, tt.stays) {
				t.Errorf("the source has %q, want %q", got, tt.stays)
			}
			if got := names(t, target, true); !slices.Equal(got, tt.leads) {
				t.Errorf("the target has %q, want %q", got, tt.leads)
			}
		})
	}
}

func parse(t *testing.T, name string) vfs.Name {
	t.Helper()
	n, err := vfs.ParseName(name)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// names lists the objects of b, with their contents if asked for.
func names(t *testing.T, b vfs.Backend, contents bool) (all []string) {
	t.Helper()
	for found, err := range jailOf(t, b).Scan(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		name := found.Path
		if contents {
			obj, err := b.Open(t.Context(), found.Name, vfs.Request{})
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(obj.Body)
			if err := errors.Join(err, obj.Body.Close()); err != nil {
				t.Fatal(err)
			}
			name += "=" + string(data)
		}
		all = append(all, name)
	}
	return all
}

// folding is a backend that folds case, as many disks do: it keeps the spelling of the
// first name, and finds it by any other.
type folding struct{ vfs.Backend }

func (f folding) Caps() vfs.Caps {
	caps := f.Backend.Caps()
	caps.Kind, caps.Walks, caps.Copies = "disk", false, false
	return caps
}

// kept returns the spelling that exists of n, or n where none does.
func (f folding) kept(n vfs.Name) vfs.Name {
	if n.IsRoot() {
		return n
	}
	dir := f.kept(n.Dir())
	elem := n.Base()
	for e, err := range f.Backend.List(context.Background(), dir, "") {
		if err == nil && strings.EqualFold(e.Elem, elem) {
			elem = e.Elem
		}
	}
	n, err := dir.Child(elem)
	if err != nil {
		panic(err)
	}
	return n
}

func (f folding) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	return f.Backend.Open(ctx, f.kept(n), req)
}

func (f folding) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	return f.Backend.Stat(ctx, f.kept(n), req)
}

func (f folding) List(ctx context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return f.Backend.List(ctx, f.kept(dir), after)
}

func (f folding) Put(ctx context.Context, n vfs.Name, body io.Reader, opts vfs.PutOptions) (vfs.Info, error) {
	return f.Backend.Put(ctx, f.kept(n), body, opts)
}

func (f folding) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	return f.Backend.Remove(ctx, f.kept(n), cond)
}
