//go:build unix

package main

import (
	"bytes"
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/testdata/s3gateway"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

const copyBucket = "bailiwick-copies"

func startCopies(t *testing.T) (g *s3gateway.Gateway, bucket *s3gateway.Bucket) {
	t.Helper()
	g = s3gateway.Start(t)
	isolateAWS(t)
	t.Setenv("AWS_ACCESS_KEY_ID", g.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", g.SecretKey)
	return g, g.Bucket(t, copyBucket)
}

// oddTree returns a directory with every attack-table name that is legal and portable, an
// empty file, and one larger than a single part.
func oddTree(t *testing.T) string {
	t.Helper()
	files := map[string]string{"empty": "", "large": strings.Repeat("0123456789abcdef", 1<<20) + "!"}
	for _, l := range vfstest.LegalNames() {
		if name := l.Name; vfstest.Portable(name) && name != "legal/Case.txt" {
			files[name] = l.Data
		}
	}
	if len(files) < 20 {
		t.Fatalf("only %d files: legal names are missing", len(files))
	}
	return tree(t, files)
}

// contents returns the content of every file below dir by name.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		files[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// A copy keeps the Content-Encoding of an object: without it, a browser would show the
// compressed bytes. A directory cannot store it.
func TestCpCodingS3(t *testing.T) {
	g, bucket := startCopies(t)
	client := g.Client(t)
	objects := map[string]string{"small.css": "not really gzip", "large.css": strings.Repeat("0123456789abcdef", 1<<20)}
	for name, data := range objects {
		key, kind, coding := "one/"+name, "text/css", "gzip"
		if _, err := client.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: &bucket.Name, Key: &key, Body: strings.NewReader(data), ContentType: &kind, ContentEncoding: &coding}); err != nil {
			t.Fatal(err)
		}
	}
	first, second, dir := "s3://"+copyBucket+"/one"+at(g), "s3://"+copyBucket+"/two"+at(g), filepath.Join(t.TempDir(), "out")
	// An object with the same bytes but no Content-Encoding is not an equal copy.
	bare := "two/small.css"
	if _, err := client.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: &bucket.Name, Key: &bare, Body: strings.NewReader(objects["small.css"])}); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := runCommand(t, "cp", first, second); code != cli.ExitDone {
		t.Fatal(stderr)
	}
	for name, data := range objects {
		key := "two/" + name
		out, err := client.HeadObject(t.Context(), &awss3.HeadObjectInput{Bucket: &bucket.Name, Key: &key})
		if err != nil {
			t.Fatal(err)
		}
		if out.ContentEncoding == nil || *out.ContentEncoding != "gzip" || *out.ContentType != "text/css" || *out.ContentLength != int64(len(data)) {
			t.Errorf("the copy of %s: %+v", name, out)
		}
	}
	code, _, stderr := runCommand(t, "cp", first, dir)
	if code != cli.ExitDone || !strings.Contains(stderr, "2 objects stored compressed (gzip) were copied compressed, and the target cannot record that; decompress") {
		t.Errorf("to a directory: %d %s", code, stderr)
	}
}

