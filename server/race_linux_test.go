package server_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/testdata/length"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A swap is a pair of names that the attacker exchanges. a may be served; b may lead out of
// the root or to a denied name.
type swap struct{ a, b string }

var swaps = []swap{
	{"dir-out", "x1"},         // a directory and a link out
	{"file-out", "x2"},        // a file and a link out
	{"deep/er/dir-out", "x3"}, // a nested directory and a relative link out
	{"dir-hidden", "x4"},      // a directory and a link to a denied one
	{"dir-file", "x5"},        // a directory and a file
	{"dir-dangling", "x6"},    // a directory and a dangling link
	{"file-fifo", "x7"},       // a file and a FIFO
	{"dir-in", "x8"},          // a directory and a link to an allowed one
}

// The race lasts at least raceTime. It goes on, up to raceLimit, until each server has
// given useful responses, so that it is not vacuous on a slow machine.
const (
	raceTime  = 10 * time.Second
	raceLimit = 90 * time.Second
	useful    = 1000
)

// plantRace creates the tree. Files inside contain INSIDE, denied ones REFUSED, and files
// outside OUTSIDE; the latter two also in a file name.
func plantRace(t *testing.T) (root string) {
	top := t.TempDir()
	root = filepath.Join(top, "root")
	files := map[string]string{
		"outside/file": "OUTSIDE", "outside/OUTSIDE-name": "OUTSIDE", "root/hidden/file": "REFUSED",
		"root/hidden/REFUSED-name": "REFUSED", "root/plain/file": "INSIDE", "root/x5": "INSIDE",
	}
	for _, s := range swaps {
		if strings.HasPrefix(path.Base(s.a), "dir") {
			files["root/"+s.a+"/file"] = "INSIDE"
		} else {
			files["root/"+s.a] = "INSIDE"
		}
	}
	for name, text := range files {
		p := filepath.Join(top, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o700), os.WriteFile(p, []byte(strings.Repeat(text+" ", 64)), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	// x3 is relative to the directory that it is exchanged into, and leads out of the root
	// from there.
	for link, target := range map[string]string{
		"x1": "../outside", "x2": "../outside/file", "x3": "../../../outside", "x4": "hidden", "x6": "nothing", "x8": "plain",
	} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(root, "x7"), 0o600); err != nil {
		t.Fatal(err)
	}
	return root
}

// attackerRoot is set in the attacker's process, to the root of the tree.
const attackerRoot = "BAILIWICK_TEST_ATTACKER"

// TestRaceAttacker runs in the attacker's process; otherwise it does nothing.
func TestRaceAttacker(*testing.T) {
	if root := os.Getenv(attackerRoot); root != "" {
		attack(root)
		os.Exit(0)
	}
}

// attack exchanges all pairs until standard input is closed, and then prints the number of
// exchanges.
func attack(root string) {
	done := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(done)
	}()
	count := 0
	for {
		for _, s := range swaps {
			err := unix.Renameat2(unix.AT_FDCWD, filepath.Join(root, s.a), unix.AT_FDCWD, filepath.Join(root, s.b), unix.RENAME_EXCHANGE)
			if err != nil {
				fmt.Println("error:", err)
				return
			}
			count++
		}
		select {
		case <-done:
			// After an even number of rounds, the tree is as it was at first.
			if count/len(swaps)%2 == 0 {
				fmt.Println(count)
				return
			}
		default:
		}
	}
}

// A tally counts the responses of one server.
type tally struct {
	inside, outside, refused, notFound, errors5xx, other atomic.Int64
}

func (c *tally) String() string {
	return fmt.Sprintf("inside %d, outside %d, refused %d, 404 %d, 5xx %d, other %d", c.inside.Load(), c.outside.Load(),
		c.refused.Load(), c.notFound.Load(), c.errors5xx.Load(), c.other.Load())
}

func (c *tally) count(status int, body string) {
	switch {
	case strings.Contains(body, "OUTSIDE"):
		c.outside.Add(1)
	case strings.Contains(body, "REFUSED"):
		c.refused.Add(1)
	case status == http.StatusNotFound:
		c.notFound.Add(1)
	case status >= 500:
		c.errors5xx.Add(1)
	case status == http.StatusOK && body == strings.Repeat("INSIDE ", 64):
		c.inside.Add(1)
	case status == http.StatusOK && strings.HasPrefix(body, "{"):
	default:
		c.other.Add(1)
	}
}

