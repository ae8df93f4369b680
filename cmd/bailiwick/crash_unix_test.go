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

// A crashTest repeatedly starts a server over the same files and kills it while clients
// write.
type crashTest struct {
	rounds  int
	clients int
	bytes   int64 // the most bytes that are sent before a kill

	// start starts a server.
	start func() *process
	// client sends requests to the server at url until one is not answered. It reads the
	// bodies through wire.
	client func(random *rand.Rand, url string, wire *tripwire)
	// verify checks the next server. No client is running.
	verify func(p *process, round int)
}

// crashRounds returns the number of kills: 200 with BAILIWICK_LONG=1.
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
		// The kill follows the byte by a random delay, so that the clients' requests are
		// at different steps.
		delay := time.Duration(random.Int64N(int64(30 * time.Millisecond)))
		wire := &tripwire{killed: make(chan struct{})}
		wire.do = func() {
			time.AfterFunc(delay, func() {
				_ = p.cmd.Process.Signal(syscall.SIGKILL)
				close(wire.killed)
			})
		}
		left := random.Int64N(c.bytes)
		if round == c.rounds-1 {
			left = c.bytes // one round with all uploads well under way
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
			t.Fatalf("after %d kills", round+1)
		}
	}
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 {
		t.Errorf("the last server's exit code is %d:\n%s", code, strings.Join(p.said(), "\n"))
	}
}

// A tripwire calls do once more than left bytes have been read through it.
type tripwire struct {
	left   atomic.Int64
	first  atomic.Bool   // set by the first client
	killed chan struct{} // closed when the server is killed
	once   sync.Once
	do     func()
}

func (w *tripwire) reader(r io.Reader) io.Reader { return &tripwireReader{r, w} }

type tripwireReader struct {
	r io.Reader
	w *tripwire
}

func (r *tripwireReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if r.w.left.Add(-int64(n)) < 0 {
		r.w.once.Do(r.w.do)
	}
	return n, err
}

// randomBytes returns n unique random bytes.
func randomBytes(random *rand.Rand, n int) []byte {
	b := make([]byte, n)
	var seed [32]byte
	for i := range seed {
		seed[i] = byte(random.Uint32())
	}
	rand.NewChaCha8(seed).Read(b)
	return b
}

// unsized returns a body without a Content-Length.
func unsized(content []byte) io.Reader { return struct{ io.Reader }{bytes.NewReader(content)} }
