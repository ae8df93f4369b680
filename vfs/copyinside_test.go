package vfs_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A copierBackend copies inside its store, unless it refuses to.
type copierBackend struct {
	*mem.Backend
	refuses bool
	copied  []string
}

func (c *copierBackend) Caps() vfs.Caps {
	caps := c.Backend.Caps()
	caps.Copies = true
	return caps
}

func (c *copierBackend) CopyFrom(ctx context.Context, n vfs.Name, src vfs.Backend, from vfs.Info, opts vfs.PutOptions) (vfs.Info, error) {
	if c.refuses {
		return vfs.Info{}, vfs.ErrUnsupported
	}
	c.copied = append(c.copied, from.Name.String()+" "+n.String())
	return c.Put(ctx, n, strings.NewReader("COPY"), opts)
}

// A store that can copy does so only under the rules of both jails. If it refuses, the
// bytes are copied.
func TestCopyInside(t *testing.T) {
	objects, err := mem.FromMap(map[string]string{"pub/a": "seed", "hidden": "secret"})
	if err != nil {
		t.Fatal(err)
	}
	store := &copierBackend{Backend: objects}
	src, err := vfs.New(store, vfs.Policy{Allow: vfs.Patterns("pub/**")})
	if err != nil {
		t.Fatal(err)
	}
	dst, err := vfs.New(store, vfs.Policy{Allow: vfs.Patterns("out/**")})
	if err != nil {
		t.Fatal(err)
	}
	w, err := dst.Copy(t.Context(), name(t, "out/a"), src, name(t, "pub/a"), vfs.PutOptions{})
	if err != nil || w.Info.Rule != "out/**" || len(store.copied) != 1 || content(t, dst, "out/a") != "COPY" {
		t.Errorf("Copy: %+v, %v, %q", w, err, store.copied)
	}
	for _, c := range [][2]string{{"pub/a", "elsewhere"}, {"hidden", "out/b"}, {"pub/missing", "out/b"}, {"pub/a", "out/A"}, {"pub/a", "out/aux.txt"}} {
		if _, err := dst.Copy(t.Context(), name(t, c[1]), src, name(t, c[0]), vfs.PutOptions{}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Copy of %s to %s: %v", c[0], c[1], err)
		}
	}
	if len(store.copied) != 1 {
		t.Errorf("the store copied %q", store.copied)
	}
	store.refuses = true
	if _, err := dst.Copy(t.Context(), name(t, "out/c"), src, name(t, "pub/a"), vfs.PutOptions{}); err != nil || content(t, dst, "out/c") != "seed" {
		t.Errorf("Copy if the store refuses: %v, %q", err, content(t, dst, "out/c"))
	}
}
