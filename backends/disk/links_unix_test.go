//go:build unix

package disk_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// plantAll creates a tree with every kind of entry.
func plantAll(t *testing.T) (root string) {
	t.Helper()
	top := t.TempDir()
	root = filepath.Join(top, "root")
	write(t, top, "outside/secret", "canary")
	write(t, top, "root-beside/secret", "canary")
	write(t, root, "file", "file")
	write(t, root, "dir/file", "dir/file")
	write(t, root, "dir/sub/file", "dir/sub/file")
	write(t, root, "hidden/secret", "canary")
	for link, target := range map[string]string{
		"to-file": "file", "to-dir": "dir", "to-self": "to-self", "to-root": ".", "dangling": "nothing",
		"out-file": "../outside/secret", "out-dir": "../outside", "out-beside": "../root-beside/secret",
		"abs-in": filepath.Join(root, "file"), "abs-out": filepath.Join(top, "outside/secret"), "proc": "/proc/self/root",
		"dir/up": "../file", "dir/up-up": "../../outside/secret", "dir/sub/up-dir": "..", "dir/to-hidden": "../hidden",
		"slash": "dir/", "dots": "./dir/./sub", "through": "to-dir/file", "over": "dir/../file", "over-link": "to-dir/../file",
		"loop-a": "loop-b", "loop-b": "loop-a", "empty-name": "dir//file",
	} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 10 {
		target := "file"
		if i > 0 {
			target = fmt.Sprintf("chain%d", i)
		}
		if err := os.Symlink(target, filepath.Join(root, fmt.Sprintf("chain%d", i+1))); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(root, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	// The length of a socket's path is limited, so create it from inside.
	t.Chdir(root)
	l, err := net.Listen("unix", "socket")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	// Creating a device needs root privileges.
	_ = mknod(unix.Mknod, filepath.Join(root, "null"), unix.S_IFCHR|0o666, unix.Mkdev(1, 3))
	return root
}

// mknod calls unix.Mknod, whose device is an int or, on FreeBSD, a uint64.
func mknod[Dev int | uint64](call func(string, uint32, Dev) error, path string, mode uint32, dev uint64) error {
	return call(path, mode, Dev(dev))
}

// candidates returns all names of up to three elements from those in the tree, and one
// that is not in it.
func candidates(t *testing.T, root string) []vfs.Name {
	t.Helper()
	elems := []string{"nothing", "sub", "secret", "up", "up-up", "up-dir", "to-hidden"}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		elems = append(elems, e.Name())
	}
	var names []vfs.Name
	for _, a := range elems {
		names = append(names, name(t, a))
		for _, b := range elems {
			names = append(names, name(t, a+"/"+b))
		}
	}
	for _, a := range []string{"dir", "to-dir", "to-root", "dir/sub/up-dir", "dots"} {
		for _, b := range []string{"sub", "to-dir", "up-dir", "sub/up-dir"} {
			for _, c := range elems {
				names = append(names, name(t, a+"/"+b+"/"+c))
			}
		}
	}
	return names
}

// The two ways to open files have to agree on every name: bytes, reason, and link
// target.
func TestWaysAgree(t *testing.T) {
	root := plantAll(t)
	ways := make([]*disk.Backend, 2)
	for i := range ways {
		b, err := disk.New(root, disk.Options{Portable: i == 1, SkipSelfTest: true})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		ways[i] = b
	}
	count := map[string]int{}
	for _, n := range candidates(t, root) {
		var saw [2]string
		for i, b := range ways {
			data, _, err := get(b, n, vfs.Request{Links: true})
			saw[i] = fmt.Sprintf("%q reason=%s link=%s", data, vfs.ReasonOf(err), linkOf(err))
			if strings.Contains(data, "canary") && n.String() != "hidden/secret" {
				t.Errorf("%s: served the canary", n)
			}
			for _, err := range b.List(context.Background(), n, "") {
				saw[i] += " list: " + string(vfs.ReasonOf(err)) + " " + linkOf(err)
				break
			}
		}
		if saw[0] != saw[1] {
			t.Errorf("%s:\n default  %s\n portable %s", n, saw[0], saw[1])
		}
		count[saw[0][strings.IndexByte(saw[0], ' '):]]++
	}
	if len(count) < 10 {
		t.Errorf("only %d kinds of answers: the test proves nothing", len(count))
	}
}

func linkOf(err error) string {
	if e, ok := err.(*vfs.Error); ok {
		return e.Link.String()
	}
	return ""
}

func TestLinksRefused(t *testing.T) {
	root := plantAll(t)
	both(t, root, disk.Options{}, func(t *testing.T, b *disk.Backend) {
		jail, err := vfs.New(b, vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("hidden")})
		if err != nil {
			t.Fatal(err)
		}
		served := 0
		for _, n := range candidates(t, root) {
			obj, err := jail.Get(context.Background(), n, vfs.Request{})
			if err != nil {
				continue
			}
			obj.Body.Close()
			// Whatever is served exists under its own name, without links.
			real, err := filepath.EvalSymlinks(filepath.Join(root, n.String()))
			if err != nil || real != filepath.Join(root, n.String()) {
				t.Errorf("%s was served, but its real path is %s", n, real)
			}
			served++
		}
		if served != 3 {
			t.Errorf("%d names were served, want 3", served)
		}
		var listed []string
		for e, err := range jail.List(context.Background(), vfs.Root, "") {
			if err != nil {
				t.Fatal(err)
			}
			listed = append(listed, e.Key())
		}
		if want := []string{"dir/", "file"}; !slices.Equal(listed, want) {
			t.Errorf("listing: %q, want %q", listed, want)
		}
	})
}

func TestLinksInside(t *testing.T) {
	root := plantAll(t)
	served := map[string]string{
		"file": "file", "to-file": "file", "to-dir/file": "dir/file", "to-root/file": "file", "dir/up": "file",
		"dir/sub/up-dir/file": "dir/file", "slash/file": "dir/file", "dots/file": "dir/sub/file", "through": "dir/file",
		"empty-name": "dir/file", "to-dir/sub/up-dir/up": "file", "chain8": "file", "to-root/to-root/to-dir/file": "dir/file",
	}
	refused := []string{
		"to-self", "dangling", "out-file", "out-dir/secret", "out-beside", "abs-in", "abs-out", "proc/etc/passwd",
		"dir/up-up", "dir/to-hidden/secret", "over-link", "loop-a", "chain9", "fifo", "socket", "to-dir", "hidden/secret",
	}
	both(t, root, disk.Options{}, func(t *testing.T, b *disk.Backend) {
		jail, err := vfs.New(b, vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("hidden"), Symlinks: vfs.SymlinksInside})
		if err != nil {
			t.Fatal(err)
		}
		for s, want := range served {
			obj, err := jail.Get(context.Background(), name(t, s), vfs.Request{})
			if err != nil {
				t.Errorf("%s: %v, reason %s", s, err, vfs.ReasonOf(err))
				continue
			}
			obj.Body.Close()
			if obj.Info.Size != int64(len(want)) || obj.Info.Name.String() != s {
				t.Errorf("%s: %d bytes of %s, want %q", s, obj.Info.Size, obj.Info.Name, want)
			}
		}
		for _, s := range refused {
			if obj, err := jail.Get(context.Background(), name(t, s), vfs.Request{}); err == nil {
				obj.Body.Close()
				t.Errorf("%s was served", s)
			} else if linkOf(err) != "" || strings.Contains(err.Error(), "outside") {
				t.Errorf("%s: the error reveals the link target: %v", s, err)
			}
		}
	})
}

// Links to names that the policy refuses do not bypass it.
func TestLinkCannotWidenThePolicy(t *testing.T) {
	root := plantAll(t)
	both(t, root, disk.Options{}, func(t *testing.T, b *disk.Backend) {
		jail, err := vfs.New(b, vfs.Policy{Allow: vfs.Patterns("to-*", "to-*/**", "dir/**"), Symlinks: vfs.SymlinksInside})
		if err != nil {
			t.Fatal(err)
		}
		if obj, err := jail.Get(context.Background(), name(t, "to-dir/file"), vfs.Request{}); err != nil {
			t.Errorf("to-dir/file: %v", err)
		} else {
			obj.Body.Close()
		}
		_, err = jail.Get(context.Background(), name(t, "to-file"), vfs.Request{})
		if vfs.ReasonOf(err) != reason.Symlink {
			t.Errorf("a link to a denied name: %v", err)
		}
	})
}

func TestSpecialFiles(t *testing.T) {
	root := plantAll(t)
	both(t, root, disk.Options{}, func(t *testing.T, b *disk.Backend) {
		for _, s := range []string{"fifo", "socket", "null"} {
			if _, err := os.Lstat(filepath.Join(root, s)); err != nil {
				continue
			}
			if _, _, err := get(b, name(t, s), vfs.Request{}); vfs.ReasonOf(err) != reason.SpecialFile {
				t.Errorf("%s: %v, reason %q", s, err, vfs.ReasonOf(err))
			}
		}
	})
}
