package server_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/server"
)

// A slowIntake is a handler whose answers to bodies are not read.
type slowIntake struct {
	h           http.Handler
	method      string
	target      string // "%d" is the number of the request
	body        string
	headers     []string
	begun       chan int
	read        chan struct{}
	clients     sync.WaitGroup
	mu          sync.Mutex
	inspections []*server.Upload
}

// Inspect keeps what the handler has received.
func (s *slowIntake) Inspect(_ context.Context, u *server.Upload) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inspections = append(s.inspections, u)
	return nil
}

func (s *slowIntake) request(i int) *http.Request {
	r := httptest.NewRequest(s.method, strings.ReplaceAll(s.target, "%d", fmt.Sprint(i)), strings.NewReader(s.body))
	r.Host = "files.example"
	for i := 0; i < len(s.headers); i += 2 {
		r.Header.Set(s.headers[i], s.headers[i+1])
	}
	return r
}

// stall sends a request, and returns the status when the body of its answer has begun.
func (s *slowIntake) stall(i int) (status int) {
	s.clients.Go(func() { s.h.ServeHTTP(&stalled{header: http.Header{}, begun: s.begun, read: s.read}, s.request(i)) })
	return <-s.begun
}

// end lets all clients read.
func (s *slowIntake) end() {
	close(s.read)
	s.clients.Wait()
}

// hostileFiles are the files of a form with names as long as a part may have, after a short one.
func hostileFiles(short string) []string {
	files := []string{short, "x"}
	for i := range 99 {
		files = append(files, fmt.Sprint(i)+strings.Repeat("<", 16_000)+".txt", "x")
	}
	return files
}

// slowIntakes are handlers with so many slots for bodies, by what they do with them.
func slowIntakes(t *testing.T, slots int) map[string]*slowIntake {
	all := map[string]*slowIntake{}
	add := func(what, method, target string, h func(server.Intake) http.Handler, headers ...string) *slowIntake {
		s := &slowIntake{method: method, target: target, headers: headers, begun: make(chan int), read: make(chan struct{})}
		s.h = h(server.Intake{Slots: server.NewSlots(slots), Inspect: s, SpoolDir: t.TempDir()})
		all[what] = s
		return s
	}
	form := func(what, target string, h func(server.Intake) http.Handler, files []string, headers ...string) {
		body, contentType := filesForm(files...)
		add(what, "POST", target, h, append(headers, contentType...)...).body = body
	}
	files := func(in server.Intake) http.Handler {
		return server.New(jailOver(t, mem.New(), allow("**")), server.Config{Write: true, Intake: in, Logger: quiet})
	}
	stored := []string{"a.txt", "x"}
	for i := range 99 {
		stored = append(stored, fmt.Sprint(i)+strings.Repeat("&", 240), "x")
	}
	form("stored", "/d%d/", files, stored)
	form("refused", "/d%d/", files, hostileFiles("a.txt"))
	form("page", "/d%d/", files, hostileFiles("a.txt"), "Accept", "text/html")
	form("uploads", "/", func(in server.Intake) http.Handler { return newUploads(t, server.UploadConfig{Intake: in}).handler }, hostileFiles("a.txt"))
	add("PUT", "PUT", "/a.txt", files, "If-Match", `"x"`).body = "x"
	add("copy", "POST", "/", func(in server.Intake) http.Handler {
		b := mem.New()
		plant(t, b, "a.txt", "b.txt")
		return server.New(jailOver(t, b, allow("**")), server.Config{Write: true, List: true, Page: fullPage, Intake: in, Logger: quiet})
	}, "Content-Type", "application/x-www-form-urlencoded", "Accept", "text/html").body = "action=copy&name=a.txt&to=/b.txt"
	shared := newSharing(t)
	form("shared", shared.share("alice", fields{"path": "/files/drop", "upload": true}).URL, func(in server.Intake) http.Handler {
		shared.change = func(c *server.ShareConfig) { c.Mounts[0].Config.Intake = in }
		shared.apply()
		return shared.h
	}, hostileFiles("a.txt"))
	return all
}

// The time that a client has for a body is bounded, and one that does not read the answer must
// not prolong it: by then its slot is free, and nothing of what it sent is kept in a file.
func TestAnswersHoldNoIntake(t *testing.T) {
	for what, s := range slowIntakes(t, 1) {
		t.Run(what, func(t *testing.T) {
			defer s.end()
			if status := s.stall(1); status == 503 {
				t.Fatal(status)
			}
			open := slices.DeleteFunc(slices.Clone(s.inspections), func(u *server.Upload) bool {
				_, err := u.ReadAt(make([]byte, 1), 0)
				return errors.Is(err, os.ErrClosed)
			})
			if len(open) > 0 || len(s.inspections) == 0 && what != "PUT" && what != "copy" {
				t.Errorf("%d of %d temporary files are open", len(open), len(s.inspections))
			}
			w := httptest.NewRecorder()
			if s.h.ServeHTTP(w, s.request(2)); w.Code == 503 {
				t.Error("the slot is taken")
			}
		})
	}
}

// Clients that read nothing of the answers to forms hold little memory, however long the names
// of their files are, and together no more than a bound. Beyond it, nothing is stored.
func TestStalledForms(t *testing.T) {
	all := slowIntakes(t, 1000)
	for what, s := range all {
		t.Run(what, func(t *testing.T) {
			defer s.end()
			s.stall(0) // what is made once
			s.inspections = nil
			before := heap()
			const few = 4
			for i := range few {
				if status := s.stall(1 + i); status == 503 {
					t.Fatal(status)
				}
			}
			s.inspections = nil
			if each := (int64(heap()) - int64(before)) / few; each > 1<<20 {
				t.Errorf("a response to a client that reads nothing holds %d bytes", each)
			}
			if what != "refused" {
				return
			}
			last := s.stallAll(t, few+1)
			s.body, s.headers = all["stored"].body, all["stored"].headers
			last = s.stallAll(t, last+1)
			w := httptest.NewRecorder()
			s.h.ServeHTTP(w, httptest.NewRequest("GET", fmt.Sprintf("/d%d/a.txt", last), nil))
			if w.Code != 404 {
				t.Errorf("a file of a form that got 503: %d", w.Code)
			}
		})
	}
}

// stallAll stalls requests, from the i-th on, until one gets 503. It returns the number of that.
func (s *slowIntake) stallAll(t *testing.T, i int) int {
	t.Helper()
	for most := i + 200; s.stall(i) != 503; i++ {
		if i == most {
			t.Fatal("one client holds any number of responses")
		}
	}
	return i
}
