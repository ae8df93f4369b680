//go:build unix

package main

import (
	"context"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/testdata/length"
)

// soakTime is how long TestSoak keeps the server busy; BAILIWICK_SOAK=10m makes it longer.
func soakTime(t *testing.T) time.Duration {
	t.Helper()
	if s := os.Getenv("BAILIWICK_SOAK"); s != "" {
		d, err := time.ParseDuration(s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if length.Short() {
		return time.Second
	}
	return 3 * time.Second
}

// A server under concurrent load from valid and hostile clients, with constant reloads,
// gives each the right response. Afterwards it uses no more resources than before, has no
// leftover files, and has no secrets in its logs.
func TestSoak(t *testing.T) {
	place := newSoakPlace(t)
	p := start(t, "serve", "--config", place.config)
	load := newSoakLoad(place, p)

	// Warm up: first uses open what stays open, such as catalog connections, threads and
	// pools.
	load.run(t, time.Second/2)
	load.closeIdle()
	base := settledGauges(t, p.admin, nil)

	load.run(t, soakTime(t))
	peak := gaugesOf(t, p.admin)
	load.closeIdle()
	end := settledGauges(t, p.admin, &base)
	t.Logf("before: %s", base)
	t.Logf("busy:   %s", peak)
	t.Logf("after:  %s", end)
	t.Logf("answers: %s", load.tally())

	if end.memory > base.memory+soakMemory {
		t.Errorf("memory grew from %d to %d MiB", base.memory>>20, end.memory>>20)
	}
	if end.requests == base.requests {
		t.Error("no request was counted")
	}
	load.checkAnswers(t)

	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != cli.ExitDone {
		t.Errorf("exit code %d", code)
	}
	place.checkCatalog(t)
	place.checkLeftovers(t, load)
	place.checkLogs(t, p.said(), end)
}

// soakMemory is the tolerated growth of memory, which the runtime keeps for later use.
const soakMemory = 192 << 20

// A soakLoad is all clients and their results.
type soakLoad struct {
	place   *soakPlace
	process *process
	clients []*soakClient
	kept    sync.Map // names of objects that must exist at the end

	mu      sync.Mutex
	answers map[string]int // by client and status
	wrong   []string
}

// newSoakLoad makes the clients. To the server, each has its own address.
func newSoakLoad(place *soakPlace, p *process) *soakLoad {
	l := &soakLoad{place: place, process: p, answers: map[string]int{}}
	for _, kind := range []struct {
		name string
		many int
		do   func(*soakClient, context.Context)
	}{
		{"read", 3, (*soakClient).read},
		{"list", 1, (*soakClient).list},
		{"write", 2, (*soakClient).write},
		{"upload", 2, (*soakClient).upload},
		{"abort", 2, (*soakClient).abort},
		{"stall", 3, (*soakClient).stall},
		{"guess", 1, (*soakClient).guess},
		{"follow", 1, (*soakClient).follow},
		{"reload", 1, (*soakClient).reload},
	} {
		for range kind.many {
			l.clients = append(l.clients, newSoakClient(l, kind.name, len(l.clients), kind.do))
		}
	}
	return l
}

// run runs all clients for d.
func (l *soakLoad) run(t *testing.T, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var all sync.WaitGroup
	for _, c := range l.clients {
		all.Go(func() {
			// Each runs at least once.
			for first := true; first || ctx.Err() == nil; first = false {
				c.do(c, ctx)
			}
		})
	}
	all.Wait()
}

// closeIdle closes the clients' idle connections.
func (l *soakLoad) closeIdle() {
	for _, c := range l.clients {
		c.http.CloseIdleConnections()
	}
}

// answered counts a response, and records a failure unless want has the status.
func (l *soakLoad) answered(who string, status int, want ...int) bool {
	ok := false
	for _, s := range want {
		ok = ok || s == status
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers[who+" "+statusText(status)]++
	if !ok {
		l.record(who + ": " + statusText(status))
	}
	return ok
}

// failed records a failure other than a wrong status.
func (l *soakLoad) failed(who, what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.record(who + ": " + what)
}

func (l *soakLoad) record(what string) {
	if len(l.wrong) < 20 {
		l.wrong = append(l.wrong, what)
	}
}

func (l *soakLoad) checkAnswers(t *testing.T) {
	t.Helper()
	if len(l.wrong) > 0 {
		t.Errorf("wrong responses:\n%s", strings.Join(l.wrong, "\n"))
	}
	for _, must := range []string{
		"read 200", "read 206", "read 304", "read 404", "list 200", "write 201", "write 204", "write 404",
		"upload 201", "upload 200", "upload 204", "guess 401", "follow 200", "follow 404", "reload done",
	} {
		if l.answers[must] == 0 {
			t.Errorf("no response %q: %s", must, l.tally())
		}
	}
}
