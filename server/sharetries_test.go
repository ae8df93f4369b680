package server_test

import (
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/auth"
)

// TestShareTries guesses tokens, a million of them with BAILIWICK_LONG=1: counted up, and
// neighbors of one that exists. From one address, the limit shows; from as many addresses as
// there are tries, each is answered. All answers are the same, each guess is one look-up, as is
// that of a share that was revoked, and nothing is left of them. The control has tokens of 16
// bits, and opens.
func TestShareTries(t *testing.T) {
	tries := 20_000
	if os.Getenv(longVariable) == "1" {
		tries = 1_000_000
	}
	s := newSharing(t)
	store := &countingShares{Shares: s.store}
	s.store = store
	now := time.Now()
	s.change = func(c *server.ShareConfig) {
		limits := server.ShareGuesses
		limits.Now = func() time.Time { return now }
		c.Guesses, c.Recorder = auth.NewFailures(limits), nil
	}
	s.apply()
	live := s.share("alice", fields{"path": "/files/docs/pub/a.txt", "uses": 5}).URL
	revoked := s.share("alice", fields{"path": "/files/docs/pub/a.txt"})
	s.send("DELETE", "/.bailiwick/shares/"+revoked.ID, "", as("alice")...)
	token, err := base64.RawURLEncoding.DecodeString(strings.Split(live, "/")[3])
	if err != nil {
		t.Fatal(err)
	}

	r := httptest.NewRequest("GET", "/", nil)
	r.Host = "files.example"
	ask := func(link, addr string) reply {
		w := httptest.NewRecorder()
		r.URL, r.RequestURI, r.RemoteAddr = &url.URL{Path: link}, link, addr
		s.h.ServeHTTP(w, r)
		h := w.Header()
		delete(h, "Date")
		return reply{w.Code, h, w.Body.String()}
	}
	guess := func(i int) string {
		var b [16]byte
		binary.BigEndian.PutUint64(b[8:], uint64(i))
		if i%2 == 0 { // an even i that is not 0 changes some bit
			for k := range b {
				b[k] ^= token[k]
			}
		}
		return "/.bailiwick/s/" + base64.RawURLEncoding.EncodeToString(b[:]) + "/"
	}
	unknown := ask("/.bailiwick/s/AAAAAAAAAAAAAAAAAAAAAA/", "192.0.2.9:1")
	for what, link := range map[string]string{"no token": "/.bailiwick/s/x/", "nothing": "/.bailiwick/s/", "a revoked one": revoked.URL} {
		same(t, what, ask(link, "192.0.2.9:1"), clone(unknown))
	}
	elsewhere := ask("/.bailiwick/none", "192.0.2.9:1")
	elsewhere.Header.Set("Referrer-Policy", "no-referrer")
	same(t, "another path", elsewhere, clone(unknown))
	before := store.all
	ask("/.bailiwick/s/AAAAAAAAAAAAAAAAAAAAAA/", "192.0.2.9:1")
	of := store.all - before
	ask(revoked.URL, "192.0.2.9:1")
	if of != 1 || store.all-before != 2 {
		t.Errorf("%d look-ups of an unknown token, %d of a revoked one", of, store.all-before-of)
	}

	begin := time.Now()
	before = store.all
	var limited reply
	statuses := map[int]int{}
	naive := shortTokens(12_345)
	found := 0
	for i := 1; i <= tries; i++ {
		got := ask(guess(i), "192.0.2.1:1")
		statuses[got.Status]++
		switch {
		case got.Status == 404 && reflect.DeepEqual(got, unknown):
		case got.Status == 429 && limited.Status == 0:
			limited = got
			if !strings.HasPrefix(got.Body, "too many requests") || got.Header.Get("Retry-After") == "" {
				t.Errorf("the limit: %v", got)
			}
		case got.Status != 429 || !reflect.DeepEqual(got, limited):
			t.Fatalf("guess %d: %v", i, got)
		}
		if request(t, naive, "GET", guess(i)).Status == 200 {
			found++
		}
	}
	t.Logf("%d guesses of one client in %v: %v", tries, time.Since(begin).Round(time.Millisecond), statuses)
	if statuses[404] != server.ShareGuesses.Burst || statuses[429] != tries-server.ShareGuesses.Burst {
		t.Errorf("answers by status: %v", statuses)
	}
	if found == 0 {
		t.Error("the control opened nothing")
	}
	if got := ask(live, "192.0.2.1:1"); got.Status != 200 {
		t.Errorf("what exists, after that: %d", got.Status)
	}

	// From everywhere. Those who failed are remembered, up to a limit.
	runtime.GC()
	heap := heapInUse()
	addr := netip.MustParseAddr("2001:db8::1").As16()
	begin = time.Now()
	for i := 1; i <= tries; i++ {
		binary.BigEndian.PutUint32(addr[4:], uint32(i))
		if got := ask(guess(i), netip.AddrPortFrom(netip.AddrFrom16(addr), 1).String()); !reflect.DeepEqual(got, unknown) {
			t.Fatalf("guess %d from its own address: %v", i, got)
		}
	}
	runtime.GC()
	grown := int64(heapInUse()) - int64(heap)
	t.Logf("%d guesses of as many clients in %v; the heap grew by %d KiB", tries, time.Since(begin).Round(time.Millisecond), grown>>10)
	if most := int64(32 << 20); grown > most {
		t.Errorf("the heap grew by %d KiB", grown>>10)
	}
	if got := store.all - before; got != 2*tries+1 {
		t.Errorf("%d look-ups of %d guesses and a link", got, 2*tries)
	}
	if rows, err := store.SharesOf(t.Context(), "", uuid.UUID{}, 100); err != nil || len(rows) != 1 || rows[0].Used != 1 {
		t.Errorf("the store has %v, %v", rows, err)
	}
}

// shortTokens is a naive server: its only token has 16 bits, the last of a guess, and it has
// no limit.
func shortTokens(secret uint16) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := base64.RawURLEncoding.DecodeString(strings.Split(r.URL.Path, "/")[3])
		if err != nil || len(b) != 16 || binary.BigEndian.Uint16(b[14:]) != secret {
			http.NotFound(w, r)
		}
	})
}
