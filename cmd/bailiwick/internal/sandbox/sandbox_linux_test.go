package sandbox_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/sandbox"
)

// TestMain also runs the process in the sandbox.
func TestMain(m *testing.M) {
	if dir := os.Getenv("BAILIWICK_TEST_SANDBOX"); dir != "" {
		if err := inside(dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if dir := os.Getenv("BAILIWICK_TEST_SANDBOX_CLOSED"); dir != "" {
		if err := besideClosed(dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if dir := os.Getenv("BAILIWICK_TEST_SANDBOX_REPLACED"); dir != "" {
		if err := besideReplaced(dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// inside tries permitted and forbidden operations on many threads.
func inside(dir string) error {
	at := func(name string) string { return filepath.Join(dir, name) }
	secret := at("outside/secret")
	if _, err := os.ReadFile(secret); err != nil {
		return fmt.Errorf("before the sandbox: %w", err) // the control
	}
	root, err := os.OpenRoot(at("served"))
	if err != nil {
		return err
	}
	on, line, err := sandbox.Restrict(sandbox.Paths{
		Read: append(sandbox.System(), at("served"), at("one-file"), at("missing")), Write: []string{at("written")}, Empty: []string{at("emptied")},
	})
	if err != nil {
		return err
	}
	fmt.Println(line)
	if !on {
		return nil
	}
	var wg sync.WaitGroup
	errs := make(chan error, 1000)
	for range 16 {
		wg.Go(func() {
			runtime.LockOSThread()
			for what, err := range map[string]error{
				"reading a served file":     read(at("served/a")),
				"reading one file":          read(at("one-file")),
				"reading through a root":    readRoot(root, "a"),
				"reading hosts":             read("/etc/hosts"),
				"reading about the process": read("/proc/self/status"),
			} {
				if err != nil {
					errs <- fmt.Errorf("%s: %w", what, err)
				}
			}
			for what, err := range map[string]error{
				"reading outside":                       read(secret),
				"reading through a link":                read(at("served/link")),
				"reading another file in its directory": read(at("one-file2")),
				"reading the users":                     read("/etc/passwd"),
				"writing to the served directory":       os.WriteFile(at("served/new"), nil, 0o600),
				"writing outside":                       os.WriteFile(at("outside/new"), nil, 0o600),
				"creating in what is emptied":           os.Mkdir(at("emptied/new"), 0o700),
				"listing what is emptied":               list(at("emptied")),
				"reading in what is emptied":            read(at("emptied/file")),
				"writing in what is emptied":            os.WriteFile(at("emptied/file"), nil, 0o600),
				"removing in what is emptied":           syscall.Unlink(at("emptied/file")),
				"running a program":                     exec.Command("/bin/true").Run(),
			} {
				if !errors.Is(err, fs.ErrPermission) {
					errs <- fmt.Errorf("%s: %v, want permission denied", what, err)
				}
			}
		})
	}
	wg.Wait()
	if err := os.MkdirAll(at("written/a/b"), 0o700); err != nil {
		errs <- err
	}
	if err := os.WriteFile(at("written/new"), []byte("x"), 0o600); err != nil {
		errs <- err
	}
	if err := os.Rename(at("written/new"), at("written/a/b/moved")); err != nil {
		errs <- fmt.Errorf("moving between directories: %w", err)
	}
	if err := os.RemoveAll(at("written/a")); err != nil {
		errs <- err
	}
	if err := os.Rename(at("emptied/dir"), at("written/dir")); err == nil {
		errs <- errors.New("a directory was moved out of what is emptied")
	}
	if err := os.Remove(at("emptied/dir")); err != nil {
		errs <- fmt.Errorf("removing an empty directory: %w", err)
	}
	close(errs)
	for err := range errs {
		return err
	}
	return nil
}

func read(path string) error {
	_, err := os.ReadFile(path)
	return err
}

func list(path string) error {
	_, err := os.ReadDir(path)
	return err
}

func readRoot(root *os.Root, name string) error {
	f, err := root.Open(name)
	if err == nil {
		f.Close()
	}
	return err
}

func plant(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"served", "written", "outside", "emptied", "emptied/dir"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"served/a", "outside/secret", "one-file", "one-file2", "emptied/file"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../outside/secret", filepath.Join(dir, "served/link")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestRestrict(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "BAILIWICK_TEST_SANDBOX="+plant(t))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "landlock: on") {
		t.Skipf("%s", out)
	}
}

func TestAllows(t *testing.T) {
	dir := plant(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	p := sandbox.Paths{Read: []string{at("served"), at("one-file")}, Write: []string{at("written")}}
	for path, want := range map[string][2]bool{
		"served":             {true, false},
		"served/a":           {true, false},
		"served/new/er":      {true, false},
		"served/link":        {false, false},
		"served/../outside":  {false, false},
		"served2":            {false, false},
		"one-file":           {true, false},
		"one-file2":          {false, false},
		"written/new/deeper": {true, true},
		"outside/secret":     {false, false},
		"..":                 {false, false},
	} {
		if got := [2]bool{p.Allows(at(path), false), p.Allows(at(path), true)}; got != want {
			t.Errorf("%s: read, write %v, want %v", path, got, want)
		}
	}
}
