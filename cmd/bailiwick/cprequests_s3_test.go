//go:build unix

package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
)

// A new object is one request, whichever way it is copied: the listing of its directory
// tells that neither it nor a sibling exists, and is made once.
func TestCpRequestsS3(t *testing.T) {
	g, _ := startCopies(t)
	const n = 600
	files := map[string]string{}
	for i := range n {
		files[fmt.Sprintf("flat/%04d.txt", i)] = fmt.Sprint("content ", i)
	}
	for i := range 20 {
		files[fmt.Sprintf("deep/%d/below/a.txt", i)] = "deep"
	}
	total := len(files)
	from := tree(t, files)
	bucket := "s3://" + copyBucket + "/target" + at(g)
	for _, tt := range []struct {
		what     string
		from, to string
		op       string
	}{
		{"to S3", from, bucket, "PutObject"},
		{"from S3", bucket, filepath.Join(t.TempDir(), "back"), "GetObject"},
	} {
		g.Reset(t)
		code, _, stderr := runCommand(t, "cp", tt.from, tt.to)
		if code != cli.ExitDone || !strings.Contains(stderr, "copied "+cli.Count(total, "object")) {
			t.Fatalf("%s: exit code %d, %q", tt.what, code, stderr)
		}
		count := operations(g.Requests(t))
		others := 0
		for op, k := range count {
			if op != tt.op {
				others += k
			}
		}
		if count[tt.op] != total || others > 10 {
			t.Errorf("%s: %v, want %d %s and at most 10 others", tt.what, count, total, tt.op)
		}
	}

	// Among many other objects, too.
	g.Reset(t)
	beside := map[string]string{}
	for i := range n {
		beside[fmt.Sprintf("flat/%04d.bin", i)] = "beside"
	}
	if code, _, stderr := runCommand(t, "cp", tree(t, beside), bucket); code != cli.ExitDone {
		t.Fatal(stderr)
	}
	if count := operations(g.Requests(t)); count["PutObject"] != n || count["HeadObject"] > 1 || count["ListObjectsV2"] > 10 {
		t.Errorf("beside others: %v", count)
	}
}

func operations(requests []s3gateway.Request) map[string]int {
	count := map[string]int{}
	for _, r := range requests {
		count[r.Op]++
	}
	return count
}
