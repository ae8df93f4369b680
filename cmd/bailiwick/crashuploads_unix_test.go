//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"
)

// TestUploadsKilled kills servers at random points of uploads and removals. The next
// server has every acknowledged upload and sweeps the others: at its start with SQLite, a
// little later with PostgreSQL, which notices the dead server after a delay.
func TestUploadsKilled(t *testing.T) {
	for _, c := range []struct {
		kind   string
		rounds int
		large  int // bytes; on S3, more than one part
		bytes  int64
	}{
		{"disk", 8, 3 << 20, 16 << 20},
		{"s3", 4, 14 << 20, 50 << 20},
	} {
		t.Run(c.kind, func(t *testing.T) {
			l := &uploadLedger{
				t: t, place: uploadPlaces(t, c.kind), large: c.large,
				stored: map[string]string{}, pending: map[string]bool{}, removing: map[string]bool{},
			}
			test := &crashTest{
				rounds: crashRounds(c.rounds), clients: 6, bytes: c.bytes,
				start:  func() *process { return l.place.serve(t) },
				client: l.work,
				verify: l.verify,
			}
			test.run(t, 1)
			t.Logf("%d kills: %d uploads and %d removals acknowledged; %d uploads without an answer, %d of them stored; swept: %d uploads, %d multipart; swept after the start %d times",
				test.rounds, l.uploads, l.removals, l.unknown, l.found, l.swept, l.parts, l.late)
			if l.uploads == 0 || l.removals == 0 {
				t.Error("nothing was acknowledged")
			}
			if test.rounds >= 4 && (l.swept == 0 || c.kind == "s3" && l.parts == 0) {
				t.Error("no server was killed in the middle of an upload")
			}
		})
	}
}

// An uploadLedger records the answers that clients received.
type uploadLedger struct {
	t     *testing.T
	place uploadPlace
	large int

	mu       sync.Mutex
	stored   map[string]string // SHA-256 by ID
	pending  map[string]bool   // SHA-256s of uploads without an answer
	removing map[string]bool   // IDs whose removal had no answer

	uploads, removals, unknown, found, swept, parts, late int
}

func (l *uploadLedger) work(random *rand.Rand, url string, wire *tripwire) {
	if l.place.name == "s3" && wire.first.CompareAndSwap(false, true) {
		l.stall(random, url, wire)
		return
	}
	for {
		var err error
		if random.IntN(3) == 0 {
			err = l.remove(url)
		} else {
			err = l.upload(random, url, wire)
		}
		if err != nil {
			return
		}
	}
}

func (l *uploadLedger) upload(random *rand.Rand, url string, wire *tripwire) error {
	var hashes []string
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := range 1 + random.IntN(3) {
		limit := 1 << 17
		if i == 0 && random.IntN(3) == 0 {
			limit = l.large
		}
		content := randomBytes(random, random.IntN(limit))
		hashes = append(hashes, hash(content))
		part, err := form.CreateFormFile("f", fmt.Sprint(i))
		if err == nil {
			_, err = part.Write(content)
		}
		if err != nil {
			panic(err)
		}
	}
	form.Close()
	l.mu.Lock()
	for _, h := range hashes {
		l.pending[h] = true
	}
	l.mu.Unlock()
	files, status, err := post(url, wire.reader(&body), "Content-Type", form.FormDataContentType())
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.unknown += len(hashes)
		return err
	}
	for _, h := range hashes {
		delete(l.pending, h)
	}
	if len(files) != len(hashes) {
		l.t.Errorf("an upload of %d files: status %d with %d files", len(hashes), status, len(files))
		return io.ErrUnexpectedEOF
	}
	for i, f := range files {
		if f.SHA256 != hashes[i] {
			l.t.Errorf("file %d: hash %s, want %s", i, f.SHA256, hashes[i])
		}
		l.stored[f.ID] = f.SHA256
		l.uploads++
	}
	return nil
}

