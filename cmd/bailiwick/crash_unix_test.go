//go:build unix

package main

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/testdata/length"
)

// A crashTest kills servers, one after the other over the same place, while clients
// write to them.
type crashTest struct {
	rounds  int
	clients int
	bytes   int64 // at most so many are sent before a kill

	// start starts a server.
	start func() *process
	// client begins a client's work on the server at url and returns when a request
	// was not answered. What it sends it reads through wire.
	client func(random *rand.Rand, url string, wire *tripwire)
	// verify looks at what the next server has. No client is at work.
	verify func(p *process, round int)
}

// crashRounds says how often servers are killed: BAILIWICK_LONG=1 asks for many.
func crashRounds(usual int) int {
	switch {
	case os.Getenv("BAILIWICK_LONG") == "1":
		return 200
	case length.Short():
		return max(2, usual/4)
	}
	return usual
}

func (c *crashTest) run(t *testing.T, seed uint64) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 2))
	p := c.start()
	for round := range c.rounds {
		// The kill comes somewhere behind the byte: among the requests of all clients
		// there is then one at every step.
		late := time.Duration(random.Int64N(int64(30 * time.Millisecond)))
		wire := &tripwire{killed: make(chan struct{})}
		wire.do = func() {
			time.AfterFunc(late, func() {
				_ = p.cmd.Process.Signal(syscall.SIGKILL)
				close(wire.killed)
			})
		}
		left := random.Int64N(c.bytes)
		if round == c.rounds-1 {
			left = c.bytes // once all are well under way
		}
		wire.left.Store(left)
		var group sync.WaitGroup
		for range c.clients {
			own := rand.New(rand.NewPCG(random.Uint64(), 0))
			group.Go(func() { c.client(own, p.url, wire) })
		}
		group.Wait()
		p.exit()
		http.DefaultClient.CloseIdleConnections()
		p = c.start()
		c.verify(p, round)
		http.DefaultClient.CloseIdleConnections()
		if t.Failed() {
			t.Fatalf("it was killed %d times before", round+1)
		}
	}
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 {
		t.Errorf("the last one ended with %d:\n%s", code, strings.Join(p.said(), "\n"))
	}
}

// A tripwire does something once so many bytes have been read through it.
type tripwire struct {
	left   atomic.Int64
	first  atomic.Bool   // for a client to be the first
	killed chan struct{} // closed when the server is
	once   sync.Once
	do     func()
}

func (w *tripwire) reader(r io.Reader) io.Reader { return &wired{r, w} }

type wired struct {
	r io.Reader
	w *tripwire
}

func (r *wired) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if r.w.left.Add(-int64(n)) < 0 {
		r.w.once.Do(r.w.do)
	}
	return n, err
}

// randomBytes returns n bytes that nobody else has.
func randomBytes(random *rand.Rand, n int) []byte {
	b := make([]byte, n)
	var seed [32]byte
	for i := range seed {
		seed[i] = byte(random.Uint32())
	}
	rand.NewChaCha8(seed).Read(b)
	return b
}

// unsized is a body whose length the client does not say.
func unsized(content []byte) io.Reader { return struct{ io.Reader }{bytes.NewReader(content)} }
