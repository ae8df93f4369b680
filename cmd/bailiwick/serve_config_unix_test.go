//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A request reaches the right mount: by host, then by the longest path, in every spelling
// of that path.
func TestConfigRouting(t *testing.T) {
	p, dir := configured(t, `
access_log: {file: log}
hosts: [third.example]
users: {htpasswd: users}
mounts:
  - {path: /docs, source: docs, allow: ["**"], list: true}
  - {path: /docs/v2, source: v2, allow: ["**"]}
  - {path: /docs, host: Other.Example, source: other, allow: ["**"]}
  - {path: /my odd, source: odd, allow: ["**"], list: true}
  - {path: "/b{r}", source: odd, allow: ["**"]}
  - {path: "/50%", source: odd, allow: ["**"]}
  - {path: "/50%25", source: docs, allow: ["**"]}
  - {path: /naïve, source: odd, allow: ["**"]}
  - {path: "/a:b", source: odd, allow: ["**"], list: true}
  - {path: /index, source: docs, allow: ["index.html"]}
  - {path: /closed, source: docs, allow: ["**"], list: true, access: [{who: "user:alice", can: [read, list]}]}
`, map[string]string{
		"users": users, "docs/index.html": "index", "docs/a": "docs", "docs/v2/a": "shadowed",
		"v2/a": "v2", "other/a": "other", "odd/a": "odd",
	})
	for _, c := range []struct {
		host, target string
		status       int
		body         string
	}{
		{"", "/docs/a", 200, "docs"},
		{"", "/docs/v2/a", 200, "v2"},
		{"", "/docs/v2x", 404, ""},
		{"", "/docsa", 404, ""},
		{"", "/docs%2fa", 404, ""},
		{"", "/docs%2Fv2/a", 404, ""},
		{"", "/%64ocs/%61", 200, "docs"},
		{"", "/docs/%76%32/a", 200, "v2"},
		{"", "/docs//a", 404, ""},
		{"", "//docs/a", 404, ""},
		{"", "/x/../docs/a", 404, ""},
		{"", "/docs/../docs/a", 404, ""},
		{"", "/docs/v2/../a", 404, ""},
		{"other.example", "/docs/a", 200, "other"},
		{"OTHER.example.:81", "/docs/a", 200, "other"},
		{"other.example.evil", "/docs/a", 404, ""}, // an unknown host
		{"third.example", "/docs/a", 200, "docs"},
		{"other.example", "/docs/v2/a", 404, ""}, // the host's mount takes precedence
		{"other.example", "/my%20odd/a", 200, "odd"},
		{"", "/my%20odd/a", 200, "odd"},
		{"", "/my+odd/a", 404, ""},
		{"", "/b%7Br%7D/a", 200, "odd"},
		{"", "/b{r}/a", 200, "odd"},
		{"", "/50%25/a", 200, "odd"},
		{"", "/50%2525/a", 200, "docs"},
		{"", "/na%C3%AFve/a", 200, "odd"},
		{"", "/a:b/a", 200, "odd"},
		{"", "/a%3Ab/a", 200, "odd"},
		{"", "/", 404, ""},
		{"", "/nosuch", 404, ""},
	} {
		resp, body := p.do(t, c.host, c.target)
		if c.status == 404 {
			c.body = "not found\n"
		}
		if resp.StatusCode != c.status || body != c.body {
			t.Errorf("%s %s: %d %q, want %d %q", c.host, c.target, resp.StatusCode, body, c.status, c.body)
		}
	}

	// A mount's path without its final slash redirects to the one with it, if that exists.
	for _, c := range []struct {
		target, user string
		status       int
		location     string
	}{
		{"/docs", "", 308, "./docs/"},
		{"/docs?after=a", "", 308, "./docs/"},
		{"/%64ocs", "", 308, "./docs/"},
		{"/my%20odd", "", 308, "./my%20odd/"},
		{"/a:b", "", 308, "./a%3Ab/"},
		{"/index", "", 308, "./index/"},
		{"/docs/v2", "", 404, ""}, // neither a listing nor an index
		{"/closed", "", 401, ""},
		{"/closed", "bob", 404, ""},
		{"/closed", "alice", 308, "./closed/"},
	} {
		var change []func(*http.Request)
		if c.user != "" {
			change = append(change, as(c.user))
		}
		resp, _ := p.do(t, "", c.target, change...)
		if got := resp.Header.Get("Location"); resp.StatusCode != c.status || got != c.location {
			t.Errorf("%s: %d to %q, want %d to %q", c.target, resp.StatusCode, got, c.status, c.location)
		}
	}

	p.stop()
	log, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range []string{"/nosuch", "/docs/v2/../a", "/my%20odd/a", "/b{r}/a"} {
		found := false
		for line := range strings.Lines(string(log)) {
			var record struct{ Raw string }
			if err := json.Unmarshal([]byte(line), &record); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			found = found || record.Raw == raw
		}
		if !found {
			t.Errorf("no record of %s", raw)
		}
	}
}

