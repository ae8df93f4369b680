package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/audit"
)

// keys are the keys of a record, in order.
var keys = []string{"time", "request_id", "remote", "method", "raw", "name", "principal", "verdict", "reason", "rule", "backend", "status", "bytes", "aborted", "duration_ms"}

type line struct {
	Time      time.Time `json:"time"`
	RequestID uuid.UUID `json:"request_id"`
	Remote    string
	Method    string
	Raw       string
	Name      string
	Principal string
	Verdict   string
	Reason    string
	Rule      string
	Backend   string
	Status    int
	Bytes     int64
	Aborted   bool
	Duration  float64 `json:"duration_ms"`
}

// Every request makes one record, which shows its outcome.
func TestRecords(t *testing.T) {
	var out bytes.Buffer
	log := audit.NewLog(&out, audit.LogOptions{})
	h := server.New(jail(t, yard, yardPolicy()), server.Config{Recorder: log, List: true, NoIndex: true})
	type want struct {
		method, target  string
		name            string
		verdict, reason string
		rule            string
		status          int
		bytes           int64
	}
	wants := []want{
		{"GET", "/ok.txt?secret=1", "ok.txt", "allowed", "", "**/*.txt", 200, 2},
		{"HEAD", "/ok.txt", "ok.txt", "allowed", "", "**/*.txt", 200, 0},
		{"GET", "/missing.txt", "missing.txt", "allowed", "missing", "**/*.txt", 404, 10},
		{"GET", "/secret.txt", "secret.txt", "refused", "policy.deny", "secret.txt", 404, 10},
		{"GET", "/data.bin", "data.bin", "refused", "policy.no_allow", "", 404, 10},
		{"GET", "/.env.txt", ".env.txt", "refused", "policy.dotfile", "**/*.txt", 404, 10},
		{"GET", "/%2e%2e/x", "", "refused", "name.dotdot", "", 404, 10},
		{"GET", "/sub%2fok.txt", "", "refused", "name.encoded_slash", "", 404, 10},
		{"GET", "/sub", "sub", "allowed", "", "", 308, 0},
		{"GET", "/sub/", "sub", "allowed", "", "**/*.txt", 200, -1},
		{"GET", "/drafts/", "drafts", "refused", "policy.deny", "drafts", 404, 10},
		{"POST", "/ok.txt", "", "refused", "method", "", 405, 19},
		{"OPTIONS", "/ok.txt", "", "allowed", "", "", 204, 0},
	}
	for _, w := range wants {
		send(t, h, w.method, w.target)
	}
	r := httptest.NewRequest("GET", "/ok.txt", nil)
	r.Header.Set("If-None-Match", "*")
	r.Header.Set("X-Forwarded-For", "10.9.8.7")
	r.RemoteAddr = "[2001:db8::1]:4711"
	h.ServeHTTP(httptest.NewRecorder(), r)
	wants = append(wants, want{"GET", "/ok.txt", "ok.txt", "allowed", "", "**/*.txt", 304, 0})
	if err := log.Close(); err != nil || log.Dropped() != 0 {
		t.Fatal(err, log.Dropped())
	}

	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != len(wants) {
		t.Fatalf("%d lines for %d requests", len(lines), len(wants))
	}
	ids := map[uuid.UUID]bool{}
	for i, text := range lines {
		w := wants[i]
		raw, _, _ := strings.Cut(w.target, "?")
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got := orderedKeys(t, text); !slices.Equal(got, keys) {
			t.Errorf("keys %v", got)
		}
		if w.bytes < 0 {
			w.bytes = l.Bytes
		}
		if l.Method != w.method || l.Raw != raw || l.Name != w.name || l.Verdict != w.verdict || l.Reason != w.reason || l.Rule != w.rule ||
			l.Status != w.status || l.Bytes != w.bytes || l.Principal != "anyone" || l.Backend != "fs" || l.Aborted {
			t.Errorf("%s %s: %s", w.method, w.target, text)
		}
		if since := time.Since(l.Time); since < 0 || since > time.Hour || l.Duration < 0 {
			t.Errorf("time %v, duration %v", l.Time, l.Duration)
		}
		if l.RequestID.Version() != 7 || l.RequestID.Variant() != uuid.RFC4122 || ids[l.RequestID] {
			t.Errorf("request id %v", l.RequestID)
		}
		ids[l.RequestID] = true
	}
	if last := lines[len(lines)-1]; !strings.Contains(last, `"remote":"2001:db8::1"`) {
		t.Error(last)
	}
}

func orderedKeys(t testing.TB, text string) (keys []string) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.Token()
	for d.More() {
		key, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key.(string))
		if _, err := d.Token(); err != nil {
			t.Fatal(err)
		}
	}
	return keys
}

func TestLogConcurrent(t *testing.T) {
	var out bytes.Buffer
	log := audit.NewLog(&out, audit.LogOptions{Buffer: 1 << 24})
	h := server.New(jail(t, yard, yardPolicy()), server.Config{Recorder: log})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/ok.txt", nil))
			}
		})
	}
	wg.Wait()
	log.Close()
	if n := strings.Count(out.String(), "\n"); n != 1600 {
		t.Errorf("%d lines", n)
	}
}

func TestSlogRecorder(t *testing.T) {
	var out bytes.Buffer
	rec := audit.SlogRecorder(slog.New(slog.NewJSONHandler(&out, nil)))
	h := server.New(jail(t, yard, yardPolicy()), server.Config{Recorder: rec})
	send(t, h, "GET", "/secret.txt")
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if _, ok := got[key]; !ok {
			t.Errorf("no %s in %s", key, out.String())
		}
	}
	if got["reason"] != "policy.deny" || got["status"] != 404.0 {
		t.Error(out.String())
	}
}

// A client that disconnects during the body is recorded as such.
func TestClientGone(t *testing.T) {
	rec := &recorder{}
	big := strings.Repeat("x", 64<<20)
	url := start(t, server.New(jail(t, map[string]string{"a": big}, allow("**")), server.Config{Recorder: rec, Logger: quiet}))
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", url+"/a", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	res.Body.Close()
	if a := rec.wait(t, 1)[0]; !a.Aborted || a.Status != 200 || a.Bytes >= int64(len(big)) || a.Reason != audit.ReasonCanceled {
		t.Errorf("%+v", a)
	}
}
