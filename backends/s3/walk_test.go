package s3_test

import (
	"fmt"
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

// scanned returns a line for each finding: the path, the reason, and the object above.
func scanned(t *testing.T, j *vfs.Jail, dir vfs.Name) []string {
	t.Helper()
	var lines []string
	for f, err := range j.ScanDir(t.Context(), dir) {
		if err != nil {
			t.Fatal(err)
		}
		line := f.Path
		if !f.Allowed {
			line += " " + string(f.Reason)
		}
		if f.Beneath != "" {
			line += " beneath " + f.Beneath
		}
		lines = append(lines, line)
	}
	return lines
}

// A scan finds what a service omits from listings with a delimiter, and reports that it
// is beneath an object.
func TestScanSeesWhatListingsHide(t *testing.T) {
	f := newFake(map[string]string{
		"docs": "1", "docs-old": "2", "docs/a": "3", "docs/sub": "4", "docs/sub/deep/x": "5", "docsx/y": "6", "z": "7",
		"secret/a": "8", "dir/": "", "full/": "data", "a//b": "9", "a/../b": "10",
	})
	f.hides = true
	b := newBackend(t, f, s3.Options{})
	hidden := 0
	for _, err := range b.List(t.Context(), name("docs"), "") {
		if vfs.ReasonOf(err) == reason.Missing {
			hidden++
		}
	}
	if hidden != 1 {
		t.Fatal("the listing hides nothing: the test proves nothing")
	}
	j, err := vfs.New(b, vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("secret")})
	if err != nil {
		t.Fatal(err)
	}
	f.taken()
	want := []string{
		"a/../b name.dotdot", "a//b name.slash", "docs", "docs-old", "docs/a beneath docs", "docs/sub beneath docs",
		"docs/sub/deep/x beneath docs", "docsx/y", "full/ name.slash", "secret/a policy.deny", "z",
	}
	if got := scanned(t, j, vfs.Root); !slices.Equal(got, want) {
		t.Errorf("found %q,\nwant  %q", got, want)
	}
	if ops := f.ops(); ops != "ListObjectsV2" {
		t.Errorf("calls: %s, want one for all keys", ops)
	}
	if got, want := scanned(t, j, name("docs")), []string{"docs/a", "docs/sub", "docs/sub/deep/x beneath docs/sub"}; !slices.Equal(got, want) {
		t.Errorf("below docs: found %q, want %q", got, want)
	}
}

// A scan costs one request per 1,000 keys, in however many directories they are.
func TestScanRequests(t *testing.T) {
	objects := map[string]string{}
	for i := range 2500 {
		objects[fmt.Sprintf("dir-%03d/sub/%d", i/5, i)] = ""
	}
	f := newFake(objects)
	j, err := vfs.New(newBackend(t, f, s3.Options{}), vfs.Policy{Allow: vfs.Patterns("**")})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(scanned(t, j, vfs.Root)); n != 2500 {
		t.Errorf("found %d", n)
	}
	if n := len(f.taken()); n != 3 {
		t.Errorf("%d requests for 2,500 keys in 1,000 directories, want 3", n)
	}
}

// If a layer hides Walk, a scan fails: it must not look like an empty source.
func TestScanThroughALayer(t *testing.T) {
	type layer struct{ vfs.Backend }
	b := newBackend(t, newFake(map[string]string{"a": "1"}), s3.Options{})
	j, err := vfs.New(layer{b}, vfs.Policy{Allow: vfs.Patterns("**")})
	if err != nil {
		t.Fatal(err)
	}
	failed := false
	for _, err := range j.Scan(t.Context()) {
		failed = err != nil
	}
	if !failed {
		t.Error("the scan did not fail")
	}
}

// A walk does not trust the service's listing either.
func TestWalkIsNotTrusted(t *testing.T) {
	for what, list := range map[string]func(out *awss3.ListObjectsV2Output){
		"a key from elsewhere": func(out *awss3.ListObjectsV2Output) { out.Contents[0].Key = aws.String("elsewhere") },
		"a prefix": func(out *awss3.ListObjectsV2Output) {
			out.CommonPrefixes = append(out.CommonPrefixes, types.CommonPrefix{Prefix: aws.String("pub/x/")})
		},
	} {
		f := newFake(map[string]string{"pub/0": "", "pub/a/b": "", "secret": ""})
		f.list = list
		b := newBackend(t, f, s3.Options{Prefix: "pub"})
		for e, err := range b.Walk(t.Context(), vfs.Root) {
			if err != nil || e.Elem != "0" && e.Elem != "a/b" || strings.HasSuffix(e.Key(), "/") {
				t.Errorf("%s: %+v, %v", what, e, err)
			}
		}
	}
}
