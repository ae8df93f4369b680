//go:build unix

package main

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
)

// A link for one host does not grant the same path on another host.
func TestLinkOfAnotherHost(t *testing.T) {
	dir := tree(t, map[string]string{"keys": "one:" + strings.Repeat("QUFB", 16) + "\n"})
	one, other := tree(t, map[string]string{"report": "public"}), tree(t, map[string]string{"report": "secret"})
	config := filepath.Join(dir, "bailiwick.yaml")
	write(t, config, `listen: ["127.0.0.1:0"]
hosts: [third.example, 10.0.0.7]
access_log: {file: off}
links: {keys: keys}
mounts:
  - {host: one.example, source: `+one+`, allow: ["**"], access: [{who: authenticated, can: [read]}]}
  - {host: "2001:db8::1", source: `+one+`, allow: ["**"], access: [{who: authenticated, can: [read]}]}
  - {host: other.example, source: `+other+`, allow: ["**"], access: [{who: authenticated, can: [read]}]}
  - {path: /any, source: `+one+`, allow: ["**"], access: [{who: authenticated, can: [read]}]}
  - {source: `+other+`, allow: ["**"], access: [{who: authenticated, can: [read]}]}
`)
	p := start(t, "serve", "--config", config)
	get := func(host, link string) string {
		t.Helper()
		_, target, _ := strings.Cut(strings.TrimPrefix(link, "https://"), "/")
		req, err := http.NewRequest("GET", p.url+"/"+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	sign := func(url string) string {
		t.Helper()
		code, out, said := runCommand(t, "sign", "--keys", filepath.Join(dir, "keys"), "--expires", "1h", url)
		if code != cli.ExitDone {
			t.Fatal(said)
		}
		return strings.TrimSpace(out)
	}
	link := sign("https://One.Example:8443/report")
	for host, want := range map[string]string{
		"one.example": "public", "ONE.example:443": "public", "other.example": "not found\n", "third.example": "not found\n",
	} {
		if got := get(host, link); got != want {
			t.Errorf("Host: %s: %q, want %q", host, got, want)
		}
	}
	link = sign("https://[2001:DB8::1]:8443/report")
	for host, want := range map[string]string{"[2001:db8:0::1]:8443": "public", "[2001:db8::2]": "not found\n", "third.example": "not found\n"} {
		if got := get(host, link); got != want {
			t.Errorf("a link for an IPv6 address, Host: %s: %q, want %q", host, got, want)
		}
	}
	// If the URL's host has its own mount, the link does not work for a mount of all hosts.
	for path, want := range map[string]string{"/report": "secret", "/any/report": "public"} {
		if got := get("third.example", sign("https://one.example"+path)); got != "not found\n" {
			t.Errorf("a link to %s of one.example on another host: %q", path, got)
		}
		if got := get("third.example", sign("https://third.example"+path)); got != want {
			t.Errorf("a link to %s of third.example: %q", path, got)
		}
	}
	// A mount for all hosts accepts any Host, as a proxy may rewrite it.
	if got := get("10.0.0.7:8080", sign("https://files.example/any/report")); got != "public" {
		t.Errorf("behind a proxy: %q", got)
	}
}
