package vfs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// crowded is a writable backend with a single directory, which contains the sorted
// names. It counts listings and the entries that it yields. With hints, it leaves out
// entries that are not shown, as a disk does.
type crowded struct {
	driver.Unsupported
	names             []string
	hints             bool
	listings, entries int
}

func (b *crowded) Caps() vfs.Caps { return vfs.Caps{Kind: "crowded", Writable: true} }

func (b *crowded) Open(_ context.Context, n vfs.Name, _ vfs.Request) (*vfs.Object, error) {
	return nil, &vfs.Error{Op: "open", Name: n.String(), Reason: reason.Missing}
}

func (b *crowded) Stat(_ context.Context, n vfs.Name, _ vfs.Request) (vfs.Info, error) {
	return vfs.Info{}, &vfs.Error{Op: "stat", Name: n.String(), Reason: reason.Missing}
}

func (b *crowded) Put(_ context.Context, n vfs.Name, _ io.Reader, _ vfs.PutOptions) (vfs.Info, error) {
	return vfs.Info{Name: n}, nil
}

func (b *crowded) List(ctx context.Context, _ vfs.Name, after string) iter.Seq2[vfs.Entry, error] {
	return func(yield func(vfs.Entry, error) bool) {
		b.listings++
		shows := driver.ListHintOf(ctx).Shows
		i, there := slices.BinarySearch(b.names, after)
		if there {
			i++
		}
		for _, s := range b.names[i:] {
			if b.hints && shows != nil && !shows(s, vfs.KindFile) {
				continue
			}
			b.entries++
			if !yield(vfs.Entry{Elem: s}, nil) {
				return
			}
		}
	}
}

// The search for siblings reads a disk's directory once, and a remote one only where a
// sibling can be, within a bound, however many names are almost siblings.
func TestSiblingsOfManyNearNames(t *testing.T) {
	// Use each prefix of the name in every case, so that there is always an almost
	// matching name.
	const elem = "abcdefghijklmnopqrstuvwxyz"
	var near []string
	for i := range 100_100 {
		s := []byte(elem[:17])
		for k := range s {
			if i>>k&1 == 1 {
				s[len(s)-1-k] -= 'a' - 'A'
			}
		}
		near = append(near, string(s)+fmt.Sprintf("~%d", i%7))
	}
	slices.Sort(near)
	far := slices.Sorted(numbered(200_000, "m%06d"))
	for _, c := range []struct {
		what              string
		b                 *crowded
		listings, entries int
		bound             bool
	}{
		{"near names of a disk", &crowded{names: near, hints: true}, 1, 0, false},
		{"near names of a bucket", &crowded{names: near}, 32, 32_001, true},
		{"far names of a disk", &crowded{names: far, hints: true}, 1, 0, false},
		{"far names of a bucket", &crowded{names: far}, 3, 3000, false},
	} {
		j := mustJail(t, c.b, vfs.Policy{Allow: vfs.Patterns("**")})
		_, err := j.Put(t.Context(), mustName(t, elem), strings.NewReader("x"), vfs.PutOptions{})
		if c.bound != errors.Is(err, vfs.ErrUnavailable) || c.bound != (err != nil) {
			t.Errorf("%s: %v", c.what, err)
		}
		if c.b.listings > c.listings || c.b.entries > c.entries {
			t.Errorf("%s: %d listings of %d entries, want at most %d of %d", c.what, c.b.listings, c.b.entries, c.listings, c.entries)
		}
		// An existing sibling is found among them.
		c.b.names = append(slices.Clone(c.b.names), strings.ToUpper(elem))
		slices.Sort(c.b.names)
		if _, err := j.Put(t.Context(), mustName(t, elem), strings.NewReader("x"), vfs.PutOptions{}); err == nil {
			t.Errorf("%s: created beside a similar name", c.what)
		}
	}
}
