//go:build unix

package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// counts returns the values of the metrics at the admin listener.
func (p *process) counts(t *testing.T) map[string]string {
	t.Helper()
	_, body := get(t, p.admin+"/metrics")
	values := map[string]string{}
	for line := range strings.Lines(body) {
		if i := strings.LastIndexByte(line, ' '); i > 0 && line[0] != '#' {
			values[line[:i]] = strings.TrimSpace(line[i:])
		}
	}
	return values
}

// The metrics count what a server did, and contain no user or file name.
func TestServeMetrics(t *testing.T) {
	dir, etc := tree(t, siteFiles), t.TempDir()
	file, users, keys := filepath.Join(etc, "bailiwick.yaml"), filepath.Join(etc, "users"), filepath.Join(etc, "keys")
	// The password is "secret", hashed with the minimum cost.
	write(t, users, "alice:$2a$04$wbuRYk/iqPQtHPRAlMqwsuzNRSR1RQWaRZS6TNNkRcxZuUDCY2qV2\n")
	write(t, keys, linkKeys)
	text := fmt.Sprintf(`
listen: ["127.0.0.1:0"]
admin: "127.0.0.1:0"
access_log: {file: %s}
users: {htpasswd: %s}
links: {keys: %s}
mounts:
  - {path: /, source: %s, allow: ["**"]}
  - path: /in
    source: %s
    uploads: {catalog: "sqlite:%s"}
`, filepath.Join(etc, "access.jsonl"), users, keys, dir, t.TempDir(), filepath.Join(etc, "catalog.db"))
	write(t, file, text)
	p := start(t, "serve", "--config", file)
	do := func(method, path, body string, change func(*http.Request)) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(r)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	do("GET", "/index.html", "", nil)
	do("GET", "/index.html", "", func(r *http.Request) { r.Header.Set("If-None-Match", "*") })
	do("GET", "/missing.html", "", nil)
	for range 3 {
		do("GET", "/missing.html", "", func(r *http.Request) { r.SetBasicAuth("alice", "secret") })
	}
	do("GET", "/index.html", "", func(r *http.Request) { r.SetBasicAuth("alice", "wrong") })
	do("GET", "/index.html", "", func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") })
	do("GET", "/index.html", "", func(r *http.Request) { r.Header.Set("Authorization", "Malformed") })
	do("POST", "/in/", "12345", func(r *http.Request) { r.Header.Set("Content-Disposition", "attachment; filename=a.txt") })
	link := signed(t, keys, "/index.html", "--uses", "1")
	do("GET", link, "", nil)
	do("GET", link, "", nil)
	first := p.counts(t)
	for metric, want := range map[string]string{
		`bailiwick_authentications_total{kind="basic",outcome="wrong"}`:                          "1",
		`bailiwick_authentications_total{kind="bearer",outcome="wrong"}`:                         "1",
		`bailiwick_authentications_total{kind="other",outcome="wrong"}`:                          "1",
		`bailiwick_password_cache_total{outcome="hit"}`:                                          "2",
		`bailiwick_password_cache_total{outcome="miss"}`:                                         "2",
		`bailiwick_not_modified_total`:                                                           "1",
		`bailiwick_link_uses_total{outcome="ok"}`:                                                "1",
		`bailiwick_link_uses_total{outcome="spent"}`:                                             "1",
		`bailiwick_backend_call_duration_seconds_count{kind="disk",op="open",outcome="missing"}`: "4",
		`bailiwick_backend_call_duration_seconds_count{kind="disk",op="put",outcome="ok"}`:       "1",
		`bailiwick_catalog_call_duration_seconds_count{op="commit",outcome="ok"}`:                "1",
		`bailiwick_catalog_call_duration_seconds_count{op="use",outcome="ok"}`:                   "2",
		`bailiwick_request_bytes_total`:                                                          "5",
		`bailiwick_config_reloads_total{outcome="ok"}`:                                           "0",
		`bailiwick_config_reloads_total{outcome="refused"}`:                                      "0",
		`bailiwick_requests_total{method="POST",status="2xx",verdict="allowed"}`:                 "1",
	} {
		if first[metric] != want {
			t.Errorf("%s is %q, want %s", metric, first[metric], want)
		}
	}
	for _, metric := range []string{"go_goroutines", "bailiwick_config_last_success_timestamp_seconds"} {
		if first[metric] == "" {
			t.Errorf("no %s", metric)
		}
	}
	for metric := range first {
		if regexp.MustCompile(`alice|index|127\.0\.0\.1|` + regexp.QuoteMeta(dir)).MatchString(metric) {
			t.Errorf("a metric reveals %s", metric)
		}
	}

	write(t, file, text+"unknown: 1\n")
	p.signal(syscall.SIGHUP)
	p.await(regexp.MustCompile(`^reload refused`))
	refused := p.counts(t)
	if got := refused[`bailiwick_config_reloads_total{outcome="refused"}`]; got != "1" {
		t.Errorf("%s refused reloads, want 1", got)
	}
	if got, want := refused["bailiwick_config_last_success_timestamp_seconds"], first["bailiwick_config_last_success_timestamp_seconds"]; got != want {
		t.Errorf("the last success after a refused reload is %s, want %s", got, want)
	}
	write(t, file, text)
	p.signal(syscall.SIGHUP)
	p.await(regexp.MustCompile(`^reloaded`))
	if again := p.counts(t); again[`bailiwick_config_reloads_total{outcome="ok"}`] != "1" || again["bailiwick_config_last_success_timestamp_seconds"] == first["bailiwick_config_last_success_timestamp_seconds"] {
		t.Errorf("a successful reload is not counted: %v", again)
	}
}
