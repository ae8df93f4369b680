package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// selfTest checks whether the jail holds on this kernel, in a tree that it plants below
// the system's temporary directory. It returns a note if the test could not run, or
// only in part.
func selfTest(open func(dir string) (*Backend, error)) (note string, err error) {
	top, err := os.MkdirTemp("", "bailiwick-selftest-")
	if err != nil {
		return "the self-test of the jail was skipped: no temporary directory is writable", nil
	}
	defer os.RemoveAll(top)
	cases, links, err := plant(top)
	if err != nil {
		return "the self-test of the jail was skipped: cannot create its tree", nil
	}
	b, err := open(filepath.Join(top, "root"))
	if err != nil {
		return "", fmt.Errorf("the self-test of the jail failed: %w", err)
	}
	defer b.Close()
	for name, want := range cases {
		n, err := vfs.ParseName(name)
		if err != nil {
			return "", err
		}
		obj, err := b.Open(context.Background(), n, vfs.Request{})
		if err == nil {
			obj.Body.Close()
		}
		if got := vfs.ReasonOf(err); got != want || (err == nil) != (want == "") {
			return "", fmt.Errorf("%w: in the self-test, %s gave %q, want %q", ErrJail, name, got, want)
		}
		if !b.opts.Writable {
			continue
		}
		_, err = b.Put(context.Background(), n, strings.NewReader("changed"), vfs.PutOptions{})
		if got := vfs.ReasonOf(err); got != want || (err == nil) != (want == "") {
			return "", fmt.Errorf("%w: in the self-test, writing to %s gave %q, want %q", ErrJail, name, got, want)
		}
	}
	if data, err := os.ReadFile(filepath.Join(top, "outside", "file")); err != nil || string(data) != "x" {
		return "", fmt.Errorf("%w: in the self-test, a file outside the root was changed", ErrJail)
	}
	if links == 0 {
		note = noLinks
	}
	return note, nil
}

// ErrJail is returned by New if the jail does not hold on this system.
var ErrJail = errors.New("the jail does not hold under this kernel or sandbox; nothing is served (run the server on another kernel, or outside the sandbox)")

// plant creates the self-test's tree. It returns the expected result for each name, and
// the number of symbolic links among them. It leaves out links that the system cannot
// create.
func plant(top string) (cases map[string]vfs.Reason, links int, err error) {
	root, outside := filepath.Join(top, "root"), filepath.Join(top, "outside")
	for _, dir := range []string{filepath.Join(root, "dir"), outside} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, 0, err
		}
	}
	for _, file := range []string{filepath.Join(root, "dir", "file"), filepath.Join(outside, "file")} {
		if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
			return nil, 0, err
		}
	}
	cases = map[string]vfs.Reason{"dir/file": ""}
	for _, l := range []struct{ name, target, requested string }{
		{"file-out", filepath.Join("..", "outside", "file"), "file-out"},
		{"dir-out", filepath.Join("..", "outside"), "dir-out/file"},
		{"absolute", filepath.Join(outside, "file"), "absolute"},
		{"file-in", filepath.Join("dir", "file"), "file-in"},
		{"dir-in", "dir", "dir-in/file"},
		{"dangling", "nothing", "dangling"},
	} {
		path := filepath.Join(root, l.name)
		if os.Symlink(l.target, path) != nil {
			continue
		}
		// Wine reports success without creating a link. If there is something that does
		// not look like a link, the test has to find it.
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		cases[l.requested] = reason.Symlink
		links++
	}
	if plantFIFO(filepath.Join(root, "fifo")) == nil {
		cases["fifo"] = reason.SpecialFile
	}
	return cases, links, nil
}
