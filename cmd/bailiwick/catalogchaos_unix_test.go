//go:build unix

package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/testdata/pgserver"
)

// An answerLog records what servers, which may fail, acknowledged to clients.
type answerLog struct {
	t  *testing.T
	mu sync.Mutex
	// stored has the content of acknowledged uploads by ID. removed has the IDs of removed
	// uploads, unknown those whose removal had no clear answer.
	stored           map[string]string
	removed, unknown map[string]bool

	acknowledged, failed, removals int
}

func newAnswerLog(t *testing.T) *answerLog {
	return &answerLog{t: t, stored: map[string]string{}, removed: map[string]bool{}, unknown: map[string]bool{}}
}

// work uploads and deletes objects until stop is closed.
func (w *answerLog) work(random *rand.Rand, stop <-chan struct{}, url func() string) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		if random.IntN(4) == 0 {
			w.remove(url())
			continue
		}
		content := fmt.Sprint(i, " ", random.Uint64())
		files, status, err := post(url(), strings.NewReader(content), "Content-Disposition", "attachment; filename=f")
		w.mu.Lock()
		if err == nil && status == http.StatusCreated {
			w.stored[files[0].ID] = content
			w.acknowledged++
		} else {
			w.failed++
		}
		w.mu.Unlock()
		if err == nil && status != http.StatusCreated && status != http.StatusServiceUnavailable {
			w.t.Errorf("POST: %d", status)
			return
		}
	}
}

func (w *answerLog) remove(url string) {
	w.mu.Lock()
	id := ""
	for id = range w.stored {
		break
	}
	delete(w.stored, id)
	w.mu.Unlock()
	if id == "" {
		return
	}
	status, err := remove(url + "/" + id)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err == nil && status == http.StatusNoContent:
		w.removed[id] = true
		w.removals++
	default:
		w.unknown[id] = true
	}
}

// acknowledgedUploads returns a copy of stored.
func (w *answerLog) acknowledgedUploads() map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := map[string]string{}
	for id, content := range w.stored {
		all[id] = content
	}
	return all
}

// verify checks that p serves every acknowledged upload and no removed one.
func (w *answerLog) verify(p *process) {
	w.t.Helper()
	for id, want := range w.stored {
		if status, body := get(w.t, p.url+"/"+id); status != 200 || body != want {
			w.t.Errorf("%s was acknowledged: %d %q", id, status, body)
		}
	}
	for id := range w.removed {
		if status, _ := get(w.t, p.url+"/"+id); status != 404 {
			w.t.Errorf("%s was removed: %d", id, status)
		}
	}
	w.t.Logf("%d uploads and %d removals were acknowledged, %d uploads failed", w.acknowledged, w.removals, w.failed)
	if w.acknowledged == 0 || w.removals == 0 {
		w.t.Error("nothing was acknowledged")
	}
}

