//go:build unix

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// serveIn starts a server whose shared temporary directory is dir/tmp.
func serveIn(t *testing.T, dir string) *process {
	t.Helper()
	cmd := command("serve", filepath.Join(dir, "srv"), "--allow", "**", "--listen", "127.0.0.1:0", "--access-log", "off")
	cmd.Env = append(cmd.Env, "TMPDIR="+filepath.Join(dir, "tmp"))
	return startCommand(t, cmd)
}

// entries returns what is in a directory.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// TestTemporaryDirectory: a server has its own temporary directory while it runs. The next
// server removes the one of a killed server, and nothing else.
func TestTemporaryDirectory(t *testing.T) {
	dir := tree(t, map[string]string{"srv/a": "a", "tmp/other": "", "elsewhere/kept": ""})
	tmp := filepath.Join(dir, "tmp")
	// These look like leftovers of a server, but are not.
	for _, name := range []string{".bailiwick-serve-unmarked", ".bailiwick-serve-shared"} {
		if err := os.Mkdir(filepath.Join(tmp, name), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(tmp, name, "kept"), "kept")
	}
	if err := os.Chmod(filepath.Join(tmp, ".bailiwick-serve-shared"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), filepath.Join(tmp, ".bailiwick-serve-link")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(tmp, ".bailiwick-serve-file"), "kept")
	before := entries(t, tmp)
	added := func() []string {
		return slices.DeleteFunc(entries(t, tmp), func(name string) bool { return slices.Contains(before, name) })
	}

	first := serveIn(t, dir)
	own := added()
	if len(own) != 1 || !strings.HasPrefix(own[0], ".bailiwick-serve-") {
		t.Fatalf("the temporary directory has %q", own)
	}
	if st, err := os.Stat(filepath.Join(tmp, own[0])); err != nil || st.Mode() != os.ModeDir|0o700 {
		t.Fatalf("%v, %v", st.Mode(), err)
	}
	// With the marker, the others look even more like leftovers.
	marker := entries(t, filepath.Join(tmp, own[0]))
	if len(marker) != 1 {
		t.Fatalf("the directory has %q", marker)
	}
	for _, file := range []string{filepath.Join(tmp, ".bailiwick-serve-shared", marker[0]), filepath.Join(dir, "elsewhere", marker[0])} {
		write(t, file, "")
		if err := os.Chmod(file, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	second := serveIn(t, dir)
	if got := added(); len(got) != 2 || !slices.Contains(got, own[0]) {
		t.Errorf("with two servers: %q", got)
	}
	second.stop()
	if got := added(); !slices.Equal(got, own) {
		t.Errorf("after one has ended: %q", got)
	}
	// A killed server leaves its directory and files.
	write(t, filepath.Join(tmp, own[0], "spool"), "x")
	if err := os.MkdirAll(filepath.Join(tmp, own[0], "deep", "er"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), filepath.Join(tmp, own[0], "out")); err != nil {
		t.Fatal(err)
	}
	first.signal(syscall.SIGKILL)
	first.exit()
	if got := added(); !slices.Equal(got, own) {
		t.Fatalf("after one was killed: %q", got)
	}
	third := serveIn(t, dir)
	if got := added(); len(got) != 1 || slices.Contains(got, own[0]) {
		t.Errorf("the next server removed nothing: %q", got)
	}
	third.stop()
	// A start that fails leaves nothing.
	cmd := command("serve", filepath.Join(dir, "missing"), "--allow", "**", "--listen", "127.0.0.1:0")
	cmd.Env = append(cmd.Env, "TMPDIR="+tmp)
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Errorf("a missing source: %s", out)
	}
	if got := entries(t, tmp); !slices.Equal(got, before) {
		t.Errorf("at the end: %q, want %q", got, before)
	}
	for file, want := range map[string]bool{"tmp/.bailiwick-serve-unmarked/kept": true, "tmp/.bailiwick-serve-shared/kept": true, "elsewhere/kept": true, "tmp/.bailiwick-serve-file": true} {
		if _, err := os.Stat(filepath.Join(dir, file)); (err == nil) != want {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestNoTemporaryDirectory: without a writable temporary directory, as in a read-only
// container, a server warns and serves.
func TestNoTemporaryDirectory(t *testing.T) {
	dir := tree(t, map[string]string{"srv/a": "a"})
	p := serveIn(t, dir)
	if _, body := get(t, p.url+"/a"); body != "a" {
		t.Errorf("a is %q", body)
	}
	if !slices.ContainsFunc(p.said(), func(line string) bool { return strings.HasPrefix(line, "temporary directory: none, ") }) {
		t.Errorf("%s", strings.Join(p.said(), "\n"))
	}
	p.stop()
}
