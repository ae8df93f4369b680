//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

const linkKeys = "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n"

// signed returns the path and query of a signed link to path.
func signed(t *testing.T, keys, path string, args ...string) string {
	t.Helper()
	args = append([]string{"sign", "--keys", keys, "--expires", "1h"}, args...)
	code, stdout, stderr := runCommand(t, append(args, "http://host"+path)...)
	if code != cli.ExitDone {
		t.Fatalf("sign: %s", stderr)
	}
	return strings.TrimSpace(strings.TrimPrefix(stdout, "http://host"))
}

// The uses of a link are counted across a reload, and with a catalog across a restart.
func TestLinkUses(t *testing.T) {
	for _, kept := range []bool{false, true} {
		t.Run(fmt.Sprintf("catalog %v", kept), func(t *testing.T) {
			dir, etc := tree(t, siteFiles), t.TempDir()
			keys, file, logged := filepath.Join(etc, "keys"), filepath.Join(etc, "bailiwick.yaml"), filepath.Join(etc, "access.jsonl")
			write(t, keys, linkKeys)
			text := fmt.Sprintf(`
listen: ["127.0.0.1:0"]
links: {keys: %s}
access_log: {file: %s}
mounts:
  - path: /
    source: %s
    allow: ["**"]
    access: [{who: authenticated, can: [read]}]
`, keys, logged, dir)
			if kept {
				text += fmt.Sprintf(`
  - path: /in
    source: %s
    uploads: {catalog: "sqlite:%s"}
`, t.TempDir(), filepath.Join(etc, "catalog.db"))
			}
			write(t, file, text)
			link := signed(t, keys, "/index.html", "--uses", "3")
			endless := signed(t, keys, "/index.html")
			p := start(t, "serve", "--config", file)
			use := func(link string, want int) {
				t.Helper()
				if status, _ := get(t, p.url+link); status != want {
					t.Errorf("%d, want %d", status, want)
				}
			}
			use(link, 200)
			p.signal(syscall.SIGHUP)
			p.await(regexp.MustCompile(`^reloaded`))
			use(link, 200)
			use(endless, 200)
			p.signal(syscall.SIGTERM)
			p.exit()

			p = start(t, "serve", "--config", file)
			use(link, 200)
			again := 200 // without a catalog, the count starts again
			if kept {
				again = 404
			}
			use(link, again)
			use(link, again)
			use(link, 404)
			use(endless, 200)
			use(link+"0", 404)
			p.signal(syscall.SIGTERM)
			p.exit()

			data, err := os.ReadFile(logged)
			if err != nil {
				t.Fatal(err)
			}
			log := string(data)
			if n := strings.Count(log, `"reason":"link.used"`); n < 1 {
				t.Errorf("the log has no refusal of a used-up link: %s", log)
			}
			signature := regexp.MustCompile(`bw_signature=([^&]{16,})`)
			for _, m := range signature.FindAllStringSubmatch(link+"&"+endless, -1) {
				if strings.Contains(log+strings.Join(p.said(), "\n"), m[1]) {
					t.Errorf("a log contains %s", m[0])
				}
			}
		})
	}
}

// A used-up link stays used up when a reload adds a catalog, replaces it, or removes the
// last one.
func TestLinkUsesOverNewCatalog(t *testing.T) {
	dir, etc := tree(t, siteFiles), t.TempDir()
	keys, file := filepath.Join(etc, "keys"), filepath.Join(etc, "bailiwick.yaml")
	write(t, keys, linkKeys)
	configure := func(catalogs ...string) {
		text := fmt.Sprintf(`
listen: ["127.0.0.1:0"]
landlock: off
links: {keys: %s}
access_log: {file: off}
mounts:
  - {path: /, source: %s, allow: ["**"], access: [{who: authenticated, can: [read]}]}
`, keys, dir)
		for _, name := range catalogs {
			text += fmt.Sprintf("  - {path: /%s, source: %s, uploads: {catalog: \"sqlite:%s\"}}\n", name, t.TempDir(), filepath.Join(etc, name+".db"))
		}
		write(t, file, text)
	}
	configure()
	p := start(t, "serve", "--config", file)
	use := func(what, link string, want int) {
		t.Helper()
		if status, _ := get(t, p.url+link); status != want {
			t.Errorf("%s: %d, want %d", what, status, want)
		}
	}
	first := signed(t, keys, "/index.html", "--uses", "1")
	use("new", first, 200)
	second := signed(t, keys, "/index.html", "--uses", "2")
	for i, catalogs := range [][]string{{"one"}, {"two", "one"}, {}} {
		configure(catalogs...)
		p.signal(syscall.SIGHUP)
		p.awaitCount(regexp.MustCompile(`^reloaded`), i+1)
		use(fmt.Sprintf("used up, with catalogs %v", catalogs), first, 404)
		want := 200
		if i == 2 {
			want = 404
		}
		use(fmt.Sprintf("use %d of two", i+1), second, want)
	}

	// After a restart, the order of the mounts does not matter.
	link := signed(t, keys, "/index.html", "--uses", "1")
	for _, c := range []struct {
		catalogs []string
		want     int
	}{{[]string{"two", "one"}, 200}, {[]string{"one", "two"}, 404}} {
		p.signal(syscall.SIGTERM)
		p.exit()
		configure(c.catalogs...)
		p = start(t, "serve", "--config", file)
		use(fmt.Sprintf("after a restart with catalogs %v", c.catalogs), link, c.want)
	}
}
