//go:build unix

package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestPutKilled kills servers while clients create, replace and remove files. After each
// kill, every file is complete and has the state of the last acknowledged request, or of
// the one request without an answer. Nothing else exists.
func TestPutKilled(t *testing.T) {
	l := &putLedger{t: t, dir: t.TempDir(), acknowledged: map[string][]byte{}, pending: map[string][][]byte{}, emptied: map[string]bool{}}
	test := &crashTest{
		rounds: crashRounds(10), clients: 6, bytes: 12 << 20,
		start: func() *process {
			return serveTree(t, l.dir, "--allow", "**", "--write", "--access-log", "off")
		},
		client: l.work,
		verify: l.verify,
	}
	test.run(t, 3)
	t.Logf("%d kills: %d changes acknowledged; %d without an answer, %d of them applied", test.rounds, l.changes, l.unknown, l.found)
	if l.changes == 0 || l.unknown == 0 {
		t.Error("no change was acknowledged, or no request was interrupted")
	}
}

// A putLedger records the answers that clients received. A nil content means no file.
type putLedger struct {
	t   *testing.T
	dir string

	mu           sync.Mutex
	clients      int
	acknowledged map[string][]byte
	pending      map[string][][]byte // contents of requests without an answer
	emptied      map[string]bool     // whether a directory was empty at the last verify

	changes, unknown, found int
}

// shared is the name that all clients write to. Each has other names of its own.
const shared = "shared/by/all.bin"

func (l *putLedger) work(random *rand.Rand, url string, wire *tripwire) {
	l.mu.Lock()
	l.clients++
	own := []string{fmt.Sprintf("%d.bin", l.clients%6), fmt.Sprintf("d/%d/e/f.bin", l.clients%6)}
	l.mu.Unlock()
	for {
		name, method := own[random.IntN(2)], "PUT"
		var content []byte
		switch random.IntN(5) {
		case 0:
			method = "DELETE"
		case 1:
			name = shared
			fallthrough
		default:
			content = randomBytes(random, 1+random.IntN(1<<20))
		}
		if err := l.change(url, method, name, content, wire); err != nil {
			return
		}
	}
}

func (l *putLedger) change(url, method, name string, content []byte, wire *tripwire) error {
	l.mu.Lock()
	l.pending[name] = append(l.pending[name], content)
	l.mu.Unlock()
	req, err := http.NewRequest(method, url+"/"+name, wire.reader(bytes.NewReader(content)))
	if err != nil {
		return err
	}
	if req.ContentLength = int64(len(content)); content == nil {
		req.Body = nil
	}
	resp, err := http.DefaultClient.Do(req)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.unknown++
		return err
	}
	resp.Body.Close()
	l.changes++
	if name == shared {
		return nil // the order of the clients' changes is unknown
	}
	missing := method == "DELETE" && l.acknowledged[name] == nil && resp.StatusCode == http.StatusNotFound
	if resp.StatusCode/100 != 2 && !missing {
		l.t.Errorf("%s %s: %d", method, name, resp.StatusCode)
	}
	l.acknowledged[name] = content
	delete(l.pending, name)
	return nil
}

func (l *putLedger) verify(p *process, _ int) {
	there := map[string]bool{}
	err := filepath.WalkDir(l.dir, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(l.dir, path)
		switch {
		case err != nil:
			return err
		case !d.IsDir():
			there[name] = true
		case path != l.dir:
			// A kill between removing a file and its directory leaves the directory.
			entries, err := os.ReadDir(path)
			empty := err != nil || len(entries) == 0
			if empty && !l.removing(name) && !l.emptied[name] {
				l.t.Errorf("the directory %s is left, %v", name, err)
			}
			l.emptied[name] = empty
		}
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
	names := map[string]bool{}
	for name := range l.acknowledged {
		names[name] = true
	}
	for name := range l.pending {
		names[name] = true
	}
	for name := range there {
		if !names[name] {
			l.t.Errorf("%s is left", name)
		}
	}
	for name := range names {
		status, body := get(l.t, p.url+"/"+name)
		var is []byte
		if status == http.StatusOK {
			is = []byte(body)
		}
		if there[name] != (status == http.StatusOK) {
			l.t.Errorf("%s: %d, in the directory: %t", name, status, there[name])
		}
		known := same(is, l.acknowledged[name])
		if !known {
			for _, content := range l.pending[name] {
				known = known || same(is, content)
			}
			if name != shared {
				l.found++
			}
		}
		if !known {
			l.t.Errorf("%s is neither the old version nor a new one: %d, %s", name, status, strings.ToValidUTF8(body[:min(len(body), 20)], "?"))
		}
		l.acknowledged[name] = is
	}
	clear(l.pending)
}

// removing reports whether a removal below dir has no answer yet.
func (l *putLedger) removing(dir string) bool {
	for name, contents := range l.pending {
		for _, content := range contents {
			if content == nil && strings.HasPrefix(name, dir+"/") {
				return true
			}
		}
	}
	return false
}

// same compares contents. No file differs from an empty one.
func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }
