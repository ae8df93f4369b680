package server_test

import (
	"archive/zip"
	"io"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// TestShareOverBackends shares an object, a directory and a place for files over every backend,
// S3 among them. It opens what is below the path, in every way, and nothing beside it. The
// control is what the caller may open at the path that an attack stands for.
func TestShareOverBackends(t *testing.T) {
	eachWritable(t, func(t *testing.T, b vfs.Backend) {
		s := newSharing(t)
		s.tree = b
		for name, content := range sharedTree {
			n, err := vfs.ParseName(name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.Put(t.Context(), n, strings.NewReader(content), vfs.PutOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		// What is below the nested mount in this one, whose policy denies it.
		nested, err := vfs.ParseName("docs/nested/n.txt")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Put(t.Context(), nested, strings.NewReader("covered"), vfs.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		s.apply()
		file := s.share("alice", fields{"path": "/files/docs/pub/a.txt"}).URL
		dir := s.share("alice", fields{"path": "/files/docs/pub"}).URL
		if r := s.get(file, "Range", "bytes=4-7"); r.Status != 206 || r.Body != "file" {
			t.Errorf("a range of the object: %d %q", r.Status, r.Body)
		}
		for target, want := range map[string]string{"a.txt": "the file a", "deep/b.html": "<p>b</p>", "%61.txt": "the file a"} {
			if r := s.get(dir + target); r.Status != 200 || r.Body != want {
				t.Errorf("%s: %d %q", target, r.Status, r.Body)
			}
		}
		for _, target := range []string{"", "?q=t&deep=1", "deep/"} {
			r := s.get(dir+target, "Accept", "application/json")
			if r.Status != 200 || strings.Contains(r.Body, "secret") || strings.Contains(r.Body, "other") || strings.Contains(r.Body, "pub") {
				t.Errorf("the listing %q: %d %s", target, r.Status, r.Body)
			}
		}
		z := s.get(dir + "?zip")
		if files, err := zip.NewReader(strings.NewReader(z.Body), int64(len(z.Body))); err != nil || len(files.File) != 3 || strings.Contains(z.Body, canary) {
			t.Errorf("the archive: %v, %d", err, z.Status)
		}
		leaks := 0
		for _, up := range []string{
			"../other.txt", "%2e%2e/other.txt", "..%2fother.txt", "%2e%2e%2fother.txt", "deep/../../other.txt", "deep/%2e%2e/%2e%2e/other.txt", "./../other.txt", "..//other.txt", "/../other.txt",
			"..;/other.txt", "..%5cother.txt", "%252e%252e/other.txt", "%2e%2e%252fother.txt", "..%00/other.txt", "..%2f..%2ftop.txt", "../pubx.txt", "../nested/n.txt", "secret.txt", "./secret.txt", "deep/../secret.txt", "secret%2etxt", "SECRET.TXT", "secret.txt/",
			"../../docs/other.txt", "%2e%2e%2f%2e%2e%2ftop.txt", "deep%2f..%2f..%2fother.txt",
		} {
			s.gone(up, dir+up)
			s.gone(up+" below the object", strings.TrimSuffix(file, "a.txt")+up)
			s.gone(up+" after the object", file+"/"+up)
			if naiveOpen(t, b, "docs/pub/"+up) == canary {
				leaks++
			}
		}
		if leaks < 10 {
			t.Errorf("the control leaks only %d", leaks)
		}
		// What is asked for is a name, not a path to clean, and no share.
		for _, path := range []string{
			"/files/docs/pub/../other.txt", "/files/docs/pub/./a.txt", "/files/docs//pub", "/files/docs/pub//", "//files/docs", "/../files/docs", "files/docs", "/files/docs%2fpub", "/files/%64ocs/pub", "/files/docs/pub/%2e%2e/other.txt",
			"/files\\docs", "/files/docs/pub?zip", "/files/docs/pub#a", "http://files.example/files/docs", "/FILES/docs", "/files/docs/nestedx/n.txt", "/filesx", dir, file, strings.TrimSuffix(dir, "/"), dir + "a.txt", "/.bailiwick/s", "/.bailiwick/shares", "/.bailiwick", "/files/.bailiwick/s/x",
		} {
			for _, upload := range []bool{false, true} {
				if upload && strings.HasPrefix(path, "/files/") && (strings.ContainsAny(path, "%?#") || strings.Contains(path, "nestedx")) {
					continue // a directory that need not exist
				}
				if r := s.post("alice", fields{"path": path, "upload": upload}); r.Status != 400 && r.Status != 404 {
					t.Errorf("a share of %s, upload %t: %d %q", path, upload, r.Status, r.Body)
				}
			}
		}
		// The top, over a nested mount.
		top := s.share("alice", fields{"path": "/files/"}).URL
		for _, target := range []string{"docs/nested/n.txt", "docs/nested/", "docs/nested", "docs/nested%2fn.txt", "docs/pub/../nested/n.txt", "docs/NESTED/n.txt", "docs/nested/?zip"} {
			s.gone(target, top+target)
		}
		if z := s.get(top + "?zip"); z.Status != 200 || !strings.Contains(z.Body, "docs/other.txt") || strings.Contains(z.Body, "nested") {
			t.Errorf("the archive of the top: %d", z.Status)
		}
		for _, target := range []string{"docs/", "?q=n.txt&deep=1", "?q=nested"} {
			if r := s.get(top+target, "Accept", "application/json"); r.Status != 200 || strings.Contains(r.Body, "nested") {
				t.Errorf("the listing %q of the top: %d %s", target, r.Status, r.Body)
			}
		}
		// Files get in below the path only.
		drop := s.share("alice", fields{"path": "/files/drop", "upload": true}).URL
		before := contents(t, b)
		for _, name := range []string{"new.txt", "../up.txt", "..\\up.txt", "/abs.txt", "..", "a/b/c.txt", "old.txt", "C:\\x.txt", "..%2fx.txt", ".htaccess"} {
			body, headers := filesForm(name, "sent")
			if r := s.send("POST", drop, body, headers...); r.Status != 201 {
				t.Errorf("%q: %d %q", name, r.Status, r.Body)
			}
		}
		after := contents(t, b)
		for name, content := range after {
			if _, there := before[name]; !there && (content != "sent" || !strings.HasPrefix(name, "drop/") || strings.Count(name, "/") != 1) {
				t.Errorf("%s is new, with %q", name, content)
			}
		}
		for name, content := range before {
			if after[name] != content {
				t.Errorf("%s has %q", name, after[name])
			}
		}
	})
}

// naiveOpen returns the content of what a server opens that decodes and cleans a path, "" for
// nothing.
func naiveOpen(t *testing.T, b vfs.Backend, escaped string) string {
	t.Helper()
	decoded, err := url.PathUnescape(escaped)
	if err != nil {
		return ""
	}
	n, err := vfs.ParseName(strings.TrimPrefix(path.Clean("/"+decoded), "/"))
	if err != nil {
		return ""
	}
	obj, err := b.Open(t.Context(), n, vfs.Request{})
	if err != nil {
		return ""
	}
	defer obj.Body.Close()
	data, err := io.ReadAll(obj.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
