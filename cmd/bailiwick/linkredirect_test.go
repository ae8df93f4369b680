//go:build unix

package main

import (
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// With --link-redirect, a link redirects to S3, and neither the access log nor standard
// error contains a usable URL.
func TestServeLinkRedirect(t *testing.T) {
	s := startBucketSite(t)
	keys := filepath.Join(t.TempDir(), "keys")
	write(t, keys, linkKeys)
	p := serveTree(t, s.source, "--allow", "**/*.html", "--link-keys", keys, "--link-redirect", "30s")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(p.url + signed(t, keys, "/docs/a.html"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	location := resp.Header.Get("Location")
	if resp.StatusCode != 307 || !strings.HasPrefix(location, s.gateway.Endpoint+"/"+siteBucket+"/"+sitePrefix+"/docs/a.html?") || !strings.Contains(location, "X-Amz-Expires=30") {
		t.Fatalf("%d to %q", resp.StatusCode, location)
	}
	// Follow the redirect, as a browser or curl -L does.
	resp, err = http.Get(p.url + signed(t, keys, "/docs/a.html"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "a" || resp.Header.Get("Content-Disposition") == "inline" {
		t.Errorf("after the redirect: %q %v %v", body, err, resp.Header)
	}
	p.await(regexp.MustCompile(`"raw":"/docs/a\.html".*"status":307,"bytes":0,`))
	if said := strings.Join(p.said(), "\n"); strings.Contains(said, "X-Amz") || strings.Contains(said, "bw_signature") {
		t.Errorf("the log contains a secret:\n%s", said)
	}
}

// Of several sources, links redirect to those on S3, and only to objects that are served.
func TestServeLinkRedirectOfSeveralSources(t *testing.T) {
	s := startBucketSite(t)
	dir := tree(t, map[string]string{"keys": linkKeys, "site/index.html": "of the directory"})
	keys := filepath.Join(dir, "keys")
	p := start(t, "serve", filepath.Join(dir, "site"), s.source, "--allow", "**/*.html", "--link-keys", keys, "--link-redirect", "30s", "--write", "--listen", "127.0.0.1:0")
	for _, c := range []struct {
		path   string
		status int
	}{{"/index.html", 200}, {"/docs/a.html", 307}, {"/missing.html", 404}} {
		if resp := request(t, p.url+signed(t, keys, c.path)); resp.StatusCode != c.status {
			t.Errorf("%s: %d, want %d", c.path, resp.StatusCode, c.status)
		}
	}
	if got := change(t, "DELETE", p.url+"/docs/a.html", ""); got != 204 {
		t.Errorf("DELETE: %d", got)
	}
	if resp := request(t, p.url+signed(t, keys, "/docs/a.html")); resp.StatusCode != 404 {
		t.Errorf("a link to a removed object: %d", resp.StatusCode)
	}
}
