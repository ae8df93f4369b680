package copier

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// An object is removed only in the version that was copied, and only while the target has
// what was written.
func TestRemoveMoved(t *testing.T) {
	n, err := vfs.ParseName("a")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		what   string
		change func(t *testing.T, c *copyRun)
		want   error
	}{
		{"nothing changed", func(*testing.T, *copyRun) {}, nil},
		{"the source changed", func(t *testing.T, c *copyRun) { put(t, c.source, n, "later") }, errChanged},
		{"the target changed", func(t *testing.T, c *copyRun) { put(t, c.target, n, "other") }, errOtherCopy},
		{"the target is gone", func(t *testing.T, c *copyRun) {
			if _, err := c.target.Remove(t.Context(), n, vfs.Cond{}); err != nil {
				t.Fatal(err)
			}
		}, errOtherCopy},
		{"the source is gone", func(t *testing.T, c *copyRun) {
			if _, err := c.source.Remove(t.Context(), n, vfs.Cond{}); err != nil {
				t.Fatal(err)
			}
		}, fs.ErrNotExist},
	} {
		c := &copyRun{source: jail(t), target: jail(t)}
		here, there := put(t, c.source, n, "first"), put(t, c.target, n, "first")
		tt.change(t, c)
		if err := c.removeMoved(t.Context(), task{from: n, to: n}, &here, &there); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.what, err, tt.want)
		}
		_, err := c.source.Head(t.Context(), n, vfs.Request{})
		if stays := err == nil; stays != (tt.want == errChanged || tt.want == errOtherCopy) {
			t.Errorf("%s: the source has the object: %t", tt.what, stays)
		}
	}
}

// Without an entity tag of the source, nothing shows that the object is still the one that
// was copied. Without one of the target, the bytes are compared.
func TestRemoveMovedUntagged(t *testing.T) {
	n, err := vfs.ParseName("a")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		what      string
		sourceTag bool
		targetHas string
		want      error
	}{
		{"the source has no tag", false, "first", errUntagged},
		{"the target has no tag", true, "first", nil},
		{"the target has no tag and other bytes", true, "other", errOtherCopy},
	} {
		c := &copyRun{source: jail(t), target: jailOf(t, untagged{mem.New()})}
		here, there := put(t, c.source, n, "first"), put(t, c.target, n, tt.targetHas)
		there.ETag = ""
		if !tt.sourceTag {
			here.ETag = ""
		}
		if err := c.removeMoved(t.Context(), task{from: n, to: n}, &here, &there); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.what, err, tt.want)
		}
		_, err := c.source.Head(t.Context(), n, vfs.Request{})
		if stays := err == nil; stays != (tt.want != nil) {
			t.Errorf("%s: the source has the object: %t", tt.what, stays)
		}
	}
}

// untagged is a backend without entity tags.
type untagged struct{ vfs.Backend }

func (u untagged) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	info, err := u.Backend.Stat(ctx, n, req)
	info.ETag = ""
	return info, err
}

func jail(t *testing.T) *vfs.Jail {
	t.Helper()
	return jailOf(t, mem.New())
}

func jailOf(t *testing.T, b vfs.Backend) *vfs.Jail {
	t.Helper()
	j, err := vfs.New(b, vfs.Policy{Allow: vfs.Patterns("**")})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func put(t *testing.T, j *vfs.Jail, n vfs.Name, text string) vfs.Info {
	t.Helper()
	w, err := j.Put(t.Context(), n, strings.NewReader(text), vfs.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return w.Info
}

// An object that is another one while it is read, and then the former again, has the same
// entity tag before and after that on S3. It is moved only if the version that was read is the
// one that is removed.
func TestMovePinsVersions(t *testing.T) {
	a := parse(t, "a")
	holding := func(text string) vfs.Backend {
		b := mem.New()
		if text != "" {
			put(t, jailOf(t, b), a, text)
		}
		return b
	}
	for _, tt := range []struct {
		what           string
		source, target vfs.Backend
		opts           Options
		said           string
	}{
		{"the source while it is copied", swapped{holding("first"), holding("other")}, holding(""), Options{}, "a: it changed during the move"},
		{"the source while it is copied over another", swapped{holding("first"), holding("other")}, holding("older"), Options{}, "a: it changed during the move"},
		{"the source while it is compared", swapped{holding("first"), holding("other")}, holding("other"), Options{}, "a: it changed during the move"},
		{"the source while it is compared for --checksum", swapped{holding("first"), holding("other")}, holding("other"), Options{Checksum: true}, "a: it changed during the move"},
		{"the target while it is compared", holding("first"), swapped{holding("other"), holding("first")}, Options{}, "a: the object at the target is not the one"},
	} {
		tt.opts.Move = true
		c, said := newRun(t, tt.source, tt.target, tt.opts)
		if err := c.run(t.Context()); err == nil || !strings.Contains(said.String(), tt.said) {
			t.Errorf("%s: %v, %q", tt.what, err, said)
		}
		source := tt.source
		if s, ok := source.(swapped); ok {
			source = s.Backend
		}
		if got := names(t, source, true); !slices.Equal(got, []string{"a=first"}) {
			t.Errorf("%s: the source has %q", tt.what, got)
		}
	}
}

// swapped is a backend whose objects have the content of others whenever they are read.
type swapped struct {
	vfs.Backend
	read vfs.Backend
}

func (s swapped) Stat(ctx context.Context, n vfs.Name, req vfs.Request) (vfs.Info, error) {
	info, err := s.Backend.Stat(ctx, n, vfs.Request{})
	if err == nil {
		info.ETag = "before-and-after"
		_, err = req.Resolve("stat", info)
	}
	return info, err
}

func (s swapped) Open(ctx context.Context, n vfs.Name, req vfs.Request) (*vfs.Object, error) {
	obj, err := s.read.Open(ctx, n, vfs.Request{})
	if err != nil {
		return nil, err
	}
	obj.Info.ETag = "meanwhile"
	if _, err := req.Resolve("open", obj.Info); err != nil {
		obj.Body.Close()
		return nil, err
	}
	return obj, nil
}

func (s swapped) Remove(ctx context.Context, n vfs.Name, cond vfs.Cond) error {
	info, err := s.Stat(ctx, n, vfs.Request{Cond: cond})
	if err != nil {
		return err
	}
	return s.Backend.Remove(ctx, info.Name, vfs.Cond{})
}
