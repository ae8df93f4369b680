package vfstest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// Without a fault, the layer behaves like the backend below it.
func TestFaultsIsABackend(t *testing.T) {
	vfstest.TestBackend(t, func(t *testing.T, tree vfstest.Tree) vfs.Backend {
		return vfstest.NewFaults(vfstest.NewFaults(newReference(tree)))
	}, vfstest.Options{})
}

// errBoom has a text that no client may see.
var errBoom = errors.New("boom at /srv/secret/bucket")

var faultTree = vfstest.Tree{
	Files: map[string]string{"docs/a.txt": "contents of a", "docs/deep/b.txt": "contents of b", "top.txt": "top"},
	Links: map[string]string{"link": "docs", "docs/link.txt": "a.txt"},
}

// Every call of every operation fails once. errors.Is must find the injected error, but
// its text must not be printed.
func TestEveryCallFails(t *testing.T) {
	name := func(s string) vfs.Name { return must(vfs.ParseName(s)) }
	operations := map[string]func(ctx context.Context, j *vfs.Jail) error{
		"Get": func(ctx context.Context, j *vfs.Jail) error {
			obj, err := j.Get(ctx, name("docs/a.txt"), vfs.Request{})
			if err != nil {
				return err
			}
			return obj.Body.Close()
		},
		"Get through links": func(ctx context.Context, j *vfs.Jail) error {
			obj, err := j.Get(ctx, name("link/link.txt"), vfs.Request{})
			if err != nil {
				return err
			}
			return obj.Body.Close()
		},
		"Head": func(ctx context.Context, j *vfs.Jail) error {
			_, err := j.Head(ctx, name("top.txt"), vfs.Request{})
			return err
		},
		"HeadDir": func(ctx context.Context, j *vfs.Jail) error { return j.HeadDir(ctx, name("docs/deep")) },
		"List": func(ctx context.Context, j *vfs.Jail) error {
			for _, err := range j.List(ctx, name("docs/deep"), "") {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"Scan": func(ctx context.Context, j *vfs.Jail) error {
			for f, err := range j.Scan(ctx) {
				if err != nil {
					return err
				}
				// A directory or link that cannot be read does not end a scan; it is a
				// finding.
				if f.Reason == reason.Permission || f.Reason == reason.Missing {
					return errBoom
				}
			}
			return nil
		},
		"Open": func(ctx context.Context, j *vfs.Jail) error {
			f, err := j.WithContext(ctx).Open("docs/a.txt")
			if err != nil {
				return err
			}
			_, err = io.ReadAll(f)
			return errors.Join(err, f.Close())
		},
		"ReadFile": func(ctx context.Context, j *vfs.Jail) error {
			_, err := fs.ReadFile(j.WithContext(ctx), "docs/a.txt")
			return err
		},
		"ReadDir": func(ctx context.Context, j *vfs.Jail) error {
			_, err := fs.ReadDir(j.WithContext(ctx), "docs/deep")
			return err
		},
		"WalkDir": func(ctx context.Context, j *vfs.Jail) error {
			return fs.WalkDir(j.WithContext(ctx), "docs/deep", func(_ string, _ fs.DirEntry, err error) error { return err })
		},
	}
	for what, operation := range operations {
		t.Run(what, func(t *testing.T) {
			failures := 0
			for _, op := range []string{"open", "stat", "list", "entry", "read"} {
				for n := 1; ; n++ {
					hit := false
					fault := vfstest.Fault{Op: op, Call: n, Err: errBoom, Do: func() { hit = true }}
					b := vfstest.NewFaults(vfs.FromFS(mapFS(faultTree)), fault)
					j := must(vfs.New(b, vfs.Policy{Allow: vfs.Patterns("**"), Symlinks: vfs.SymlinksInside}))
					err := operation(t.Context(), j)
					if !hit {
						if err != nil {
							t.Errorf("without a fault: %v", err)
						}
						break
					}
					failures++
					if !errors.Is(err, errBoom) {
						t.Errorf("%v: the error was lost: %v", b, err)
					} else if err != errBoom && strings.Contains(err.Error(), "boom") {
						t.Errorf("%v: the error reveals the cause: %v", b, err)
					}
				}
			}
			if failures == 0 {
				t.Error("no call failed: the test proves nothing")
			}
		})
	}
}

// A refused name costs no call of the backend.
func TestRefusedNamesCostNoCall(t *testing.T) {
	b := vfstest.NewFaults(vfs.FromFS(mapFS(vfstest.Fixture())))
	j := must(vfs.New(b, vfstest.FixturePolicy()))
	for _, a := range vfstest.Attacks() {
		b.Reset()
		_, err := get(t, j, a.Raw)
		calls := b.Calls()
		if step := vfs.ReasonOf(err).Step(); (step == "name" || step == "policy") != (calls == 0) {
			t.Errorf("%s: reason %q, %d calls of the backend", a.Name, a.Reason, calls)
		}
	}
	b.Reset()
	if _, err := get(t, j, "public/ok.txt"); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"open": 1, "read": 1, "close": 1}
	got := b.Counts()
	got["read"] = min(got["read"], 1)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestFaultKinds(t *testing.T) {
	open := func(faults ...vfstest.Fault) *vfs.Object {
		t.Helper()
		b := vfstest.NewFaults(newReference(faultTree), faults...)
		return must(b.Open(t.Context(), must(vfs.ParseName("docs/a.txt")), vfs.Request{}))
	}
	t.Run("short", func(t *testing.T) {
		obj := open(vfstest.ShortRead(4))
		if data, err := io.ReadAll(obj.Body); string(data) != "cont" || err != nil || obj.Span.Length != 13 {
			t.Errorf("%q, %v of %d bytes", data, err, obj.Span.Length)
		}
	})
	t.Run("changed", func(t *testing.T) {
		if data, err := io.ReadAll(open(vfstest.Changed(4)).Body); string(data) != "cont" || !errors.Is(err, vfs.ErrChanged) {
			t.Errorf("%q, %v", data, err)
		}
	})
	t.Run("slow", func(t *testing.T) {
		until, came := make(chan struct{}), make(chan struct{})
		obj := open(vfstest.Fault{Op: "read", Call: 1, Until: until, Do: func() { close(came) }})
		done := make(chan string)
		go func() {
			data, err := io.ReadAll(obj.Body)
			done <- fmt.Sprint(string(data), err)
		}()
		<-came
		select {
		case got := <-done:
			t.Errorf("the read did not wait: %s", got)
		default:
		}
		close(until)
		if got := <-done; got != "contents of a<nil>" {
			t.Error(got)
		}
	})
	t.Run("slow until canceled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		b := vfstest.NewFaults(newReference(faultTree), vfstest.Fault{Op: "stat", Until: make(chan struct{}), Do: cancel})
		if _, err := b.Stat(ctx, must(vfs.ParseName("top.txt")), vfs.Request{}); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	t.Run("second of a name", func(t *testing.T) {
		b := vfstest.NewFaults(newReference(faultTree), vfstest.Fault{Name: "top.txt", Call: 2, Err: errBoom})
		for i, n := range []string{"top.txt", "docs/a.txt", "top.txt", "top.txt"} {
			_, err := b.Stat(t.Context(), must(vfs.ParseName(n)), vfs.Request{})
			if (err != nil) != (i == 2) {
				t.Errorf("call %d: %v", i+1, err)
			}
		}
	})
	t.Run("body of a put", func(t *testing.T) {
		b := vfstest.NewFaults(newReference(vfstest.Tree{}), vfstest.Fault{Op: "body", After: 2, Err: errBoom})
		n := must(vfs.ParseName("new"))
		if _, err := b.Put(t.Context(), n, strings.NewReader("contents"), vfs.PutOptions{}); !errors.Is(err, errBoom) {
			t.Error(err)
		}
		if _, err := b.Stat(t.Context(), n, vfs.Request{}); !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	})
	t.Run("prints", func(t *testing.T) {
		b := vfstest.NewFaults(vfstest.NewFaults(newReference(faultTree), vfstest.FailCall(3, io.ErrNoProgress)),
			vfstest.ShortRead(10), vfstest.FailOp("stat", fs.ErrPermission), vfstest.Slow("list", make(chan struct{})), vfstest.Fault{})
		const want = `reference with faults {call 3: fail with "multiple Read calls return no data or error"}` +
			` with faults {read after 10 bytes: end early; stat: fail with "permission denied"; list: wait; any call: nothing}`
		if got := b.String(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}