// A copy keeps the modification time in every direction, in S3 as the metadata that rclone
// uses. HTTP serves the object's own time.
func TestCpTimesS3(t *testing.T) {
	g, bucket := startCopies(t)
	client := g.Client(t)
	parse := func(s string) time.Time {
		parsed, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	times := map[string]time.Time{
		"small": parse("2001-02-03T04:05:06.12Z"), "large": parse("2011-12-25T12:59:59.123456789Z"), "before": parse("1969-07-20T20:17:40.25Z"),
	}
	text := map[string]string{"small": "981173106.12", "large": "1324817999.123456789", "before": "-14182939.75"}
	from := tree(t, map[string]string{"small": "s", "large": strings.Repeat("0123456789abcdef", 1<<20), "before": "b"})
	for name, modified := range times {
		if err := os.Chtimes(filepath.Join(from, name), modified, modified); err != nil {
			t.Fatal(err)
		}
	}
	metadata := func(key string) string {
		out, err := client.HeadObject(t.Context(), &awss3.HeadObjectInput{Bucket: &bucket.Name, Key: &key})
		if err != nil {
			t.Fatal(err)
		}
		return out.Metadata["mtime"]
	}
	modified := func(file string) time.Time {
		st, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		return st.ModTime()
	}
	s3 := func(key string) string { return "s3://" + copyBucket + "/" + key + at(g) }
	back := filepath.Join(t.TempDir(), "back")
	for _, pair := range [][2]string{{from, s3("one")}, {s3("one"), s3("two")}, {s3("two"), back}} {
		for _, says := range []string{"copied 3 objects", "copied 0 objects, 0 bytes; 3 equal"} {
			if code, _, stderr := runCommand(t, "cp", pair[0], pair[1]); code != cli.ExitDone || !strings.Contains(stderr, says) {
				t.Fatalf("cp %v: exit code %d, %q, want %q", pair, code, stderr, says)
			}
		}
	}
	for name, want := range times {
		for _, prefix := range []string{"one/", "two/"} {
			if got := metadata(prefix + name); got != text[name] {
				t.Errorf("%s%s has mtime %q, want %q", prefix, name, got, text[name])
			}
		}
		if got := modified(filepath.Join(back, name)); !got.Equal(want) {
			t.Errorf("%s has the time %v after the round trip, want %v", name, got, want)
		}
	}
	if code, stdout, _ := runCommand(t, "stat", s3("one"), "small"); code != cli.ExitDone || !strings.Contains(stdout, "\ncontent time: 2001-02-03T04:05:06Z\n") || strings.Contains(stdout, "\nmodified: 2001") {
		t.Errorf("stat prints %q", stdout)
	}

	// An invalid time in the metadata is ignored.
	for key, mtime := range map[string]string{"odd/a": "yesterday", "odd/b": "1e400", "odd/c": "99999999999999999999"} {
		if _, err := client.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: &bucket.Name, Key: &key, Body: strings.NewReader("odd"), Metadata: map[string]string{"mtime": mtime}}); err != nil {
			t.Fatal(err)
		}
	}
	odd := filepath.Join(t.TempDir(), "odd")
	if code, _, stderr := runCommand(t, "cp", s3("odd"), odd); code != cli.ExitDone || !strings.Contains(stderr, "copied 3 objects") {
		t.Errorf("odd times: exit code %d, %q", code, stderr)
	}
	for _, name := range []string{"a", "b", "c"} {
		if age := time.Since(modified(filepath.Join(odd, name))); age < -time.Minute || age > time.Hour {
			t.Errorf("odd/%s is %v old, want the object's age", name, age)
		}
	}
}

// A tree survives the round trip through two prefixes of a bucket byte for byte.
func TestCpRoundTripS3(t *testing.T) {
	g, _ := startCopies(t)
	from := oddTree(t)
	first, second := "s3://"+copyBucket+"/one"+at(g), "s3://"+copyBucket+"/two/deep/"+at(g)
	back := filepath.Join(t.TempDir(), "back")
	want := contents(t, from)
	for _, pair := range [][2]string{{from, first}, {first, second}, {second, back}} {
		code, stdout, stderr := runCommand(t, "cp", pair[0], pair[1], "--dotfiles")
		if code != cli.ExitDone || stdout != "" || !strings.Contains(stderr, "copied "+cli.Count(len(want), "object")) {
			t.Fatalf("from %s to %s: exit code %d, %q, %q", pair[0], pair[1], code, stdout, stderr)
		}
	}
	got := contents(t, back)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if text, ok := got[name]; !ok || text != want[name] {
			t.Errorf("%q has %d bytes after the round trip (exists: %v), want %d", name, len(text), ok, len(want[name]))
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d files after the round trip, want %d", len(got), len(want))
	}
	// Equal objects are not sent again, however equality is determined.
	for _, again := range [][]string{{"cp", first, second}, {"cp", from, first, "--checksum"}, {"cp", from, second, "--checksum"}} {
		g.Reset(t)
		code, _, stderr := runCommand(t, append(again, "--dotfiles")...)
		if code != cli.ExitDone || !strings.Contains(stderr, "copied 0 objects, 0 bytes; "+strconv.Itoa(len(want))+" equal") {
			t.Errorf("%v again: exit code %d, %q", again, code, stderr)
		}
		for _, r := range g.Requests(t) {
			if strings.HasPrefix(r.Op, "Put") || strings.Contains(r.Op, "Upload") {
				t.Errorf("%v again: %s %s", again, r.Op, r.Key)
			}
		}
	}
}

