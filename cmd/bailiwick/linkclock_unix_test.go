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

// TestLinkClock simulates a system clock that was set back: the catalog has seen a later
// time. Links that had expired by then stay expired over restarts and reloads, with and
// without a use limit, until an operator resets the catalog's clock.
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
		t.Errorf("the catalog's clock is %v, %v", at, err)
	}

	// As if a server had run until tomorrow and cleared the expired uses.
	later := time.Now().Add(24 * time.Hour)
	runSQLite(t, catalog, fmt.Sprintf("UPDATE link_clock SET latest = %d; DELETE FROM link_uses", later.UnixMicro()))
	p = serve()
	p.await(regexp.MustCompile(`^links: the system clock is at .* bailiwick catalog clock --reset`))
	for range 2 {
		use("an expired link", short, 404)
		use("an expired link that was used up", counted, 404)
		use("a link that has not expired", long, 200)
		p.signal(syscall.SIGHUP)
		p.awaitCount(reloadedLine, 1)
	}
	p.stop()

	// The catalog's clock advanced from there while links were checked.
	if was, err := time.Parse(time.RFC3339, clock("--reset")); err != nil || was.Before(later.Truncate(time.Second)) {
		t.Errorf("--reset prints %v, %v, want the previous time, at least %v", was, err, later)
	}
	p = serve()
	use("a link, after the reset", short, 200)
	for _, line := range p.said() {
		if strings.HasPrefix(line, "links:") {
			t.Errorf("after the reset, the start prints %s", line)
		}
	}
	p.stop()
}
