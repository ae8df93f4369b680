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
)

// The start and each reload warn about own files that the server exposes: the key file
// lets a reader sign links, and the users file lets a writer add users.
func TestOwnFilesServed(t *testing.T) {
	dir := tree(t, map[string]string{"users": users, "etc/link-keys": linkKeys, "site/index.html": "hello", "site/keys": linkKeys})
	if err := os.Symlink(filepath.Join(dir, "etc"), filepath.Join(dir, "config")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "bailiwick.yaml")
	configure := func(mount string) {
		write(t, file, fmt.Sprintf(`
listen: ["127.0.0.1:0"]
users: {htpasswd: users}
links: {keys: config/link-keys}
access_log: {file: off}
mounts:
  - %s
`, mount))
	}
	warned := func(p *process, since int) string {
		var names []string
		own := regexp.MustCompile(`^(\S+) is one of the server's own files, `)
		for _, line := range p.said()[since:] {
			if m := own.FindStringSubmatch(line); m != nil {
				names = append(names, strings.TrimPrefix(m[1], dir+"/"))
			}
		}
		return strings.Join(names, " ")
	}
	configure(`{path: /, source: ., allow: ["**"], access: [{who: authenticated, can: [read]}]}`)
	p := start(t, "serve", "--config", file)
	if got := warned(p, 0); got != "bailiwick.yaml users etc/link-keys" {
		t.Errorf("at the start: %s\n%s", got, strings.Join(p.said(), "\n"))
	}
	for i, tt := range []struct{ mount, want string }{
		{`{path: /, source: ., allow: ["**"], deny: [etc, users, bailiwick.yaml]}`, ""},
		{`{path: /, source: ., allow: ["*.html", "site/**", "etc/*"]}`, "etc/link-keys"},
		{`{path: /, source: site, allow: ["**"]}`, ""},
		{`{path: /, source: etc, allow: ["**"]}`, "etc/link-keys"},
	} {
		since := len(p.said())
		configure(tt.mount)
		p.signal(syscall.SIGHUP)
		p.awaitCount(regexp.MustCompile(`^exposed`), i+2)
		if got := warned(p, since); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.mount, got, tt.want)
		}
	}
}
