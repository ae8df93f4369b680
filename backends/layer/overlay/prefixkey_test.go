package overlay_test

import (
	"errors"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/layer/overlay"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// In a bucket, "a" may be beside "a/c". In a directory over it, an object or whiteout "a"
// hides all below it, too, and a directory the object. No change of one name hides others.
func TestKeyBesideItsPrefix(t *testing.T) {
	lower := func(t *testing.T) vfs.Backend { return newObjects(t, "2", "a", "a/c") }
	t.Run("the object", func(t *testing.T) {
		b := layer(t, overlay.Options{}, store(t, "1"), lower(t))
		for _, cond := range []vfs.Cond{{}, {IfMatch: vfs.Tags{Any: true}}} {
			if err := put(t, b, "a", "new", cond); vfs.ReasonOf(err) != reason.Directory {
				t.Errorf("Put: %v", err)
			}
		}
		if err := b.Remove(t.Context(), name(t, "a"), vfs.Cond{}); !errors.Is(err, vfs.ErrUnsupported) {
			t.Errorf("Remove: %v", err)
		}
		if got := read(t, b, "a/c"); got != "2 a/c" {
			t.Errorf("a/c: %s", got)
		}
		remove(t, b, "a/c")
		remove(t, b, "a")
		if got := list(t, b, ".", ""); got != "" {
			t.Errorf("the top lists %q", got)
		}
	})
	t.Run("a new directory above it", func(t *testing.T) {
		b := layer(t, overlay.Options{}, store(t, "1"), lower(t))
		if err := put(t, b, "a/b", "new", vfs.Cond{}); vfs.ReasonOf(err) != reason.Missing {
			t.Errorf("Put: %v", err)
		}
		if got := read(t, b, "a") + ", " + read(t, b, "a/c"); got != "2 a, 2 a/c" {
			t.Errorf("a, a/c: %s", got)
		}
	})
	t.Run("a directory above it", func(t *testing.T) {
		b := layer(t, overlay.Options{}, store(t, "1", "a/b"), lower(t))
		remove(t, b, "a/b")
		if got := read(t, b, "a/c"); got != "2 a/c" {
			t.Errorf("a/c: %s", got)
		}
	})
}
