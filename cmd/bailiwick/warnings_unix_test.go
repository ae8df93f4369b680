//go:build unix

package main

import (
	"encoding/base64"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// The start reports how many names are exposed, and to which callers.
func TestExposedToWhom(t *testing.T) {
	files := map[string]string{"users": users, "keys": "1:" + base64.StdEncoding.EncodeToString(make([]byte, 32)) + "\n",
		"site/a.html": "a", "site/b.html": "b", "site/home/alice/n.txt": "n", "site/home/.bob/n.txt": "n", "site/.env": "e"}
	for _, c := range []struct{ config, want string }{
		{`mounts: [{source: site, allow: ["**"]}]`, "exposed: 3 names; hidden: 2 (policy.dotfile 2)"},
		{`users: {htpasswd: users}
mounts: [{source: site, allow: ["**"], access: [{who: authenticated, can: [read]}]}]`, "exposed to anyone: 0 names; to users who log in: up to 3; hidden: 2 (policy.dotfile 2)"},
		{`users: {htpasswd: users}
mounts: [{source: site, allow: ["**"], access: [{who: anyone, can: [read], names: ["*.html"]}, {who: authenticated, can: [read], names: ["home/{user}/**"]}, {who: 'user:alice', can: [list]}]}]`, "exposed to anyone: 2 names; to users who log in: up to 3; hidden: 2 (policy.dotfile 2)"},
		{`users: {htpasswd: users}
mounts: [{source: site, allow: ["**", "home/.*/**"], access: [{who: authenticated, can: [read], names: ["home/{user}/**"]}]}, {path: /open, source: site, allow: ["a.html"]}]`, "exposed to anyone: 1 name; to users who log in: up to 3; hidden: 5 (policy.dotfile 1, policy.no_allow 4)"},
		{`links: {keys: keys}
mounts: [{source: site, allow: ["**"], access: [{who: anyone, can: [read], names: [a.html]}]}]`, "exposed to anyone: 1 name; by signed links: up to 3; hidden: 2 (policy.dotfile 2)"},
	} {
		p, _ := configured(t, "access_log: {file: off}\n"+c.config, files)
		p.stop()
		if !slices.Contains(p.said(), c.want) {
			t.Errorf("%s\nprints\n%s\nwithout the line %s", c.config, strings.Join(p.said(), "\n"), c.want)
		}
	}
}

// With --strict, a reload keeps the old configuration if the new one has warnings.
func TestStrictReload(t *testing.T) {
	const rules = "mounts:\n  - source: .\n    allow: ["
	dir := tree(t, map[string]string{"docs/a": "a"})
	writeConfig(t, dir, rules+"docs/**]\n")
	p := start(t, "serve", "--strict", "--config", filepath.Join(dir, "bailiwick.yaml"))
	writeConfig(t, dir, rules+"docs]\n")
	p.signal(syscall.SIGHUP)
	p.await(regexp.MustCompile(`^reload refused, the previous configuration stays in use: .*bailiwick.yaml:4: mounts\[0\].allow\[0\]: docs matches nothing: it is a directory; did you mean docs/\*\*\?; --strict: 1 warning is an error$`))
	if status, _ := get(t, p.url+"/docs/a"); status != 200 {
		t.Errorf("after a refused reload: %d", status)
	}
}
