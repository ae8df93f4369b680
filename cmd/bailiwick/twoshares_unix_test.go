//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/auth/htpasswd"
	"github.com/bailiwick-fs/bailiwick/testdata/pgserver"
)

// sharing starts a server of dir that shares by a database.
func sharing(t *testing.T, dir, users, database string) *process {
	t.Helper()
	return serveTree(t, dir, "--mount-path", "/files", "--allow", "**", "--list", "--htpasswd", users, "--shares", database,
		"--access", "authenticated can read,list,share", "--access-log", "off")
}

// makeShare makes a share with some uses and returns its path.
func makeShare(t *testing.T, p *process, uses int) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", p.url+"/.bailiwick/shares", strings.NewReader(fmt.Sprintf(`{"path":"/files/a.txt","uses":%d}`, uses)))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("alice", "password")
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var made struct{ URL string }
	if err := json.NewDecoder(resp.Body).Decode(&made); err != nil || resp.StatusCode != 201 {
		t.Fatalf("%d %v", resp.StatusCode, err)
	}
	return made.URL
}

// TestTwoServersCountUses has two servers answer 200 requests at once for a share with 50
// uses. Then one is killed while it answers: there are never more answers than uses.
func TestTwoServersCountUses(t *testing.T) {
	const content = "the content"
	dir := tree(t, map[string]string{"a.txt": content})
	users := filepath.Join(t.TempDir(), "users")
	hash, err := htpasswd.Hash("password")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(users, []byte("alice:"+hash+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	database := pgserver.Start(t).Database(t)
	servers := []*process{sharing(t, dir, users, database), sharing(t, dir, users, database)}
	defer http.DefaultClient.CloseIdleConnections()

	const uses = 50
	ask := func(url string, status *[600]atomic.Int64) {
		resp, err := http.Get(url)
		if err != nil {
			status[0].Add(1)
			return
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if resp.StatusCode == 200 && (err != nil || string(body) != content) {
			t.Errorf("200 with %q, %v", body, err)
		}
		status[resp.StatusCode].Add(1)
	}
	link := makeShare(t, servers[0], uses)
	var statuses, later [600]atomic.Int64
	var group sync.WaitGroup
	for i := range 200 {
		group.Go(func() { ask(servers[i%2].url+link, &statuses) })
	}
	group.Wait()
	if ok, gone := statuses[200].Load(), statuses[404].Load(); ok != uses || gone != 200-uses {
		t.Errorf("%d answers and %d refusals of 200, want %d answers", ok, gone, uses)
	}

	// One is killed while it answers; the other goes on until no use is left.
	link = makeShare(t, servers[1], uses)
	var answered atomic.Int64
	for i := range 100 {
		group.Go(func() {
			ask(servers[i%2].url+link, &later)
			if answered.Add(1) == 15 {
				servers[0].signal(syscall.SIGKILL)
			}
		})
	}
	group.Wait()
	servers[0].exit()
	for range uses + 1 {
		ask(servers[1].url+link, &later)
	}
	ok, broken := later[200].Load(), later[0].Load()
	t.Logf("%d answers, %d broken requests", ok, broken)
	if ok > uses || ok+broken < uses {
		t.Errorf("%d answers and %d broken requests of %d uses", ok, broken, uses)
	}
	// Each request for what opens nothing counts as a guess, so how many there were before decides
	// which refusal this is.
	if status, _ := get(t, servers[1].url+link); status != 404 && status != 429 {
		t.Errorf("after the last use: %d", status)
	}
}
