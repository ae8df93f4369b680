package vfstest_test

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"runtime"
	"testing"
	"testing/fstest"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// mapFS holds a tree with its links and special files.
func mapFS(tree vfstest.Tree) fstest.MapFS {
	m := fstest.MapFS{}
	for name, data := range tree.Files {
		m[name] = &fstest.MapFile{Data: []byte(data)}
	}
	for name, target := range tree.Links {
		m[name] = &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink}
	}
	for _, name := range tree.Special {
		m[name] = &fstest.MapFile{Mode: fs.ModeNamedPipe}
	}
	return m
}

// get handles raw as a request would be.
func get(t *testing.T, j *vfs.Jail, raw string) ([]byte, error) {
	n, err := vfs.ParseEscapedPath(raw)
	if err != nil {
		return nil, err
	}
	obj, err := j.Get(t.Context(), n, vfs.Request{})
	if err != nil {
		return nil, err
	}
	defer obj.Body.Close()
	return io.ReadAll(obj.Body)
}

// An attack has to succeed against its naive server, or it proves nothing, and a Jail
// has to refuse it, for the reason in the table.
func TestAttacks(t *testing.T) {
	root, _, err := vfstest.Plant(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	jail, err := vfs.New(vfs.FromFS(mapFS(vfstest.Fixture())), vfstest.FixturePolicy())
	if err != nil {
		t.Fatal(err)
	}
	naive := vfstest.NaiveServers()
	seen := map[string]bool{}
	used := map[string]bool{}
	for _, a := range vfstest.Attacks() {
		t.Run(a.Name, func(t *testing.T) {
			if seen[a.Name] || seen[a.Raw] {
				t.Errorf("duplicate row in the table")
			}
			seen[a.Name], seen[a.Raw], used[a.Control] = true, true, true
			serve, ok := naive[a.Control]
			if !ok {
				t.Fatalf("there is no naive server %q", a.Control)
			}
			data, err := serve(root, a.Raw)
			if !bytes.Contains(data, []byte(vfstest.Canary)) {
				t.Errorf("void: the naive server %q is not vulnerable to %q (%v)", a.Control, a.Raw, err)
			}
			data, err = get(t, jail, a.Raw)
			if vfs.ReasonOf(err) != a.Reason || len(data) > 0 {
				t.Errorf("%q: %d bytes, %v, reason %q, want %q", a.Raw, len(data), err, vfs.ReasonOf(err), a.Reason)
			}
		})
	}
	for name := range naive {
		if !used[name] {
			t.Errorf("no attack uses the naive server %q", name)
		}
	}
}

// A server that refuses everything passes every attack, so these must be served.
func TestLegal(t *testing.T) {
	jail, err := vfs.New(vfs.FromFS(mapFS(vfstest.Fixture())), vfstest.FixturePolicy())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range vfstest.LegalNames() {
		n, err := vfs.ParseEscapedPath(l.Raw)
		if err != nil || n.String() != l.Name {
			t.Errorf("%q makes the name %+q, %v, want %+q", l.Raw, n, err, l.Name)
		}
		if data, err := get(t, jail, l.Raw); err != nil || string(data) != l.Data {
			t.Errorf("%q: %q, %v, want %q", l.Raw, data, err, l.Data)
		}
		if data, err := get(t, jail, n.EscapedPath()); err != nil || string(data) != l.Data {
			t.Errorf("%q, escaped as %q: %q, %v", l.Raw, n.EscapedPath(), data, err)
		}
	}
}

// Every reason that the parser or the patterns can give has an attack.
func TestAttacksCoverReasons(t *testing.T) {
	missing := map[vfs.Reason]bool{
		reason.NameEmpty: true, reason.NameTooLong: true, reason.NameElementTooLong: true,
		reason.NameSlash: true, reason.NameDot: true, reason.NameDotDot: true,
		reason.NameBackslash: true, reason.NameNUL: true, reason.NameControl: true,
		reason.NameUTF8: true, reason.NameBidi: true, reason.NameUnicode: true,
		reason.NameEscape: true, reason.NameEncodedSlash: true,
		reason.PolicyDeny: true, reason.PolicyNoAllow: true, reason.PolicyDotfile: true,
		reason.Symlink: true, reason.Directory: true, reason.Missing: true,
	}
	for _, a := range vfstest.Attacks() {
		delete(missing, a.Reason)
	}
	for why := range missing {
		t.Errorf("no attack has the reason %q", why)
	}
}

// On a disk, no attack escapes from the fixture, and the legal names that Plant returns
// exist.
func TestYardOnDisk(t *testing.T) {
	root, legal, err := vfstest.Plant(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	jail := must(vfs.New(vfs.FromFS(os.DirFS(root)), vfstest.FixturePolicy()))
	for _, a := range vfstest.Attacks() {
		if data, err := get(t, jail, a.Raw); err == nil || bytes.Contains(data, []byte(vfstest.Canary)) {
			t.Errorf("%s: %q, %v", a.Name, data, err)
		}
	}
	if runtime.GOOS == "linux" && len(legal) != len(vfstest.LegalNames()) {
		t.Errorf("%d of %d legal names were planted", len(legal), len(vfstest.LegalNames()))
	}
	for _, l := range legal {
		if data, err := get(t, jail, l.Raw); err != nil || string(data) != l.Data {
			t.Errorf("%q: %q, %v", l.Raw, data, err)
		}
	}
}
