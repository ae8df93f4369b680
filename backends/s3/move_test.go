package s3_test

import (
	"errors"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/layer/cache"
	"github.com/bailiwick-fs/bailiwick/backends/layer/mount"
	"github.com/bailiwick-fs/bailiwick/backends/layer/overlay"
	"github.com/bailiwick-fs/bailiwick/backends/layer/prefix"
	"github.com/bailiwick-fs/bailiwick/backends/layer/retry"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// otherAPI is another way to the same bucket, like a second endpoint of the service.
type otherAPI struct{ *fake }

// A move removes the version that it has copied. On S3 the copy is that version, with the
// same ETag, if both names lead to one key, through whatever layers and clients. So the move
// is refused, and nothing is lost.
func TestMoveOntoOneKey(t *testing.T) {
	f := newFake(map[string]string{"t/x": "data", "low/y": "data"})
	over := func(b vfs.Backend, err error) *vfs.Jail {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		j, err := vfs.New(b, vfs.Policy{Allow: vfs.Patterns("**")})
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	b := newBackend(t, f, s3.Options{Writable: true})
	low := newBackend(t, f, s3.Options{Writable: true, Prefix: "low"})
	dir, err := prefix.New(b, name("t"))
	if err != nil {
		t.Fatal(err)
	}
	keeping, err := cache.New(dir, t.TempDir(), cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keeping.Close() })
	bucket, tenant, cached := over(b, nil), over(dir, nil), over(keeping, nil)
	nested := over(newBackend(t, f, s3.Options{Writable: true, Prefix: "t"}), nil)
	other := over(newBackend(t, otherAPI{f}, s3.Options{Writable: true, Prefix: "t"}), nil)
	mounted := over(mount.New(mem.New(), mount.Point{At: "b", Backend: b}, mount.Point{At: "t", Backend: retry.New(dir, retry.Options{})}))
	laid := over(overlay.New([]vfs.Backend{dir, low}, overlay.Options{}))
	for _, c := range []struct {
		what     string
		to       *vfs.Jail
		toName   string
		from     *vfs.Jail
		fromName string
	}{
		{"two mount points of one store", mounted, "t/x", mounted, "b/t/x"},
		{"two mount points of one store, back", mounted, "b/t/x", mounted, "t/x"},
		{"a mount point and the store", mounted, "b/t/x", bucket, "t/x"},
		{"a directory and the whole store", tenant, "x", bucket, "t/x"},
		{"the whole store and a directory", bucket, "t/x", tenant, "x"},
		{"a prefix of the backend", nested, "x", bucket, "t/x"},
		{"a prefix of the backend and a directory", tenant, "x", nested, "x"},
		{"another client", other, "x", bucket, "t/x"},
		{"a cache", cached, "x", bucket, "t/x"},
		{"below a cache", bucket, "t/x", cached, "x"},
		{"the top of an overlay", laid, "x", bucket, "t/x"},
		{"below an overlay", bucket, "t/x", laid, "x"},
		{"from below an overlay to its top", bucket, "t/y", laid, "y"},
	} {
		_, err := c.to.Move(t.Context(), name(c.toName), c.from, name(c.fromName), vfs.PutOptions{})
		if !errors.Is(err, vfs.ErrUnsupported) {
			t.Errorf("%s: %v, want ErrUnsupported", c.what, err)
		}
		if _, err := c.from.Head(t.Context(), name(c.fromName), vfs.Request{}); err != nil {
			t.Errorf("%s: the object is gone: %v", c.what, err)
		}
		f.put("t/x", "data")
		f.put("low/y", "data")
	}
	// Another key of the store may have the same content.
	f.put("t/z", "data")
	if _, err := tenant.Move(t.Context(), name("z"), bucket, name("t/x"), vfs.PutOptions{}); err != nil {
		t.Errorf("over an equal object: %v", err)
	}
	if _, there := f.object("t/x"); there {
		t.Error("the object still has its old name")
	}
}
