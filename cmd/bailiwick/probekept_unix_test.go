//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/server/probe"
)

// unread returns a pipe that nobody reads.
func unread(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	r.Close()
	return w
}

// Whoever reads the output goes away, as in "bailiwick probe … | head -1". What was planted
// is removed all the same, and the exit code does not say that something was found.
func TestProbeUnread(t *testing.T) {
	dir := filepath.Join(tree(t, map[string]string{"www/a.txt": "a"}), "www")
	srv := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer srv.Close()
	for _, which := range []string{"stdout", "stderr"} {
		cmd, temp := probeCommand(t, srv.URL, "--plant", dir, "--skip", "hang", "--skip", "oracle")
		want := 1
		if which == "stdout" {
			cmd.Stdout, want = unread(t), 2
		} else {
			cmd.Stderr = unread(t)
		}
		_ = cmd.Run()
		if code := cmd.ProcessState.ExitCode(); code != want {
			t.Errorf("%s: exit code %d, want %d", which, code, want)
		}
		if names := listing(t, dir, filepath.Dir(dir), temp); len(names) != 2 {
			t.Errorf("%s: left: %q", which, names)
		}
	}

	file := filepath.Join(t.TempDir(), "planted.json")
	cmd := command("probe", "plant", dir, "--save", file)
	cmd.Stderr = unread(t)
	if err := cmd.Run(); err != nil {
		t.Errorf("plant: %v", err)
	}
	if out, err := command("probe", "remove", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// An interrupted planting leaves neither a tree nor a description; a finished one both.
func TestPlantInterrupted(t *testing.T) {
	dir := filepath.Join(tree(t, map[string]string{"www/a.txt": "a"}), "www")
	file := filepath.Join(t.TempDir(), "planted.json")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stderr bytes.Buffer
	if code := run(ctx, []string{"probe", "plant", dir, "--save", file}, nil, &stderr, &stderr, nil); code != cli.ExitUsage {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
	if names := listing(t, dir, filepath.Dir(dir), filepath.Dir(file)); len(names) != 2 {
		t.Errorf("left: %q", names)
	}

	args := []string{"probe", "plant", dir, "--save", file}
	for i := range 100 { // so that it takes a while
		args = append(args, "--deny", fmt.Sprint("private", i))
	}
	cmd := command(args...)
	cmd.Env = append(cmd.Env, "TMPDIR="+t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait()
	}()
	for waiting := true; waiting; {
		found, _ := filepath.Glob(filepath.Join(dir, "bailiwick-probe-*"))
		select {
		case <-done:
			waiting = false
		default:
			waiting = len(found) == 0
		}
	}
	_ = cmd.Process.Signal(syscall.SIGINT)
	<-done
	names := listing(t, dir, filepath.Dir(dir), filepath.Dir(file))
	switch code := cmd.ProcessState.ExitCode(); {
	case code == cli.ExitDone && slices.Contains(names, file): // the signal was late
	case code == cli.ExitUsage && len(names) == 2:
	default:
		t.Errorf("exit code %d, left: %q", code, names)
	}
}

// The description stays as long as what it describes.
func TestRemoveKeepsFile(t *testing.T) {
	dir := filepath.Join(tree(t, map[string]string{"www/a.txt": "a"}), "www")
	file := filepath.Join(t.TempDir(), "planted.json")
	if out, err := command("probe", "plant", dir, "--save", file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	planted, err := probe.Load(f)
	f.Close()
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(dir, planted.Name())
	for what, c := range map[string]struct{ path, inPlace string }{
		"the directory is missing": {dir, ""},
		"a file is in its place":   {own, "not planted"},
	} {
		if err := os.Rename(c.path, c.path+"-moved"); err != nil {
			t.Fatal(err)
		}
		if c.inPlace != "" {
			write(t, c.path, c.inPlace)
		}
		out, err := command("probe", "remove", file).CombinedOutput()
		if _, gone := os.Stat(file); gone != nil || err == nil {
			t.Fatalf("%s: %v, %v\n%s", what, err, gone, out)
		}
		if c.inPlace != "" {
			if err := os.Remove(c.path); err != nil {
				t.Error(err)
			}
		}
		if err := os.Rename(c.path+"-moved", c.path); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := command("probe", "remove", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
