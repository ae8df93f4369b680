package server_test

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// TestWriteAttacks tries to write and delete every name of the attack table. All get the
// uniform 404, byte for byte. Names that are refused by the grammar or the policy cause no
// backend call, and nothing outside the root changes. In the same run, all legal names that
// can be created are written; otherwise a server that refuses everything would pass.
func TestWriteAttacks(t *testing.T) {
	const mark = "written by an attacker"
	for _, c := range []struct {
		name  string
		links vfs.Symlinks
		opts  *disk.Options // nil for memory
	}{
		{"disk", vfs.SymlinksRefuse, &disk.Options{}},
		{"disk, links inside", vfs.SymlinksInside, &disk.Options{}},
		{"disk, os.Root", vfs.SymlinksRefuse, &disk.Options{Portable: true}},
		{"memory", vfs.SymlinksRefuse, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := vfstest.FixturePolicy()
			p.Symlinks = c.links
			b, outside := plantYard(t, c.opts)
			around := outside()
			jail := jailOver(t, b, p)
			url := start(t, server.New(jail, server.Config{Write: true, List: true, Logger: quiet}))
			w := dialWire(t, url)
			missing := w.write("DELETE", "public/there-is-no-such-name", "")
			if missing.status != 404 {
				t.Fatalf("a missing name: %d", missing.status)
			}
			before := canaries(t, b)
			refused := 0
			for _, a := range vfstest.Attacks() {
				if (&rawClient{}).malformed(a.Raw) {
					continue // Go's own parser answers 400
				}
				if a.Class == "symlink" && c.opts == nil {
					continue // memory has no symlinks
				}
				for _, method := range []string{"DELETE", "PUT"} {
					calls := b.calls.Load()
					got := w.write(method, a.Raw, mark)
					if a.Reason == reason.Missing && method == "PUT" {
						continue // creating it may be legitimate
					}
					refused++
					if got != missing {
						t.Errorf("%s: %s %q: %d, not the uniform 404\n%s%s", a.Name, method, a.Raw, got.status, got.header, got.body)
					}
					if step := a.Reason.Step(); (step == "name" || step == "policy") && b.calls.Load() != calls {
						t.Errorf("%s: %s %q: the backend was called", a.Name, method, a.Raw)
					}
				}
			}
			if refused < 150 {
				t.Errorf("only %d writes were refused", refused)
			}
			if after := canaries(t, b); after != before {
				t.Errorf("%d objects hold the canary, want %d as before", after, before)
			}
			created := 0
			for _, l := range vfstest.LegalNames() {
				n, err := vfs.ParseName(l.Name)
				if err != nil {
					t.Fatal(err)
				}
				got := w.write("PUT", "legal/new/"+strings.TrimPrefix(l.Raw, "legal/"), l.Data)
				at, err := vfs.ParseName("legal/new/" + strings.TrimPrefix(n.String(), "legal/"))
				want := 404
				if err == nil {
					switch v := jail.Explain(t.Context(), vfs.OpWrite, at); {
					case v.Allowed:
						want = 201
					case v.Reason.Step() == "create":
						want = 422
					}
				}
				if l.Name == "legal/case.txt" {
					want = 409 // differs in case from Case.txt, which exists
				}
				if got.status != want {
					t.Errorf("legal name %q: %d, want %d", l.Raw, got.status, want)
				}
				if got.status != 201 {
					continue
				}
				created++
				if r := get(t, "GET", url+"/"+at.EscapedPath()); r.Status != 200 || r.Body != l.Data {
					t.Errorf("%q reads back as %d %q", l.Raw, r.Status, r.Body)
				}
			}
			if created < 25 {
				t.Errorf("only %d legal names were created", created)
			}
			if now := outside(); now != around || c.opts != nil && !strings.Contains(now, vfstest.Canary) {
				t.Errorf("outside the root:\n%s\nbefore:\n%s", now, around)
			}
		})
	}
}

// plantYard creates the fixture on disk with opts, or in memory if opts is nil. outside
// returns a description of all files outside the root.
func plantYard(t testing.TB, opts *disk.Options) (b *countedBackend, outside func() string) {
	t.Helper()
	if opts == nil {
		b, err := mem.FromMap(vfstest.Fixture().Files)
		if err != nil {
			t.Fatal(err)
		}
		return counted(b), func() string { return "" }
	}
	root, _, err := vfstest.Plant(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	with := *opts
	with.Writable, with.SkipSelfTest = true, true
	onDisk, err := disk.New(root, with)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { onDisk.Close() })
	return counted(onDisk), func() string { return snapshot(t, filepath.Dir(root), filepath.Base(root)) }
}

// canaries returns the number of objects that hold the canary.
func canaries(t testing.TB, b vfs.Backend) int {
	t.Helper()
	count := 0
	var walk func(vfs.Name)
	walk = func(dir vfs.Name) {
		for e, err := range b.List(t.Context(), dir, "") {
			if err != nil {
				t.Fatal(err)
			}
			n, err := dir.Child(e.Elem)
			switch {
			case err != nil || e.Kind == vfs.KindLink:
			case e.Kind == vfs.KindDir:
				walk(n)
			default:
				obj, err := b.Open(t.Context(), n, vfs.Request{})
				if err != nil {
					t.Fatal(err)
				}
				data, err := io.ReadAll(obj.Body)
				obj.Body.Close()
				if err != nil {
					t.Fatal(err)
				}
				if string(data) == vfstest.Canary {
					count++
				}
			}
		}
	}
	walk(vfs.Root)
	return count
}

// snapshot describes all files below dir, except those below except.
func snapshot(t testing.TB, dir, except string) string {
	t.Helper()
	var all strings.Builder
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == except {
			return fs.SkipDir
		}
		fmt.Fprint(&all, path)
		if d.Type().IsRegular() {
			data, err := os.ReadFile(filepath.Join(dir, path))
			if err != nil {
				return err
			}
			fmt.Fprintf(&all, " %q", data)
		}
		all.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// The control: a server that joins root and path writes and deletes files outside the root.
func TestWriteAttacksControl(t *testing.T) {
	root, _, err := vfstest.Plant(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	naive := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		path := filepath.Join(root, r.URL.Path)
		data, err := io.ReadAll(r.Body)
		if err == nil && r.Method == "PUT" {
			err = os.WriteFile(path, data, 0o600)
		} else if err == nil {
			err = os.Remove(path)
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	})
	outside := func() string { return snapshot(t, filepath.Dir(root), filepath.Base(root)) }
	reached := map[string]int{}
	for _, a := range vfstest.Attacks() {
		if (&rawClient{}).malformed(a.Raw) {
			continue
		}
		for _, method := range []string{"PUT", "DELETE"} {
			before := outside()
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(method + " /" + a.Raw + " HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nmark")))
			if err != nil {
				t.Fatal(err)
			}
			func() {
				defer func() { _ = recover() }()
				naive.ServeHTTP(httptest.NewRecorder(), r)
			}()
			if outside() != before {
				reached[method]++
				if err := os.WriteFile(filepath.Join(filepath.Dir(root), "canary.txt"), []byte(vfstest.Canary), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if reached["PUT"] < 5 || reached["DELETE"] < 5 {
		t.Errorf("only %v attacks succeed on the naive server", reached)
	}
}
