package vfs_test

import (
	"context"
	"io"
	"iter"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// everything is a backend in which every name is an object. It counts calls. It has no
// directories; List yields entries.
type everything struct {
	driver.Unsupported
	calls   atomic.Int64
	last    atomic.Value // string, the name of the last call
	entries []vfs.Entry
}

const everythingBody = "something"

func (b *everything) Caps() vfs.Caps { return vfs.Caps{Kind: "everything"} }

func (b *everything) touch(n vfs.Name) vfs.Info {
	b.calls.Add(1)
	b.last.Store(n.String())
	return vfs.Info{Name: n, Size: int64(len(everythingBody)), ETag: "v1", ModTime: time.Unix(1e9, 0)}
}

func (b *everything) Open(_ context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	info := b.touch(n)
	span, err := req.Resolve("open", info)
	if err != nil {
		return nil, err
	}
	body := strings.NewReader(everythingBody[span.Offset : span.Offset+span.Length])
	return &vfs.Object{Info: info, Span: span, Body: io.NopCloser(body)}, nil
}

func (b *everything) Stat(_ context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	info := b.touch(n)
	_, err := req.Resolve("stat", info)
	return info, err
}

func (b *everything) List(_ context.Context, dir vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		b.touch(dir)
		for _, e := range b.entries {
			if e.Key() > after && !yield(e, nil) {
				return
			}
		}
	}
}

// mustName parses a name that must be valid.
func mustName(t testing.TB, s string) vfs.Name {
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

func mustJail(t testing.TB, b vfs.Backend, p vfs.Policy) *vfs.Jail {
	t.Helper()
	j, err := vfs.New(b, p)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// judge returns a policy's verdict on reading a name.
func judge(t testing.TB, p vfs.Policy, name string) vfs.Verdict {
	t.Helper()
	return mustJail(t, &everything{}, p).Explain(t.Context(), vfs.OpRead, mustName(t, name))
}

// mapFS makes a tree in which every file holds its own name.
func mapFS(names ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for _, n := range names {
		m[n] = &fstest.MapFile{Data: []byte(n), Mode: 0o444, ModTime: time.Unix(1e9, 0)}
	}
	return m
}

// keys lists a directory and fails the test on an error.
func keys(t testing.TB, j *vfs.Jail, dir, after string) []string {
	t.Helper()
	var got []string
	for e, err := range j.List(t.Context(), mustName(t, dir), after) {
		if err != nil {
			t.Fatalf("List(%s, %q): %v (%s)", dir, after, err, vfs.ReasonOf(err))
		}
		got = append(got, e.Key())
	}
	return got
}
