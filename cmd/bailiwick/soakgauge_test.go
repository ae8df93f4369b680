//go:build unix

package main

import (
	"bufio"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// gauges are a server's resources according to its own metrics.
type gauges struct {
	goroutines, files, memory int64 // files is -1 if the system does not report it
	inFlight, requests, lost  int64
}

func (g gauges) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors, %d MiB resident, %d requests so far, %d records lost",
		g.goroutines, g.files, g.memory>>20, g.requests, g.lost)
}

// gaugesOf reads the metrics of an admin listener.
func gaugesOf(t *testing.T, admin string) gauges {
	t.Helper()
	// get uses a new connection: one that stays open would be counted.
	status, body := get(t, admin+"/metrics")
	if status != http.StatusOK {
		t.Fatalf("/metrics: %d", status)
	}
	g := gauges{files: -1}
	for in := bufio.NewScanner(strings.NewReader(body)); in.Scan(); {
		key, text, ok := strings.Cut(in.Text(), " ")
		if !ok || strings.HasPrefix(key, "#") {
			continue
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			continue
		}
		key, _, _ = strings.Cut(key, "{")
		switch v := int64(f); key {
		case "go_goroutines":
			g.goroutines = v
		case "process_open_fds":
			g.files = v
		case "process_resident_memory_bytes":
			g.memory = v
		case "bailiwick_requests_in_flight":
			g.inFlight = v
		case "bailiwick_requests_total":
			g.requests += v
		case "bailiwick_access_log_dropped_total":
			g.lost = v
		}
	}
	return g
}

// settledGauges waits until a server without requests is back at base, or without a base
// until it is idle.
func settledGauges(t *testing.T, admin string, base *gauges) gauges {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		g := gaugesOf(t, admin)
		idle := g.inFlight == 0
		if base != nil {
			// Connections to the catalog come and go.
			idle = idle && g.goroutines <= base.goroutines+soakSlack && g.files <= base.files+soakSlack
		} else if next := gaugesOf(t, admin); next.goroutines != g.goroutines || next.files != g.files {
			idle = false
		}
		if idle {
			return g
		}
		if time.Now().After(deadline) {
			if base == nil {
				t.Fatalf("the server did not become idle: %s", g)
			}
			t.Errorf("resources leaked; before and after the load:\n%s\n%s", *base, g)
			return g
		}
	}
}

// soakSlack is the tolerated growth of descriptors and of goroutines.
const soakSlack = 12

// tally formats the number of responses by client and status.
func (l *soakLoad) tally() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(l.answers)) {
		parts = append(parts, fmt.Sprintf("%s: %d", key, l.answers[key]))
	}
	return strings.Join(parts, ", ")
}

// statusText formats a status for tally. A negative one means no response.
func statusText(status int) string {
	if status < 0 {
		return "none"
	}
	return strconv.Itoa(status)
}
