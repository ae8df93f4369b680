package observe_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/backends/observe"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// An observed backend passes the same suite.
func TestBackend(t *testing.T) {
	vfstest.TestBackend(t, func(t *testing.T, tree vfstest.Tree) vfs.Backend {
		b, err := mem.FromMap(tree.Files)
		if err != nil {
			t.Fatal(err)
		}
		return observe.New(b, func(observe.Call) {})
	}, vfstest.Options{})
}

// A heard records the reported calls, without their durations.
type heard struct {
	mu    sync.Mutex
	calls []string
}

func (h *heard) tell(c observe.Call) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.Duration < 0 {
		panic("a call that took less than no time")
	}
	h.calls = append(h.calls, fmt.Sprint(c.Kind, " ", c.Op, " ", c.Outcome))
}

func TestCalls(t *testing.T) {
	inner, err := mem.FromMap(map[string]string{"a": "data", "b": "data"})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	over, cancel := context.WithCancel(ctx)
	cancel()
	name := func(s string) vfs.Name {
		n, err := vfs.ParseName(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for want, call := range map[string]func(vfs.Backend){
		"open ok": func(b vfs.Backend) {
			obj, err := b.Open(ctx, name("a"), vfs.Request{})
			if err != nil {
				t.Fatal(err)
			}
			obj.Body.Close()
		},
		"open missing":  func(b vfs.Backend) { b.Open(ctx, name("none"), vfs.Request{}) },
		"open canceled": func(b vfs.Backend) { b.Open(over, name("a"), vfs.Request{}) },
		"stat ok":       func(b vfs.Backend) { b.Stat(ctx, name("a"), vfs.Request{}) },
		"put ok":        func(b vfs.Backend) { b.Put(ctx, name("c"), strings.NewReader("x"), vfs.PutOptions{}) },
		"put condition": func(b vfs.Backend) {
			b.Put(ctx, name("a"), strings.NewReader("x"), vfs.PutOptions{Cond: vfs.Cond{IfNoneMatch: vfs.Tags{Any: true}}})
		},
		"remove ok": func(b vfs.Backend) { b.Remove(ctx, name("b"), vfs.Cond{}) },
		"list ok": func(b vfs.Backend) {
			for range b.List(ctx, vfs.Root, "") {
				break
			}
		},
		"list missing": func(b vfs.Backend) {
			for range b.List(ctx, name("none"), "") {
			}
		},
	} {
		t.Run(want, func(t *testing.T) {
			h := new(heard)
			call(observe.New(inner, h.tell))
			if want := []string{"mem " + want}; !slices.Equal(h.calls, want) {
				t.Errorf("told %q, want %q", h.calls, want)
			}
		})
	}
}

func TestOutcomes(t *testing.T) {
	for want, err := range map[observe.Outcome]error{
		observe.OK:          nil,
		observe.Missing:     &vfs.Error{Reason: reason.Missing},
		observe.Condition:   &vfs.Error{Err: vfs.ErrNotModified},
		observe.Changed:     &vfs.Error{Err: vfs.ErrChanged},
		observe.Canceled:    &vfs.Error{Err: context.DeadlineExceeded},
		observe.Unavailable: &vfs.Error{Err: vfs.ErrUnavailable},
		observe.Full:        &vfs.Error{Err: vfs.ErrFull},
		observe.Failed:      errors.New("disk on fire"),
	} {
		if got := observe.OutcomeOf(err); got != want {
			t.Errorf("%v is %q, want %q", err, got, want)
		}
	}
}

// Object.File is passed on, so that a server can pass it to sendfile.
func TestFileStays(t *testing.T) {
	dir := t.TempDir()
	big := bytes.Repeat([]byte("data"), 1<<18) // disk reads small files at once
	if err := os.WriteFile(filepath.Join(dir, "a"), big, 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := disk.New(dir, disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	n, err := vfs.ParseName("a")
	if err != nil {
		t.Fatal(err)
	}
	obj, err := observe.New(d, func(observe.Call) {}).Open(t.Context(), n, vfs.Request{})
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Body.Close()
	if obj.File == nil {
		t.Error("the file was lost")
	} else if data, err := io.ReadAll(obj.File); err != nil || !bytes.Equal(data, big) {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}
