//go:build unix

package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// TestShareSymlinks shares directories with links into them, out of them and out of the root,
// in both modes and with both implementations. A link in a share leads to what is shared, or
// nowhere: not even to what the issuer may open and share. The control is a file system that
// follows links.
func TestShareSymlinks(t *testing.T) {
	for _, mode := range []vfs.Symlinks{vfs.SymlinksRefuse, vfs.SymlinksInside} {
		for _, portable := range []bool{false, true} {
			name := map[bool]string{false: "openat2", true: "os.Root"}[portable] + map[bool]string{false: ", refused", true: ", inside"}[mode == vfs.SymlinksInside]
			t.Run(name, func(t *testing.T) { testShareSymlinks(t, mode, portable) })
		}
	}
}

func testShareSymlinks(t *testing.T, mode vfs.Symlinks, portable bool) {
	top := t.TempDir()
	root := filepath.Join(top, "root")
	write := func(name, content string) {
		t.Helper()
		file := filepath.Join(top, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("outside/o.txt", canary)
	for name, content := range sharedTree {
		write("root/"+name, content)
	}
	// Relative to docs/pub; those that lead below it come first.
	links := []struct{ name, to, below string }{
		{"file-below", "deep/b.html", "<p>b</p>"}, {"deep/file-beside", "../a.txt", "the file a"}, {"twice", "file-below", "<p>b</p>"},
		{"file-out", "../other.txt", ""}, {"file-top", "../../top.txt", ""}, {"file-denied", "secret.txt", ""}, {"file-twice", "file-out", ""}, {"file-absolute", filepath.Join(root, "docs/other.txt"), ""},
		{"file-escaping", "../../../outside/o.txt", ""}, {"file-of-nested", "../nested/n.txt", ""}, {"loop", "loop", ""}, {"dangling", "missing", ""}, {"through-dir", "../pub/../other.txt", ""},
	}
	dirs := []struct{ name, to string }{{"dir-out", ".."}, {"dir-top", "../.."}, {"dir-escaping", "../../../outside"}, {"dir-drop", "../../drop"}, {"dir-absolute", root}}
	for _, l := range links {
		if err := os.Symlink(l.to, filepath.Join(root, "docs/pub", l.name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range dirs {
		if err := os.Symlink(l.to, filepath.Join(root, "docs/pub", l.name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"docs/to-pub": "pub", "docs/to-file": "pub/a.txt", "drop/link": "../docs/pub", "to-outside": "../outside", "drop/taken.txt": "../docs/other.txt", "drop/dangling.txt": "../docs/new.txt"} {
		if err := os.Symlink(to, filepath.Join(root, filepath.FromSlash(name))); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(root, "drop/pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := disk.New(root, disk.Options{Writable: true, SkipSelfTest: true, Portable: portable})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	s := newSharing(t)
	s.tree, s.policy.Symlinks = b, mode
	s.apply()
	dir := s.share("alice", fields{"path": "/files/docs/pub"}).URL
	if r := s.get(dir + "a.txt"); r.Status != 200 {
		t.Fatalf("the share: %d", r.Status)
	}
	leaks := 0
	followed := func(name string) {
		if data, err := os.ReadFile(filepath.Join(root, "docs/pub", filepath.FromSlash(name))); err == nil && string(data) == canary {
			leaks++
		}
	}
	for _, l := range links {
		followed(l.name)
		if l.below != "" && mode == vfs.SymlinksInside {
			if r := s.get(dir + l.name); r.Status != 200 || r.Body != l.below {
				t.Errorf("%s: %d %q", l.name, r.Status, r.Body)
			}
			continue
		}
		s.gone(l.name, dir+l.name)
		s.gone(l.name+" as a directory", dir+l.name+"/")
	}
	for _, l := range dirs {
		for _, below := range []string{"", "/", "/other.txt", "/docs/other.txt", "/top.txt", "/o.txt", "/old.txt", "/pub/a.txt", "/?zip"} {
			followed(l.name + below)
			if l.name == "dir-out" && below == "/pub/a.txt" && mode == vfs.SymlinksInside {
				// Out of what is shared, and back into it.
				if r := s.get(dir + l.name + below); r.Status != 200 || r.Body != "the file a" {
					t.Errorf("%s%s: %d %q", l.name, below, r.Status, r.Body)
				}
				continue
			}
			s.gone(l.name+below, dir+l.name+below)
		}
	}
	if leaks < 8 {
		t.Errorf("the control leaks only %d", leaks)
	}
	for _, target := range []string{"", "?q=txt&deep=1", "?q=&deep=1", "deep/", "?sort=size"} {
		r := s.get(dir+target, "Accept", "application/json")
		for _, hidden := range []string{"out", "top", "escaping", "denied", "absolute", "dangling", "loop", "nested", "dir-", "twice\"", "through"} {
			if mode == vfs.SymlinksInside && hidden == "twice\"" {
				continue
			}
			if strings.Contains(r.Body, hidden) {
				t.Errorf("the listing %q has %s: %s", target, hidden, r.Body)
			}
		}
	}
	if z := s.get(dir + "?zip"); z.Status != 200 || strings.Contains(z.Body, canary) || strings.Contains(z.Body, "outside") {
		t.Errorf("the archive: %d", z.Status)
	}
	// A share of a link covers the link, not what it leads to.
	for _, path := range []string{"/files/docs/to-file", "/files/docs/to-pub", "/files/docs/to-pub/", "/files/docs/pub/file-out", "/files/docs/pub/dir-out/", "/files/to-outside", "/files/to-outside/", "/files/docs/to-pub/a.txt"} {
		r := s.post("alice", fields{"path": path})
		if r.Status == 404 {
			continue
		}
		// Through a link to a directory, the name is what the link leads to.
		if r.Status != 201 || mode != vfs.SymlinksInside {
			t.Errorf("a share of %s: %d %q", path, r.Status, r.Body)
			continue
		}
		m := s.share("alice", fields{"path": path})
		for _, below := range []string{"", "a.txt", "other.txt", "../other.txt", "o.txt", "dir-out/other.txt", "?zip"} {
			if r := s.get(m.URL + below); strings.Contains(r.Body, canary) {
				t.Errorf("a share of %s opens %q", path, below)
			}
		}
	}
	// Files are added to no link, and through none.
	before := treeOf(t, top)
	for _, path := range []string{"/files/drop/link", "/files/docs/to-pub", "/files/to-outside", "/files/docs/pub/dir-escaping", "/files/drop/link/deep"} {
		r := s.post("alice", fields{"path": path, "upload": true})
		if r.Status != 201 {
			continue
		}
		m := s.share("alice", fields{"path": path, "upload": true})
		body, headers := filesForm("sent.txt", "sent")
		if r := s.send("POST", m.URL, body, headers...); r.Status/100 == 2 {
			t.Errorf("a file sent to %s: %d", path, r.Status)
		}
	}
	drop := s.share("alice", fields{"path": "/files/drop", "upload": true}).URL
	// Whether something has the name does not show.
	for _, name := range []string{"taken.txt", "dangling.txt", "link", "pipe", "LINK"} {
		body, headers := filesForm(name, "sent")
		if r := s.send("POST", drop, body, headers...); r.Status != 201 {
			t.Errorf("%s: %d %q", name, r.Status, r.Body)
		}
	}
	after := treeOf(t, top)
	for name, content := range after {
		if _, there := before[name]; !there && !strings.HasPrefix(name, "root/drop/") {
			t.Errorf("%s is new: %q", name, content)
		}
	}
	for name, content := range before {
		if after[name] != content {
			t.Errorf("%s has %q, and had %q", name, after[name], content)
		}
	}
	if len(after) != len(before)+5 {
		t.Errorf("%d files became %d", len(before), len(after))
	}
}

// treeOf returns the content of each file below dir, and the target of each link.
func treeOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Type()&os.ModeNamedPipe != 0 {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if d.Type()&os.ModeSymlink != 0 {
			target, err := os.Readlink(path)
			all[filepath.ToSlash(name)] = "-> " + target
			return err
		}
		data, err := os.ReadFile(path)
		all[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