// cp distinguishes an object from a prefix: a trailing slash means a prefix.
func TestCpObjectsOfS3(t *testing.T) {
	g, bucket := startCopies(t)
	for key, text := range map[string]string{"a": "object a", "p/c": "below p", "other": canary} {
		if err := bucket.Put(t.Context(), key, []byte(text), ""); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	file := tree(t, map[string]string{"f.txt": "a file"}) + "/f.txt"
	s3 := func(key string) string { return "s3://" + copyBucket + "/" + key + at(g) }
	for _, c := range []struct {
		args   []string
		code   int
		stdout string
		says   string
	}{
		{[]string{s3("a"), "-"}, cli.ExitDone, "object a", "copied 1 object, 8 bytes"},
		{[]string{s3("p/c"), "-"}, cli.ExitDone, "below p", "copied 1 object"},
		{[]string{s3("p"), "-"}, cli.ExitUsage, "", "more than one object"},
		{[]string{s3("a/"), dir}, cli.ExitFailed, "", "there is no object"},
		{[]string{s3("nosuch"), dir}, cli.ExitFailed, "", "there is no object"},
		{[]string{s3("a"), dir}, cli.ExitDone, "", "copied 1 object"},
		{[]string{s3("p"), dir}, cli.ExitDone, "", "copied 1 object"},
		{[]string{s3("a"), s3("copy-of-a")}, cli.ExitDone, "", "copied 1 object"},
		{[]string{s3("a"), s3("below/")}, cli.ExitDone, "", "copied 1 object"},
		{[]string{s3("a"), s3("a")}, cli.ExitUsage, "", "are the same"},
		{[]string{s3("p"), s3("p/q")}, cli.ExitUsage, "", "is inside"},
		{[]string{s3("p"), s3("pq")}, cli.ExitDone, "", "copied 1 object"},
		{[]string{file, s3("named.txt")}, cli.ExitDone, "", "copied 1 object"},
		{[]string{file, s3("dir/")}, cli.ExitDone, "", "copied 1 object"},
		{[]string{file, s3("Named.txt")}, cli.ExitFailed, "", "create.sibling"},
		{[]string{file, s3("aux.txt")}, cli.ExitFailed, "", "create.device"},
	} {
		code, stdout, stderr := runCommand(t, append([]string{"cp"}, c.args...)...)
		if code != c.code || stdout != c.stdout || !strings.Contains(stderr, c.says) {
			t.Errorf("cp %v: exit code %d, %q, %q, want %d, %q and %q", c.args, code, stdout, stderr, c.code, c.stdout, c.says)
		}
		if strings.Contains(stdout+stderr, g.SecretKey) || strings.Contains(stdout, canary) {
			t.Errorf("cp %v reveals a secret: %s%s", c.args, stdout, stderr)
		}
	}
	if got := contents(t, dir); !maps.Equal(got, map[string]string{"a": "object a", "c": "below p"}) {
		t.Errorf("the directory has %v", got)
	}
	want := []string{"a", "below/a", "copy-of-a", "dir/f.txt", "named.txt", "other", "p/c", "pq/c"}
	if got := keys(t, g); !slices.Equal(got, want) {
		t.Errorf("the bucket has %q, want %q", got, want)
	}

	code, _, stderr := runCommand(t, "rm", s3(""), "a", "nosuch", "--allow", "**")
	if code != cli.ExitFailed || !strings.Contains(stderr, "nosuch: ") || !strings.Contains(stderr, "removed 1 object") {
		t.Errorf("rm: exit code %d, %q", code, stderr)
	}
	code, _, stderr = runCommand(t, "rm", "-r", s3(""), "p", "below", "--allow", "**")
	if code != cli.ExitDone || !strings.Contains(stderr, "removed 2 objects") {
		t.Errorf("rm -r: exit code %d, %q", code, stderr)
	}
	want = []string{"copy-of-a", "dir/f.txt", "named.txt", "other", "pq/c"}
	if got := keys(t, g); !slices.Equal(got, want) {
		t.Errorf("the bucket has %q, want %q", got, want)
	}
}

// sync mirrors a directory to a prefix and back, and mv moves between them. Hostile keys
// are neither removed nor copied to files.
func TestSyncS3(t *testing.T) {
	g, bucket := startCopies(t)
	from := tree(t, map[string]string{"a": "a", "d/b": "b", "d/c": "c"})
	s3 := func(key string) string { return "s3://" + copyBucket + "/" + key + at(g) }
	for _, key := range []string{"one/old", "one/d/old", "one/e", "one.txt", "one/.hidden", "one/d\\x", "one/aux.txt"} {
		if err := bucket.Put(t.Context(), key, []byte("x"), ""); err != nil {
			t.Fatal(err)
		}
	}
	bailiwick := func(code int, says string, args ...string) {
		t.Helper()
		got, stdout, stderr := runCommand(t, args...)
		if got != code || !strings.Contains(stdout+stderr, says) {
			t.Errorf("%v: exit code %d, %q, %q, want %d and %q", args, got, stdout, stderr, code, says)
		}
	}
	has := func(want ...string) {
		t.Helper()
		if got := keys(t, g); !slices.Equal(got, want) {
			t.Errorf("the bucket has %q, want %q", got, want)
		}
	}
	hostile := []string{"one.txt", "one/.hidden", "one/a", "one/d/b", "one/d/c", "one/d\\x"}
	bailiwick(cli.ExitDone, "removed 4 objects", "sync", from, s3("one"), "--delete")
	has(hostile...)
	bailiwick(cli.ExitDone, "3 equal", "sync", from, s3("one"), "--delete")
	bailiwick(cli.ExitFailed, "nothing was removed", "sync", t.TempDir(), s3("one"), "--delete")
	bailiwick(cli.ExitFailed, "there is no object", "sync", s3("nosuch"), from, "--delete")
	bailiwick(cli.ExitUsage, "is inside", "sync", s3("one/d"), s3("one"), "--delete")
	has(hostile...)
	back := filepath.Join(t.TempDir(), "back")
	bailiwick(cli.ExitFailed, "name.backslash", "sync", s3("one"), back)
	bailiwick(cli.ExitFailed, "because not everything was copied", "sync", s3("one"), back, "--delete")
	if got, want := contents(t, back), contents(t, from); !maps.Equal(got, want) {
		t.Errorf("there is %v, want %v", got, want)
	}

	// Within one service, objects are copied by the server: no bytes are downloaded.
	g.Reset(t)
	bailiwick(cli.ExitDone, "moved 2 objects, 2 bytes", "mv", s3("one/d"), s3("two"))
	copies := 0
	for _, r := range g.Requests(t) {
		switch {
		case strings.Contains(r.Op, "CopyObject"):
			copies++
		case strings.Contains(r.Op, "GetObject"), strings.Contains(r.Op, "PutObject"):
			t.Errorf("mv within a bucket: %s %s", r.Op, r.Key)
		}
	}
	if copies != 2 {
		t.Errorf("mv within a bucket sent %d CopyObject requests, want 2", copies)
	}
	bailiwick(cli.ExitDone, "moved 1 object", "mv", s3("one/a"), s3("two/a"))
	has("one.txt", "one/.hidden", "one/d\\x", "two/a", "two/b", "two/c")
	bailiwick(cli.ExitUsage, "are the same", "mv", s3("two/a"), s3("two/a"))
	bailiwick(cli.ExitDone, "moved 3 objects", "mv", s3("two"), back)
	has("one.txt", "one/.hidden", "one/d\\x")
	bailiwick(cli.ExitDone, "1\t1\t.", "du", s3(""))
}

// keys returns the keys in copyBucket.
func keys(t *testing.T, g *s3gateway.Gateway) []string {
	t.Helper()
	bucket := copyBucket
	out, err := g.Client(t).ListObjectsV2(t.Context(), &awss3.ListObjectsV2Input{Bucket: &bucket})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, o := range out.Contents {
		keys = append(keys, *o.Key)
	}
	return keys
}

// An interrupted multipart upload leaves no parts in the bucket.
func TestCpInterruptedS3(t *testing.T) {
	g, _ := startCopies(t)
	cmd := command("cp", "-", "s3://"+copyBucket+"/big"+at(g))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// More than a Put buffers: once it is written, parts have been sent.
	if _, err := stdin.Write(make([]byte, 64<<20)); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != cli.ExitFailed || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("exit code %d, %q", code, &stderr)
	}
	if got := keys(t, g); len(got) > 0 {
		t.Errorf("the bucket has %q", got)
	}
	bucket := copyBucket
	uploads, err := g.Client(t).ListMultipartUploads(context.Background(), &awss3.ListMultipartUploadsInput{Bucket: &bucket})
	if err != nil {
		t.Fatal(err)
	}
	if len(uploads.Uploads) > 0 {
		t.Errorf("%d uploads were left", len(uploads.Uploads))
	}
	begun := false
	for _, r := range g.Requests(t) {
		begun = begun || strings.Contains(r.Op, "UploadPart")
	}
	if !begun {
		t.Errorf("no part was sent: %v", g.Requests(t))
	}
}
