package s3_test

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/bailiwick-fs/bailiwick/backends/s3"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

func keys(t *testing.T, b vfs.Backend, dir vfs.Name, after string) []string {
	t.Helper()
	list := []string{}
	for e, err := range b.List(t.Context(), dir, after) {
		if err != nil {
			t.Fatalf("List(%q, %+q): %v", dir, after, err)
		}
		list = append(list, e.Key())
	}
	return list
}

// A page is one request, a thousand names are one page, and a caller that stops at its
// end knows whether others follow.
func TestListCost(t *testing.T) {
	objects := map[string]string{}
	for i := range 2500 {
		objects[fmt.Sprintf("dir/%04d", i)] = ""
	}
	f := newFake(objects)
	b := newBackend(t, f, s3.Options{})
	seen := 0
	for _, err := range b.List(t.Context(), name("dir"), "") {
		if err != nil {
			t.Fatal(err)
		}
		if seen++; seen == 1000 {
			break
		}
	}
	if ops := f.ops(); ops != "ListObjectsV2" {
		t.Errorf("the first 1000 names cost %s", ops)
	}
	var last vfs.Entry
	for e := range b.List(t.Context(), name("dir"), "") {
		last = e
	}
	if last.Elem != "2499" {
		t.Errorf("the last entry is %+v", last)
	}
	if ops := f.ops(); ops != "ListObjectsV2 ListObjectsV2 ListObjectsV2" {
		t.Errorf("2500 names cost %s", ops)
	}
}

// A directory that was the last entry of a page is not listed again, and its content is
// skipped without paging through it.
func TestListAfterDirectory(t *testing.T) {
	objects := map[string]string{"img0": "", "img-": "", "zzz": ""}
	for i := range 3000 {
		objects[fmt.Sprintf("img/%04d", i)] = ""
	}
	f := newFake(objects)
	b := newBackend(t, f, s3.Options{})
	for after, want := range map[string][]string{
		"":               {"img-", "img/", "img0", "zzz"},
		"img":            {"img-", "img/", "img0", "zzz"},
		"img-":           {"img/", "img0", "zzz"},
		"img/":           {"img0", "zzz"},
		"img/2":          {"img0", "zzz"},
		"img/\x00":       {"img0", "zzz"},
		"img0":           {"zzz"},
		"img\xff":        {"zzz"},
		"\xff":           {},
		"\u202e":         {},
		"img0\U0010ffff": {"zzz"},
	} {
		f.taken()
		if got := keys(t, b, vfs.Root, after); !slices.Equal(got, want) {
			t.Errorf("after %+q: %q, want %q", after, got, want)
		}
		if ops := f.ops(); ops != "ListObjectsV2" {
			t.Errorf("after %+q cost %s", after, ops)
		}
	}
}

func TestListMarkersAndOddKeys(t *testing.T) {
	f := newFake(map[string]string{
		"marker/": "", "dir/": "", "dir/file": "", "dir/sub/": "", "dir//x": "", "dir/./x": "", "/x": "", "deep//": "", "dir/\x01": "",
	})
	b := newBackend(t, f, s3.Options{})
	for dir, want := range map[vfs.Name][]string{
		vfs.Root:       {"deep/", "dir/", "marker/"},
		name("marker"): {},
		name("dir"):    {"\x01", "./", "file", "sub/"},
		name("deep"):   {},
	} {
		if got := keys(t, b, dir, ""); !slices.Equal(got, want) {
			t.Errorf("%q: %+q, want %+q", dir, got, want)
		}
		if got := keys(t, b, dir, "zzz"); len(got) != 0 {
			t.Errorf("%q after zzz: %q", dir, got)
		}
	}
	for _, dir := range []string{"mark", "x", "dir/file"} {
		for _, err := range b.List(t.Context(), name(dir), "") {
			if vfs.ReasonOf(err) != reason.Missing {
				t.Errorf("%q: %v", dir, err)
			}
		}
	}
	for _, n := range []string{"marker", "dir"} {
		if _, err := b.Open(t.Context(), name(n), vfs.Request{}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open(%q): %v", n, err)
		}
	}
}

// The content of a listing is not trusted.
func TestHostileListing(t *testing.T) {
	object := func(key string) types.Object { return types.Object{Key: &key, Size: aws.Int64(1)} }
	prefix := func(p string) types.CommonPrefix { return types.CommonPrefix{Prefix: &p} }
	f := newFake(map[string]string{"pub/good": "x"})
	b := newBackend(t, f, s3.Options{Prefix: "pub"})
	f.list = func(out *awss3.ListObjectsV2Output) {
		out.Contents = append(out.Contents,
			object("pub-secret%2Fx"), object("secret"), object("pu"), object("pub%2F"), object("pub%2Fa%2Fb"), object("%zz"), object(""), types.Object{})
		out.CommonPrefixes = append(out.CommonPrefixes,
			prefix("pub-secret%2F"), prefix("other%2F"), prefix("pub%2Fno-slash"), prefix("pub%2Fx%2Fy%2F"), prefix("pub%2F"), types.CommonPrefix{})
	}
	if got := keys(t, b, vfs.Root, ""); !slices.Equal(got, []string{"good"}) {
		t.Errorf("got %q", got)
	}

	// Names that are not encoded, although that was requested, are used as they are.
	f.list = func(out *awss3.ListObjectsV2Output) {
		out.EncodingType = ""
		out.Contents = []types.Object{object("pub/a%2Fb"), object("pub/c d+e")}
	}
	if got := keys(t, b, vfs.Root, ""); !slices.Equal(got, []string{"a%2Fb", "c d+e"}) {
		t.Errorf("not encoded: %q", got)
	}

	// Objects and prefixes of one page are merged into one order.
	f.list = func(out *awss3.ListObjectsV2Output) {
		out.Contents = []types.Object{object("pub%2Fz"), object("pub%2Fa"), object("pub%2Fa")}
		out.CommonPrefixes = []types.CommonPrefix{prefix("pub%2Fm%2F")}
	}
	if got := keys(t, b, vfs.Root, ""); !slices.Equal(got, []string{"a", "m/", "z"}) {
		t.Errorf("unsorted page: %q", got)
	}
}

// A listing that goes back, or never ends, fails with an error.
func TestEndlessListing(t *testing.T) {
	for what, token := range map[string]func(page int) *string{
		"no token":    func(int) *string { return nil },
		"same token":  func(int) *string { return aws.String("t") },
		"other token": func(page int) *string { return aws.String(strings.Repeat("t", page)) },
	} {
		f := newFake(map[string]string{"a": ""})
		page := 0
		f.list = func(out *awss3.ListObjectsV2Output) {
			page++
			key := string(rune('z' - page))
			out.Contents = []types.Object{{Key: &key, Size: aws.Int64(1)}}
			out.IsTruncated, out.NextContinuationToken = aws.Bool(true), token(page)
		}
		var last error
		got := []string{}
		for e, err := range newBackend(t, f, s3.Options{}).List(t.Context(), vfs.Root, "") {
			got, last = append(got, e.Key()), err
		}
		if !errors.Is(last, vfs.ErrUnavailable) || page > 3 || !slices.IsSortedFunc(got[:len(got)-1], cmp.Compare[string]) {
			t.Errorf("%s: %q, then %v after %d pages", what, got, last, page)
		}
	}
}