// naive does what many programs do: it resolves symlinks, compares the prefix of the path,
// and opens the file.
func naive(root string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p, err := filepath.EvalSymlinks(filepath.Join(root, filepath.FromSlash(r.URL.Path)))
		if err != nil || !strings.HasPrefix(p, root+"/") || strings.HasPrefix(p, root+"/hidden") {
			http.NotFound(w, r)
			return
		}
		// O_NONBLOCK, since opening the FIFO would otherwise block forever.
		f, err := os.OpenFile(p, os.O_RDONLY|unix.O_NONBLOCK, 0)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		defer f.Close()
		io.Copy(w, f)
	}
}

// TestRace lets another process exchange files and directories for symlinks continuously,
// while clients read over HTTP. Nothing from outside the root and nothing denied may be
// served, by either way of opening files and with either symlink policy. The naive server
// must leak during this, or the attack proves nothing.
func TestRace(t *testing.T) {
	least := raceTime
	if length.Short() {
		least = time.Second
	}
	root := plantRace(t)
	names := []string{"x5"}
	for _, s := range swaps {
		names = append(names, s.a, s.a+"/file")
	}
	control := &tally{}
	tallies := map[string]*tally{"naive": control}
	clients := []func(){raceClient(t, naive(root), names, control)}
	for _, portable := range []bool{false, true} {
		for _, links := range []vfs.Symlinks{vfs.SymlinksRefuse, vfs.SymlinksInside} {
			b, err := disk.New(root, disk.Options{Portable: portable})
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			jail, err := vfs.New(b, vfs.Policy{Allow: vfs.Patterns("**"), Deny: vfs.Patterns("hidden"), Symlinks: links})
			if err != nil {
				t.Fatal(err)
			}
			seen := &tally{}
			tallies[fmt.Sprintf("portable=%v links=%d", portable, links)] = seen
			targets := append([]string{"?list"}, names...)
			clients = append(clients, raceClient(t, server.New(jail, server.Config{List: true}), targets, seen))
		}
	}

	cmd := exec.Command(os.Args[0], "-test.run=^TestRaceAttacker$")
	cmd.Env = append(os.Environ(), attackerRoot+"="+root)
	cmd.Stderr = os.Stderr
	stop, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	proved := func() bool {
		for _, c := range tallies {
			if c == control && c.outside.Load()+c.refused.Load() == 0 || c.inside.Load() < useful {
				return false
			}
		}
		return true
	}
	var wg sync.WaitGroup
	for _, client := range clients {
		wg.Go(func() {
			for elapsed := time.Duration(0); elapsed < least || elapsed < raceLimit && !proved(); elapsed = time.Since(start) {
				client()
			}
		})
	}
	wg.Wait()
	stop.Close()
	said, _ := bufio.NewReader(out).ReadString('\n')
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	var exchanges int
	if _, err := fmt.Sscan(said, &exchanges); err != nil {
		t.Fatalf("the attacker printed %q", said)
	}
	t.Logf("%d exchanges", exchanges)
	if exchanges < 10_000 {
		t.Errorf("too few exchanges (%d) to prove anything", exchanges)
	}
	for name, c := range tallies {
		t.Logf("%s: %v", name, c)
		if c == control {
			if c.outside.Load() == 0 && c.refused.Load() == 0 {
				t.Error("the naive control did not leak: the attack proves nothing")
			}
			continue
		}
		if c.outside.Load() > 0 || c.refused.Load() > 0 || c.errors5xx.Load() > 0 || c.other.Load() > 0 {
			t.Errorf("%s leaked or failed", name)
		}
		if c.inside.Load() < useful || c.notFound.Load() == 0 {
			t.Errorf("%s: too few useful responses to prove anything", name)
		}
	}
}

// raceClient returns a function that requests each name once from h, and counts the
// responses.
func raceClient(t *testing.T, h http.Handler, names []string, seen *tally) func() {
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return func() {
		for _, name := range names {
			req, err := http.NewRequest("GET", srv.URL+"/"+name, nil)
			if err != nil {
				t.Error(err)
				return
			}
			if name == "?list" {
				req.URL.Path, req.URL.RawQuery = "/dir-out/", ""
				req.Header.Set("Accept", "application/json")
			}
			// Following a redirect to a directory would hide the first response.
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Error(err)
				return
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Error(err)
				return
			}
			if resp.StatusCode == http.StatusPermanentRedirect {
				continue
			}
			seen.count(resp.StatusCode, string(body))
		}
	}
}
