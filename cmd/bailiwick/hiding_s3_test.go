//go:build unix

package main

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// A hidingBucket is a minimal S3 server whose listings with a delimiter omit the keys below
// an object. With minio, all listings omit them, and the Server header is MinIO's.
type hidingBucket struct {
	mu      sync.Mutex
	objects map[string]string
	lists   int
	minio   bool
}

const hidingName = "hiding"

func startHiding(t *testing.T, objects map[string]string) (b *hidingBucket, source string) {
	t.Helper()
	isolateAWS(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "key-id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret-key")
	b = &hidingBucket{objects: objects}
	s := httptest.NewServer(b)
	t.Cleanup(s.Close)
	return b, "s3://" + hidingName + "?endpoint=" + s.URL
}

// locked calls f while no request is served.
func (b *hidingBucket) locked(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

func (b *hidingBucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/"+hidingName), "/")
	data, there := b.objects[key]
	if b.minio {
		w.Header().Set("Server", "MinIO")
	}
	switch {
	case key == "" && r.URL.Query().Get("list-type") == "2":
		b.list(w, r.URL.Query())
	case key == "":
	case r.Method == http.MethodDelete:
		delete(b.objects, key)
		w.WriteHeader(http.StatusNoContent)
	case !there:
		w.WriteHeader(http.StatusNotFound)
		if r.Method == http.MethodGet {
			io.WriteString(w, "<Error><Code>NoSuchKey</Code></Error>")
		}
	default:
		w.Header().Set("ETag", `"`+fmt.Sprintf("%x", data)+`"`)
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		if r.Method == http.MethodGet {
			io.WriteString(w, data)
		}
	}
}

func (b *hidingBucket) list(w io.Writer, q url.Values) {
	b.lists++
	prefixes := map[string]bool{}
	fmt.Fprint(w, `<?xml version="1.0"?><ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>`)
	for _, key := range slices.Sorted(maps.Keys(b.objects)) {
		rest, below := strings.CutPrefix(key, q.Get("prefix"))
		if !below || key <= q.Get("start-after") {
			continue
		}
		if b.minio && b.beneathObject(key) {
			continue
		}
		if q.Get("delimiter") == "/" {
			if b.beneathObject(key) {
				continue
			}
			if elem, _, deeper := strings.Cut(rest, "/"); deeper {
				prefixes[q.Get("prefix")+elem+"/"] = true
				continue
			}
		}
		fmt.Fprintf(w, `<Contents><Key>%s</Key><Size>%d</Size></Contents>`, url.QueryEscape(key), len(b.objects[key]))
	}
	for _, p := range slices.Sorted(maps.Keys(prefixes)) {
		fmt.Fprintf(w, `<CommonPrefixes><Prefix>%s</Prefix></CommonPrefixes>`, url.QueryEscape(p))
	}
	fmt.Fprint(w, `</ListBucketResult>`)
}

func (b *hidingBucket) beneathObject(key string) bool {
	for i, c := range key {
		if _, there := b.objects[key[:i]]; there && c == '/' {
			return true
		}
	}
	return false
}

const bothKindsLine = "docs is both an object and a directory"

// scan shows, cp copies and rm removes the keys that a service omits from its listings,
// and each warns that a name is both an object and a directory.
func TestWhatListingsHideS3(t *testing.T) {
	objects := map[string]string{"docs": "1", "docs/a": "22", "docs/sub/b": "333", "other": "4444"}
	b, source := startHiding(t, maps.Clone(objects))
	if code, stdout, stderr := runCommand(t, "ls", source, "docs", "--allow", "**"); code == cli.ExitDone {
		t.Fatalf("the listing hides nothing, and this test proves nothing: %q %q", stdout, stderr)
	}

	b.locked(func() { b.lists = 0 })
	reviewed := filepath.Join(t.TempDir(), "exposed.txt")
	code, stdout, stderr := runCommand(t, "scan", source, "--allow", "**", "--save", reviewed)
	for name := range objects {
		if !strings.Contains(stdout, "\t"+name+"\t") {
			t.Errorf("scan does not show %s:\n%s", name, stdout)
		}
	}
	var lists int
	b.locked(func() { lists = b.lists })
	if code != cli.ExitDone || strings.Count(stderr, bothKindsLine) != 1 || lists > 2 {
		t.Errorf("scan: exit code %d after %d listings, %q", code, lists, stderr)
	}
	b.locked(func() { b.objects["docs/new"] = "5" })
	if code, stdout, _ := runCommand(t, "scan", source, "--allow", "**", "--check", reviewed); code != cli.ExitFailed || !strings.Contains(stdout, "+ docs/new") {
		t.Errorf("scan --check: exit code %d, %q", code, stdout)
	}
	b.locked(func() { delete(b.objects, "docs/new") })
	if _, stdout, _ := runCommand(t, "scan", source, "--allow", "**", "--json"); strings.Count(stdout, `"beneath":"docs"`) != 2 {
		t.Errorf("scan --json:\n%s", stdout)
	}

	// A directory cannot hold both: objects that are not copied are reported.
	dir := filepath.Join(t.TempDir(), "out")
	code, _, stderr = runCommand(t, "cp", source, dir, "--parallel", "1")
	if code != cli.ExitFailed || !strings.Contains(stderr, bothKindsLine) || !strings.Contains(stderr, "docs/a: ") || !strings.Contains(stderr, "docs/sub/b: ") {
		t.Errorf("cp to a directory: exit code %d, %q", code, stderr)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "other")); err != nil || string(data) != "4444" {
		t.Errorf("cp to a directory: %q, %v", data, err)
	}
	dir = filepath.Join(t.TempDir(), "below")
	if code, _, stderr := runCommand(t, "cp", strings.Replace(source, hidingName, hidingName+"/docs/", 1), dir); code != cli.ExitDone {
		t.Errorf("cp of the keys below: exit code %d, %q", code, stderr)
	}
	if got := contents(t, dir); len(got) != 2 || got["sub/b"] != "333" {
		t.Errorf("cp of the keys below: %q", got)
	}

	if code, _, stderr := runCommand(t, "rm", "-r", source, "docs", "--allow", "**"); code != cli.ExitDone || !strings.Contains(stderr, "removed 3 objects") {
		t.Errorf("rm -r: exit code %d, %q", code, stderr)
	}
	b.locked(func() {
		if len(b.objects) != 1 {
			t.Errorf("after rm -r: %q", b.objects)
		}
	})
	if code, _, _ := runCommand(t, "rm", "-r", source, "docs", "--allow", "**"); code != cli.ExitFailed {
		t.Errorf("rm -r of removed objects: exit code %d", code)
	}
}

// If the service omits keys below an object from every listing, the command warns that it
// may have missed some.
func TestWhatNothingListsS3(t *testing.T) {
	const line = "MinIO does not list objects below another object"
	for _, minio := range []bool{false, true} {
		b, source := startHiding(t, map[string]string{"docs": "1", "docs/a": "22", "other": "4444"})
		b.locked(func() { b.minio = minio })
		for _, args := range [][]string{
			{"scan", source, "--allow", "**"},
			{"cp", source, filepath.Join(t.TempDir(), "out"), "--dry-run"},
			{"rm", "-r", source, "--allow", "**", "--dry-run"},
		} {
			_, _, stderr := runCommand(t, args...)
			if got := strings.Count(stderr, line); got != map[bool]int{true: 1}[minio] {
				t.Errorf("MinIO: %t: %s warns %d times: %q", minio, args[0], got, stderr)
			}
		}
	}
}
