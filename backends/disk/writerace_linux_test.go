package disk_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/testdata/length"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// attack exchanges a and b repeatedly until its standard input ends, and then prints
// how often. At the end, everything is as before.
func attack(dir string) {
	ended := make(chan struct{})
	go func() {
		os.Stdin.Read(make([]byte, 1))
		close(ended)
	}()
	pairs := [][2]string{{"dir", "link-dir"}, {"deep/er", "link-deep"}, {"file", "link-file"}, {"kind", "link-kind"}}
	for n := 0; ; n++ {
		for _, p := range pairs {
			a, b := filepath.Join(dir, p[0]), filepath.Join(dir, p[1])
			if err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE); err != nil && n > 0 && err != unix.ENOENT {
				fmt.Println("attacker:", err)
				return
			}
		}
		if n == enoughSwaps {
			fmt.Println("enough")
		}
		if n%2 == 1 {
			select {
			case <-ended:
				fmt.Println("swaps", n)
				return
			default:
			}
		}
	}
}

// enoughSwaps is how often everything must have been exchanged for the race to prove
// anything.
const enoughSwaps = 100

// raceLimit bounds how long a race continues until it has proved something: a slow
// machine must not make it vacuous.
const raceLimit = time.Minute

// TestWriteRace: while another process exchanges entries on the path for links out of
// the root, not a single byte is written outside; the naive control leaks in the same
// run.
func TestWriteRace(t *testing.T) {
	lasts := time.Second
	if length.Short() {
		lasts = 200 * time.Millisecond
	}
	for _, way := range []string{"default", "portable", "naive"} {
		t.Run(way, func(t *testing.T) {
			top := t.TempDir()
			root, outside := filepath.Join(top, "root"), filepath.Join(top, "outside")
			for _, f := range []string{"dir/keep", "deep/er/keep", "kind/keep", "file"} {
				write(t, root, f, "inside")
			}
			write(t, outside, "file", "outside")
			write(t, outside, "keep", "outside")
			for link, target := range map[string]string{
				"link-dir": outside, "link-deep": "../../outside", "link-file": filepath.Join(outside, "file"), "link-kind": "../outside",
			} {
				if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
					t.Fatal(err)
				}
			}
			before := fmt.Sprint(snapshot(t, outside))
			cmd, in, out := startChild(t, "attacker", root)
			enough, last := make(chan struct{}), make(chan string, 1)
			go func() {
				text := ""
				for out.Scan() {
					if text = out.Text(); text == "enough" {
						close(enough)
					}
				}
				last <- text
			}()
			var act func(s string) error
			if way == "naive" {
				act = func(s string) error {
					path := filepath.Join(root, s)
					if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
						return err
					}
					return os.WriteFile(path, []byte("written"), 0o644)
				}
			} else {
				b := writable(t, root, disk.Options{Portable: way == "portable"})
				act = func(s string) error {
					n := name(t, s)
					_, err := put(b, n, "written", vfs.PutOptions{})
					if err == nil && strings.Contains(s, "new") {
						err = b.Remove(context.Background(), n, vfs.Cond{})
					}
					var e *vfs.Error
					if err != nil && !errors.As(err, &e) {
						t.Errorf("%s: %v is a %T", s, err, err)
					}
					return err
				}
			}
			done, refused := 0, map[string]int{}
			start := time.Now()
			hasLeaked := func() bool { return fmt.Sprint(snapshot(t, outside)) != before }
			proved := func() bool {
				if way == "naive" {
					return hasLeaked() // the attacker may not run for a while
				}
				select {
				case <-enough:
					return done >= 20 && refused[string(reason.Symlink)] >= 20
				default:
					return false
				}
			}
			for time.Since(start) < lasts || !proved() && time.Since(start) < raceLimit {
				for _, s := range []string{"dir/file", "dir/new", "deep/er/file", "deep/er/new/new", "file", "kind/keep", "kind/a/new"} {
					if err := act(s); err == nil {
						done++
					} else {
						refused[string(vfs.ReasonOf(err))]++
					}
				}
			}
			in.Close()
			swaps, said := 0, <-last
			if _, err := fmt.Sscanf(said, "swaps %d", &swaps); err != nil {
				t.Errorf("the attacker printed %q", said)
			}
			cmd.Wait()
			leaked := hasLeaked()
			t.Logf("%d writes, refused %v, %d swaps, leaked %t", done, refused, swaps, leaked)
			if leaked != (way == "naive") {
				t.Errorf("leaked: %t; outside contains %q", leaked, snapshot(t, outside))
			}
			if way == "naive" {
				return
			}
			if !proved() || swaps < enoughSwaps {
				t.Errorf("too few exchanges to prove anything")
			}
			writable(t, root, disk.Options{})
			if _, err := os.Lstat(filepath.Join(root, staging)); err == nil {
				t.Error("staging is left after the next start")
			}
			for _, link := range []string{"link-dir", "link-deep", "link-kind"} {
				if st, err := os.Lstat(filepath.Join(root, link)); err != nil || st.Mode().Type() != os.ModeSymlink {
					t.Errorf("%s is no longer a link: %v", link, err)
				}
			}
		})
	}
}