// A client above its rate limit gets 429 with Retry-After.
func TestConfigLimits(t *testing.T) {
	p, _ := configured(t, `
limits: {rate_per_client: 1/h}
mounts: [{source: d, allow: ["**"]}]
`, map[string]string{"d/a": "a"})
	var statuses []int
	for range 5 {
		resp, _ := p.do(t, "", "/a")
		statuses = append(statuses, resp.StatusCode)
		if resp.StatusCode == http.StatusTooManyRequests && resp.Header.Get("Retry-After") == "" {
			t.Error("429 without Retry-After")
		}
	}
	if got := fmt.Sprint(statuses); got != "[200 429 429 429 429]" {
		t.Errorf("1/h: %s", got)
	}
}

// Above limits.requests_in_flight, a request gets 503 with Retry-After. Once another
// request has finished, it is served.
func TestConfigInFlight(t *testing.T) {
	p, _ := configured(t, `
limits: {requests_in_flight: 1}
mounts: [{source: d, allow: ["**"], write: true}]
`, map[string]string{"d/a": "a"})
	body, send := io.Pipe()
	// The server asks for the body when the request is in flight. Before that, it could meet
	// one of those below.
	patient := &http.Transport{ExpectContinueTimeout: time.Hour}
	defer patient.CloseIdleConnections()
	put := make(chan error, 1)
	go func() {
		r, err := http.NewRequest(http.MethodPut, p.url+"/b", body)
		if err == nil {
			r.Header.Set("Expect", "100-continue")
			var resp *http.Response
			if resp, err = patient.RoundTrip(r); err == nil {
				resp.Body.Close()
			}
		}
		put <- err
	}()
	if _, err := send.Write(make([]byte, 64<<10)); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() string {
		resp, _ := p.do(t, "", "/a")
		if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
			return fmt.Sprintf("during another request: %s", resp.Status)
		}
		return ""
	})
	send.Close()
	if err := <-put; err != nil {
		t.Error(err)
	}
	eventually(t, func() string {
		resp, _ := p.do(t, "", "/a")
		if resp.StatusCode != http.StatusOK {
			return fmt.Sprintf("after the other request: %s", resp.Status)
		}
		return ""
	})
	p.await(regexp.MustCompile(`"raw":"/a".*"reason":"limit.in_flight"`))
}

// The readiness probe fails if a mount's source is missing, and its response does not say
// which.
func TestConfigReadiness(t *testing.T) {
	p, dir := configured(t, `
admin: 127.0.0.1:0
mounts:
  - {path: /a, source: a, allow: ["**"]}
  - {path: /up, source: up, uploads: {catalog: "sqlite:cat/c.db"}}
`, map[string]string{"a/a": "a", "up/.keep": "", "cat/.keep": ""})
	if status, body := get(t, p.admin+"/readyz"); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	if err := os.RemoveAll(filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	if status, body := get(t, p.admin+"/readyz"); status != 503 || body != "not ready\n" {
		t.Errorf("without its source: %d %q", status, body)
	}
	if status, _ := get(t, p.admin+"/livez"); status != 200 {
		t.Errorf("livez: %d", status)
	}
}
