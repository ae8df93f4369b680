//go:build unix

package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestTwoServers has two servers share a bucket and a database. Clients upload to one, read
// from the other and delete through either. One server is killed: the other continues, and
// a sweep removes only unfinished uploads of the killed one.
func TestTwoServers(t *testing.T) {
	place := uploadPlaces(t, "s3")
	servers := []*process{place.serve(t), place.serve(t)}
	s := &sharedUploads{t: t, stored: map[string]string{}}

	const each = 15
	var group sync.WaitGroup
	for i := range 6 {
		random := rand.New(rand.NewPCG(uint64(i), 0))
		group.Go(func() {
			for range each {
				here := random.IntN(2)
				id := s.upload(random, servers[here], servers[1-here])
				if id != "" && random.IntN(3) == 0 {
					s.remove(id, servers[random.IntN(2)], servers)
				}
			}
		})
	}
	group.Wait()
	s.verify(servers...)
	wantClean(t, &place, fmt.Sprintf("%d upload", len(s.stored)))

	// Multipart uploads are in progress on both when one is killed.
	var slow []*slowUpload
	for i := range 4 {
		slow = append(slow, startSlow(t, servers[i%2], uint64(i)))
	}
	for end := time.Now().Add(patience); place.unfinished(t) < len(slow); {
		if time.Now().After(end) {
			t.Fatalf("%d multipart uploads are in progress, want %d", place.unfinished(t), len(slow))
		}
	}
	dead, alive := servers[0], servers[1]
	dead.signal(syscall.SIGKILL)
	dead.exit()
	group.Go(func() { // the surviving server has other work, too
		random := rand.New(rand.NewPCG(9, 9))
		for range each {
			s.upload(random, alive, alive)
		}
	})
	// A third server starts, and a sweep is run by hand.
	third := place.serve(t)
	for end := time.Now().Add(patience); place.unfinished(t) > len(slow)/2; {
		if code, _, said := runCommand(t, "catalog", "sweep", place.source, "--catalog", place.catalog); code != 0 {
			t.Errorf("sweep: exit %d, %s", code, said)
		}
		if time.Now().After(end) {
			t.Fatal("the killed server's parts are still in the bucket")
		}
	}
	group.Wait()
	if n := place.unfinished(t); n != len(slow)/2 {
		t.Errorf("%d multipart uploads are in progress, want %d", n, len(slow)/2)
	}
	for i, u := range slow {
		files, status, err := u.end()
		switch {
		case i%2 == 0 && err == nil:
			t.Errorf("an upload to the killed server was answered: %d", status)
		case i%2 == 1 && (err != nil || status != http.StatusCreated):
			t.Errorf("an upload to the surviving server: %d, %v", status, err)
		case i%2 == 1:
			if files[0].SHA256 != u.sum {
				t.Errorf("the upload is %+v, want the hash %s", files[0], u.sum)
			}
			s.stored[files[0].ID] = u.sum
		}
	}
	s.verify(alive, third)
	wantClean(t, &place, fmt.Sprintf("%d upload", len(s.stored)))
	if n, o := place.unfinished(t), place.objects(t); n != 0 || o != len(s.stored) {
		t.Errorf("%d multipart uploads are left, and %d objects for %d uploads", n, o, len(s.stored))
	}
	http.DefaultClient.CloseIdleConnections()
}

// wantClean runs catalog check, which must find no problem and print want.
func wantClean(t *testing.T, place *uploadPlace, want string) {
	t.Helper()
	if code, said := place.check(t); code != 0 || !strings.Contains(said, want) || !strings.Contains(said, "in progress: 0; problems: 0") {
		t.Errorf("check: exit %d, want %s\n%s", code, want, said)
	}
}

// sharedUploads are the uploads that several servers share.
type sharedUploads struct {
	t      *testing.T
	mu     sync.Mutex
	stored map[string]string // SHA-256 by ID
}

// upload uploads to one server and reads from another.
func (s *sharedUploads) upload(random *rand.Rand, to, from *process) (id string) {
	limit := 1 << 16
	if random.IntN(6) == 0 {
		limit = 12 << 20
	}
	content := randomBytes(random, random.IntN(limit))
	files, status, err := post(to.url, unsized(content), "Content-Disposition", "attachment; filename=a")
	if err != nil || status != http.StatusCreated {
		s.t.Errorf("POST: %d %v", status, err)
		return ""
	}
	id = files[0].ID
	s.mu.Lock()
	s.stored[id] = hash(content)
	s.mu.Unlock()
	if status, sum := fetch(s.t, from.url+"/"+id); status != http.StatusOK || sum != hash(content) {
		s.t.Errorf("GET from the other: %d", status)
	}
	return id
}

// remove deletes an upload through one server and checks that all have lost it.
func (s *sharedUploads) remove(id string, by *process, others []*process) {
	s.mu.Lock()
	delete(s.stored, id)
	s.mu.Unlock()
	if status, err := remove(by.url + "/" + id); err != nil || status != http.StatusNoContent {
		s.t.Errorf("DELETE: %d %v", status, err)
	}
	for _, p := range others {
		if status, _ := fetch(s.t, p.url+"/"+id); status != http.StatusNotFound {
			s.t.Errorf("GET of a removed upload: %d", status)
		}
	}
}

func (s *sharedUploads) verify(servers ...*process) {
	s.t.Helper()
	for id, want := range s.stored {
		for _, p := range servers {
			if status, sum := fetch(s.t, p.url+"/"+id); status != http.StatusOK || sum != want {
				s.t.Errorf("GET: %d", status)
			}
		}
	}
}

// fetch returns the status of a GET and the hash of the body. It is safe for concurrent
// use.
func fetch(t *testing.T, url string) (status int, sum string) {
	resp, err := http.Get(url)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, hash(body)
}

// A slowUpload is an unfinished multipart upload.
type slowUpload struct {
	sum    string
	rest   []byte
	body   *io.PipeWriter
	answer chan func() ([]upload, int, error)
}

// startSlow starts an upload and sends more than one part.
func startSlow(t *testing.T, to *process, seed uint64) *slowUpload {
	content := randomBytes(rand.New(rand.NewPCG(seed, 1)), 11<<20)
	feed, body := io.Pipe()
	u := &slowUpload{sum: hash(content), rest: content[10<<20:], body: body, answer: make(chan func() ([]upload, int, error), 1)}
	go func() {
		files, status, err := post(to.url, feed, "Content-Disposition", "attachment; filename=slow")
		feed.CloseWithError(io.ErrClosedPipe)
		u.answer <- func() ([]upload, int, error) { return files, status, err }
	}()
	if _, err := body.Write(content[:10<<20]); err != nil {
		t.Fatal(err)
	}
	return u
}

func (u *slowUpload) end() ([]upload, int, error) {
	_, _ = u.body.Write(u.rest) // fails if the server was killed
	u.body.Close()
	return (<-u.answer)()
}
