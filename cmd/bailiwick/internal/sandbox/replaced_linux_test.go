package sandbox_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/sandbox"
)

// besideReplaced restricts this process, and reads dir/etc/resolv.conf once a line of standard
// input says that it was replaced.
func besideReplaced(dir string) error {
	link := filepath.Join(dir, "etc/resolv.conf")
	paths := sandbox.Paths{Read: []string{link, sandbox.ReplacedIn(link, filepath.Join(dir, "run"))}}
	_, line, err := sandbox.Restrict(paths)
	if err != nil {
		return err
	}
	fmt.Println(line)
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	data, err := os.ReadFile(link)
	fmt.Printf("%s\n", data)
	return err
}

// A confined process can still read the configuration of the resolver after NetworkManager has
// replaced it.
func TestRestrictBesideReplaced(t *testing.T) {
	dir := plantLinks(t, map[string]string{"etc/resolv.conf": "../run/manager/resolv.conf"})
	file := filepath.Join(dir, "run/manager/resolv.conf")
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "BAILIWICK_TEST_SANDBOX_REPLACED="+dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
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
	said := bufio.NewScanner(out)
	next := func() string {
		said.Scan()
		return said.Text()
	}
	on := next()
	if err := os.WriteFile(file+".new", []byte("nameserver new"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(in, "replaced")
	got := next()
	if err := cmd.Wait(); err != nil || got != "nameserver new" {
		t.Errorf("read %q, %v", got, err)
	}
	if !strings.Contains(on, "landlock: on") {
		t.Skip(on)
	}
}

// plantLinks makes files in run/manager, run, home and etc, and links.
func plantLinks(t *testing.T, links map[string]string) (dir string) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"run/manager/resolv.conf", "run/resolv.conf", "running/resolv.conf", "home/resolv.conf", "etc/other.conf"} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("nameserver old"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range links {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Only a directory below run is opened up, whatever the link leads to.
func TestReplacedIn(t *testing.T) {
	dir := plantLinks(t, map[string]string{
		"etc/linked":   "../run",                       // a directory, as /etc/resolvconf/run
		"etc/relative": "../run/manager/resolv.conf",   // systemd
		"etc/through":  "linked/manager/resolv.conf",   // resolvconf
		"etc/twice":    "relative",                     // alternatives
		"etc/later":    "../run/manager/not-yet-there", // before the network
		"etc/dangling": "../run/not-yet-there/resolv",  // before the manager
		"etc/run":      "../run/resolv.conf",           // its directory is all of run
		"etc/beside":   "../running/resolv.conf",       // only the name is similar
		"etc/home":     "../home/resolv.conf",          // anything could be there
		"etc/same":     "other.conf",                   // all of /etc
		"etc/up":       "../run/manager/../../home/resolv.conf",
	})
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.Symlink(at("run/manager/resolv.conf"), at("etc/absolute")); err != nil {
		t.Fatal(err)
	}
	manager := at("run/manager")
	for link, want := range map[string]string{
		"relative": manager, "absolute": manager, "through": manager, "twice": manager, "later": manager,
		"dangling": "", "run": "", "beside": "", "home": "", "same": "", "up": "", "other.conf": "", "missing": "",
	} {
		if got := sandbox.ReplacedIn(at("etc/"+link), at("run")); got != want {
			t.Errorf("%s: %q, want %q", link, got, want)
		}
	}
}