// stall sends more than one part and then nothing until the server is killed.
func (l *uploadLedger) stall(random *rand.Rand, url string, wire *tripwire) {
	rest, end := io.Pipe()
	go func() {
		<-wire.killed
		end.CloseWithError(io.ErrUnexpectedEOF)
	}()
	_, status, err := post(url, io.MultiReader(wire.reader(bytes.NewReader(randomBytes(random, l.large))), rest), "Content-Disposition", "attachment; filename=slow")
	if err == nil {
		l.t.Errorf("an unfinished upload was answered: %d", status)
	}
	l.mu.Lock()
	l.unknown++
	l.mu.Unlock()
}

// remove deletes an acknowledged upload.
func (l *uploadLedger) remove(url string) error {
	l.mu.Lock()
	var id, sum string
	for id, sum = range l.stored {
		break
	}
	delete(l.stored, id)
	l.mu.Unlock()
	if id == "" {
		return nil
	}
	status, err := remove(url + "/" + id)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.removing[id], l.pending[sum] = true, true
		return err
	}
	l.removals++
	if status != http.StatusNoContent {
		l.t.Errorf("DELETE: %d", status)
	}
	return nil
}

func remove(url string) (status int, err error) {
	req, err := http.NewRequest("DELETE", url, nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

var sweptLine = regexp.MustCompile(`^swept: ([0-9]+) uploads?(?:, ([0-9]+) uploads? in parts)?$`)

// verify checks that p serves every acknowledged upload. Any other object must be a
// complete upload whose answer was lost.
func (l *uploadLedger) verify(p *process, _ int) {
	if l.place.name == "s3" {
		code, _ := l.place.check(l.t)
		if code != 0 {
			l.late++
		}
		for end := time.Now().Add(patience); code != 0 && time.Now().Before(end); {
			code, _ = l.place.check(l.t)
		}
	}
	for _, line := range p.said() {
		if m := sweptLine.FindStringSubmatch(line); m != nil {
			uploads, _ := strconv.Atoi(m[1])
			parts, _ := strconv.Atoi(m[2])
			l.swept += uploads
			l.parts += parts
		}
	}
	entries, err := os.ReadDir(l.place.dir)
	if err != nil && !os.IsNotExist(err) {
		l.t.Fatal(err)
	}
	there := map[string]bool{}
	for _, e := range entries {
		id := e.Name()
		if there[id] = true; !uploadName.MatchString(id) {
			l.t.Errorf("%s is left in the source", id)
		}
		if l.stored[id] != "" {
			continue
		}
		var f upload
		if status, meta := get(l.t, p.url+"/"+id+"?meta"); status != 200 || json.Unmarshal([]byte(meta), &f) != nil {
			l.t.Errorf("an unacknowledged object: %d %s", status, meta)
		}
		if !l.pending[f.SHA256] {
			l.t.Errorf("an object that was never sent, or was removed: %+v", f)
		}
		if !l.removing[id] {
			l.found++
		}
		l.stored[id] = f.SHA256
	}
	for id := range l.removing {
		if status, _ := get(l.t, p.url+"/"+id); !there[id] && status != 404 {
			l.t.Errorf("GET of a removed object: %d", status)
		}
	}
	for id, sum := range l.stored {
		if status, body := get(l.t, p.url+"/"+id); status != 200 || hash([]byte(body)) != sum {
			l.t.Errorf("GET of an acknowledged upload: %d, %d bytes", status, len(body))
		}
	}
	clear(l.pending)
	clear(l.removing)
	wantClean(l.t, &l.place, fmt.Sprintf("%d upload", len(l.stored)))
	if n := l.place.unfinished(l.t); n != 0 {
		l.t.Errorf("%d multipart uploads are left", n)
	}
	// Every round reads and hashes all uploads: bound their number.
	for id := range l.stored {
		if len(l.stored) <= 10 {
			break
		}
		if status, err := remove(p.url + "/" + id); err != nil || status != http.StatusNoContent {
			l.t.Errorf("DELETE: %d %v", status, err)
		}
		delete(l.stored, id)
	}
}
