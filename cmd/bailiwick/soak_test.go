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

// A server that is used in every way at once, by clients good and bad, and reloaded all
// the while, answers each of them as it should; and once they are gone it holds no more
// than before they came, nothing that they left behind, and no secret in its logs.
func TestSoak(t *testing.T) {
	place := newSoakPlace(t)
	p := start(t, "serve", "--config", place.config)
	load := newSoakLoad(place, p)

	// The first of everything opens what stays open: connections of the catalog, the
	// runtime's threads, pools.
	load.run(t, time.Second/2)
	load.rest()
	base := settledGauges(t, p.admin, nil)

	load.run(t, soakTime(t))
	peak := gaugesOf(t, p.admin)
	load.rest()
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

// soakMemory is how much more memory a server may hold after a crowd than before it:
// what the runtime keeps for the next one.
const soakMemory = 192 << 20

// A soakLoad is the crowd of clients.
type soakLoad struct {
	place   *soakPlace
	process *process
	clients []*soakClient
	kept    sync.Map // names of objects that must be there at the end

	mu      sync.Mutex
	answers map[string]int // by client and status
	wrong   []string
}

// newSoakLoad makes the clients, each with an address of its own as the server sees it.
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
		{"dawdle", 3, (*soakClient).dawdle},
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

// run lets all clients do what they do, over and over, for so long.
func (l *soakLoad) run(t *testing.T, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var all sync.WaitGroup
	for _, c := range l.clients {
		all.Go(func() {
			// Each does its thing once in any case.
			for first := true; first || ctx.Err() == nil; first = false {
				c.do(c, ctx)
			}
		})
	}
	all.Wait()
}

// rest closes what the clients hold open.
func (l *soakLoad) rest() {
	for _, c := range l.clients {
		c.http.CloseIdleConnections()
	}
}

// answered counts an answer, and remembers it if it is none of those that are right.
func (l *soakLoad) answered(who string, status int, right ...int) bool {
	ok := false
	for _, s := range right {
		ok = ok || s == status
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers[who+" "+statusText(status)]++
	if !ok {
		l.complain(who + ": " + statusText(status))
	}
	return ok
}

// failed remembers what went wrong otherwise.
func (l *soakLoad) failed(who, what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.complain(who + ": " + what)
}

func (l *soakLoad) complain(what string) {
	if len(l.wrong) < 20 {
		l.wrong = append(l.wrong, what)
	}
}

func (l *soakLoad) checkAnswers(t *testing.T) {
	t.Helper()
	if len(l.wrong) > 0 {
		t.Errorf("wrong answers:\n%s", strings.Join(l.wrong, "\n"))
	}
	for _, must := range []string{
		"read 200", "read 206", "read 304", "read 404", "list 200", "write 201", "write 204", "write 404",
		"upload 201", "upload 200", "upload 204", "guess 401", "follow 200", "follow 404", "reload done",
	} {
		if l.answers[must] == 0 {
			t.Errorf("there was no %q: %s", must, l.tally())
		}
	}
}
