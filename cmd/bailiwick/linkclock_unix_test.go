//go:build unix

package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// TestLinkClock has a catalog that has seen a later time than the system's clock shows,
// as after a clock that has gone back: what had ended by then stays so, over restarts and
// reloads, counted or not, until an operator says that the time was wrong.
func TestLinkClock(t *testing.T) {
	dir, etc := tree(t, siteFiles), t.TempDir()
	keys, file, catalog := filepath.Join(etc, "keys"), filepath.Join(etc, "bailiwick.yaml"), filepath.Join(etc, "catalog.db")
	write(t, keys, linkKeys)
	write(t, file, fmt.Sprintf(`
listen: ["127.0.0.1:0"]
links: {keys: %s}
access_log: {file: off}
mounts:
  - {path: /, source: %s, allow: ["**"], access: [{who: authenticated, can: [read]}]}
  - {path: /in, source: %s, uploads: {catalog: "sqlite:%s"}}
`, keys, dir, t.TempDir(), catalog))
	short, counted := signed(t, keys, "/index.html"), signed(t, keys, "/index.html", "--uses", "1")
	long := signed(t, keys, "/index.html", "--expires", "48h")
	serve := func() *process { return start(t, "serve", "--config", file) }
	p := serve()
	use := func(what, link string, want int) {
		t.Helper()
		if status, _ := get(t, p.url+link); status != want {
			t.Errorf("%s: %d, want %d", what, status, want)
		}
	}
	use("a link", short, 200)
	use("a counted link", counted, 200)
	p.stop()
	clock := func(args ...string) string {
		t.Helper()
		code, stdout, stderr := runCommand(t, append([]string{"catalog", "clock", "--catalog", "sqlite:" + catalog}, args...)...)
		if code != cli.ExitDone {
			t.Errorf("catalog clock %v: exit %d, %s", args, code, stderr)
		}
		return strings.TrimSpace(stdout)
	}
	if at, err := time.Parse(time.RFC3339, clock()); err != nil || time.Since(at) > time.Hour {
		t.Errorf("a link was judged at %v, %v", at, err)
	}

	// The servers ran until tomorrow, and cleared what had ended.
	later := time.Now().Add(24 * time.Hour)
	runSQLite(t, catalog, fmt.Sprintf("UPDATE link_clock SET latest = %d; DELETE FROM link_uses", later.UnixMicro()))
	p = serve()
	p.await(regexp.MustCompile(`^links: the system clock is at .* bailiwick catalog clock --reset`))
	for range 2 {
		use("a link that had ended", short, 404)
		use("a used up link that had ended", counted, 404)
		use("a link that had not", long, 200)
		p.signal(syscall.SIGHUP)
		p.awaitCount(reloadedLine, 1)
	}
	p.stop()

	// It continued from there while links were checked.
	if was, err := time.Parse(time.RFC3339, clock("--reset")); err != nil || was.Before(later.Truncate(time.Second)) {
		t.Errorf("--reset prints %v, %v, want what it was, from %v on", was, err, later)
	}
	p = serve()
	use("a link, after the reset", short, 200)
	for _, line := range p.said() {
		if strings.HasPrefix(line, "links:") {
			t.Errorf("after the reset the start says %s", line)
		}
	}
	p.stop()
}