// TestBackupsWhileServersDie runs two servers on one SQLite file and kills them in turn
// while backups are made as documented. Each backup is intact and has every upload that
// was acknowledged before it began.
func TestBackupsWhileServersDie(t *testing.T) {
	place := uploadPlaces(t, "disk")
	file := strings.TrimPrefix(place.catalog, "sqlite:")
	w := newAnswerLog(t)
	var servers [2]atomic.Pointer[process]
	for i := range servers {
		servers[i].Store(place.serve(t))
	}
	stop := make(chan struct{})
	var group sync.WaitGroup
	for i := range 4 {
		random := rand.New(rand.NewPCG(uint64(i), 7))
		group.Go(func() { w.work(random, stop, func() string { return servers[random.IntN(2)].Load().url }) })
	}
	backups := t.TempDir()
	for round := range crashRounds(8) {
		before := w.acknowledgedUploads()
		backup := filepath.Join(backups, fmt.Sprintf("%d.db", round))
		runSQLite(t, file, []string{"VACUUM INTO '" + backup + "'", ".backup '" + backup + "'"}[round%2])
		p := servers[round%2].Load()
		p.signal(syscall.SIGKILL)
		p.exit()
		servers[round%2].Store(place.serve(t))
		if said := runSQLite(t, backup, "PRAGMA integrity_check"); said != "ok\n" {
			t.Errorf("a backup is broken: %s", said)
		}
		has := map[string]bool{}
		for _, id := range strings.Fields(runSQLite(t, backup, "SELECT id FROM objects WHERE state = 'ready'")) {
			has[id] = true
		}
		w.mu.Lock()
		for id := range before {
			// An upload that was removed meanwhile may be gone.
			if _, still := w.stored[id]; still && !has[id] {
				t.Errorf("a backup lacks %s, which was acknowledged before it began", id)
			}
		}
		w.mu.Unlock()
		if err := os.Remove(backup); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	group.Wait()
	w.verify(servers[0].Load())
	for i := range servers {
		servers[i].Load().stop()
	}
	wantCleanAfterSweep(t, &place)
	http.DefaultClient.CloseIdleConnections()
}

// wantCleanAfterSweep sweeps and checks the catalog. No server may be running.
func wantCleanAfterSweep(t *testing.T, place *uploadPlace) {
	t.Helper()
	if code, _, said := runCommand(t, "catalog", "sweep", place.source, "--catalog", place.catalog, "--older-than", "0s"); code != cli.ExitDone {
		t.Errorf("sweep: exit %d, %s", code, said)
	}
	if code, said := place.check(t); code != cli.ExitDone {
		t.Errorf("check: exit %d, %s", code, said)
	}
}

// TestDatabaseBreaks runs a server on an unreliable network to a PostgreSQL that is
// killed: connections end at any byte, and the answer to a COMMIT may be lost.
// Acknowledged uploads are served, removed ones are not.
func TestDatabaseBreaks(t *testing.T) {
	server := pgserver.Start(t, "fsync=on")
	db := server.Database(t)
	dir := t.TempDir()
	n := newNetwork(t, net.JoinHostPort("127.0.0.1", server.Port))
	place := uploadPlace{name: "disk", source: dir, dir: dir, catalog: n.through(t, db)}
	p := place.serve(t)
	w := newAnswerLog(t)
	stop := make(chan struct{})
	var group sync.WaitGroup
	for i := range 4 {
		random := rand.New(rand.NewPCG(uint64(i), 8))
		group.Go(func() { w.work(random, stop, func() string { return p.url }) })
	}
	random := rand.New(rand.NewPCG(3, 3))
	rounds := crashRounds(24)
	for round := range rounds {
		target := w.count() + 5
		switch {
		case round == rounds/2:
			server.Kill(t)
			server.Restart(t)
		case round%3 == 0:
			n.cut()
		case round%3 == 1:
			n.loseAnswers()
		default:
			n.cutAfter(random.Int64N(2000))
		}
		for end := time.Now().Add(patience); w.count() < target; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("round %d: no upload was acknowledged in time:\n%s", round, strings.Join(p.said(), "\n"))
			}
		}
	}
	close(stop)
	group.Wait()
	n.heal()
	eventually(t, func() string {
		if status, _ := get(t, p.url+"/00000000-0000-4000-8000-000000000000"); status != 404 {
			return fmt.Sprintf("the server has not recovered: %d", status)
		}
		return ""
	})
	w.verify(p)
	if w.failed == 0 {
		t.Error("nothing ever failed")
	}
	p.stop()
	wantCleanAfterSweep(t, &place)
	http.DefaultClient.CloseIdleConnections()
}

func (w *answerLog) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.acknowledged
}

// A network is a proxy between a client and a server that breaks connections on demand.
type network struct {
	to       string
	listener net.Listener

	mu    sync.Mutex
	conns map[net.Conn]bool
	lose  bool  // drop the server's answers
	left  int64 // bytes that still pass; no limit if negative
}

func newNetwork(t *testing.T, to string) *network {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &network{to: to, listener: l, conns: map[net.Conn]bool{}, left: -1}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() { n.carry(in) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		n.cut()
		group.Wait()
	})
	return n
}

// through returns the URL of a database with the network's address.
func (n *network) through(t *testing.T, db string) string {
	t.Helper()
	u, err := url.Parse(db)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = n.listener.Addr().String()
	return u.String()
}

func (n *network) carry(in net.Conn) {
	defer in.Close()
	out, err := net.Dial("tcp", n.to)
	if err != nil {
		return
	}
	defer out.Close()
	n.mu.Lock()
	n.conns[in], n.conns[out] = true, true
	n.mu.Unlock()
	var group sync.WaitGroup
	group.Go(func() { _, _ = io.Copy(out, in); out.Close() })
	group.Go(func() { n.answer(in, out); in.Close() })
	group.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.conns, in)
	delete(n.conns, out)
}

// answer forwards the server's answers.
func (n *network) answer(in, out net.Conn) {
	buf := make([]byte, 4096)
	for {
		got, err := out.Read(buf)
		if err != nil {
			return
		}
		n.mu.Lock()
		lose := n.lose
		if n.left >= 0 {
			if n.left -= int64(got); n.left < 0 {
				lose, n.left = true, -1
			}
		}
		n.mu.Unlock()
		if lose {
			// The server has executed the command, but the client does not learn of it.
			return
		}
		if _, err := in.Write(buf[:got]); err != nil {
			return
		}
	}
}

// cut closes all connections.
func (n *network) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lose, n.left = false, -1
	for c := range n.conns {
		c.Close()
	}
}

// loseAnswers closes each connection at the next answer, for 20 ms.
func (n *network) loseAnswers() {
	n.mu.Lock()
	n.lose = true
	n.mu.Unlock()
	time.AfterFunc(20*time.Millisecond, n.heal)
}

// cutAfter closes the connection that exceeds a total of bytes in answers.
func (n *network) cutAfter(bytes int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lose, n.left = false, bytes
}

func (n *network) heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lose, n.left = false, -1
}
