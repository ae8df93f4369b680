package htpasswd_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/bcrypt"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/htpasswd"
)

// hash returns a bcrypt hash in the given dialect.
func hash(t testing.TB, dialect, password string, cost int) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	if err != nil {
		t.Fatal(err)
	}
	return "$" + dialect + strings.TrimPrefix(string(h), "$2a")
}

func parse(t testing.TB, text string, opts htpasswd.Options) *htpasswd.Users {
	t.Helper()
	u, err := htpasswd.Parse("users", []byte(text), opts)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestCheckPassword(t *testing.T) {
	u := parse(t, "# users\n"+
		"alice:"+hash(t, "2a", "secret", 4)+"\r\n\n"+
		"bob:"+hash(t, "2b", "пароль: 🔑", 5)+"\n"+
		"zoë:"+hash(t, "2y", strings.Repeat("x", 72), 4)+"\n"+
		"empty:"+hash(t, "2a", "", 4), htpasswd.Options{})
	if got := u.Names(); !slices.Equal(got, []string{"alice", "bob", "empty", "zoë"}) {
		t.Errorf("names %q", got)
	}
	for _, test := range []struct {
		name, password string
		want           bool
	}{
		{"alice", "secret", true},
		{"bob", "пароль: 🔑", true},
		{"zoë", strings.Repeat("x", 72), true},
		{"empty", "", true},
		{"alice", "Secret", false},
		{"alice", "secret ", false},
		{"alice", "", false},
		{"alice", "пароль: 🔑", false},
		{"Alice", "secret", false},
		{"carol", "secret", false},
		{"", "secret", false},
		// bcrypt itself accepts these two.
		{"zoë", strings.Repeat("x", 72) + "y", false},
		{"alice", "secret\x00secret", false},
	} {
		for range 2 { // the second may be remembered
			p, err := u.CheckPassword(t.Context(), test.name, test.password)
			switch {
			case test.want && (err != nil || !cmp.Equal(p, auth.Principal{Name: test.name, Method: "basic"})):
				t.Errorf("%s with %q: %v, %v", test.name, test.password, p, err)
			case !test.want && (!errors.Is(err, auth.ErrCredentials) || !p.Anyone()):
				t.Errorf("%s with %q: %v, %v", test.name, test.password, p, err)
			}
		}
	}

	// The controls for the last two.
	for _, test := range []struct{ hashed, tried string }{
		{strings.Repeat("x", 72), strings.Repeat("x", 72) + "y"}, {"secret", "secret\x00secret"},
	} {
		if bcrypt.CompareHashAndPassword([]byte(hash(t, "2a", test.hashed, 4)), []byte(test.tried)) != nil {
			t.Errorf("bcrypt distinguishes %q from %q: the attack does not work", test.tried, test.hashed)
		}
	}
}

func TestLoad(t *testing.T) {
	good := hash(t, "2y", "secret", 4)
	for _, test := range []struct{ text, want string }{
		{"alice:" + good + "\nbob:" + good + "\nalice:" + good, "users:3: alice is listed twice, first in line 1"},
		{"alice:secret", "users:1: not a bcrypt hash"},
		{"alice:", "users:1: not a bcrypt hash"},
		{"alice:$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00", "users:1: not a bcrypt hash"},
		{"alice:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "users:1: not a bcrypt hash"},
		{"alice:rqXexS6ZhobKA", "users:1: not a bcrypt hash"},
		{"alice:$5$rounds=5000$x$y", "users:1: not a bcrypt hash"},
		{"alice:$2$04" + good[6:], "users:1: not a bcrypt hash"},
		{"alice:$2x" + good[3:], "users:1: not a bcrypt hash"},
		{"alice:" + good[:59], "users:1: not a complete bcrypt hash"},
		{"alice:" + good + ":comment", "users:1: not a complete bcrypt hash"},
		{"alice:" + good + " ", "users:1: not a complete bcrypt hash"},
		{"alice:$2y$0x" + good[6:], "users:1: not a complete bcrypt hash"},
		{"alice:" + good[:58] + "é", "users:1: not a complete bcrypt hash"},
		{"alice:$2y$03" + good[6:], "users:1: a bcrypt hash of cost 3; it must be from 4 to 15"},
		{"alice:$2y$16" + good[6:], "users:1: a bcrypt hash of cost 16; it must be from 4 to 15"},
		{"alice:$2y$31" + good[6:], "users:1: a bcrypt hash of cost 31; it must be from 4 to 15"},
		{"a\x1bb:" + good, "users:1: the name holds a control character"},
		{"zo\u00eb:" + good + "\nzoe\u0308:" + good, "users:2: the name looks like that of line 1"},
		{"alice", "users:1: not of the form"},
	} {
		_, err := htpasswd.Parse("users", []byte(test.text), htpasswd.Options{})
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%q: %v, want %s", test.text, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), good[10:30]) {
			t.Errorf("%v reveals a hash", err)
		}
	}

	file := filepath.Join(t.TempDir(), "users")
	if _, err := htpasswd.Load(file, htpasswd.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(file, []byte("alice:"+good+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	u, err := htpasswd.Load(file, htpasswd.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.CheckPassword(t.Context(), "alice", "secret"); err != nil {
		t.Error(err)
	}
}

// TestWorkTellsNothing counts the rounds of failed checks: users with different costs,
// any kind of wrong password, and unknown users must cost the same.
func TestWorkTellsNothing(t *testing.T) {
	u := parse(t, "low:"+hash(t, "2a", "secret", 4)+"\nmiddle:"+hash(t, "2a", "secret", 5)+"\nhigh:"+hash(t, "2a", "secret", 7), htpasswd.Options{})
	rounds := u.CountWork(nil)
	for _, test := range []struct{ name, password string }{
		{"nobody", "secret"}, {"nobody", ""}, {"nobody", strings.Repeat("x", 100)}, {"", "x"},
		{"low", "wrong"}, {"low", strings.Repeat("x", 100)}, {"middle", "wrong"}, {"high", "wrong"}, {"high", "secret\x00"},
	} {
		for range 2 { // wrong passwords are not remembered
			rounds.Store(0)
			if _, err := u.CheckPassword(t.Context(), test.name, test.password); !errors.Is(err, auth.ErrCredentials) {
				t.Errorf("%s: %v", test.name, err)
			}
			if got := rounds.Load(); got != 1<<7 {
				t.Errorf("%s with %q cost %d rounds, want %d", test.name, test.password, got, 1<<7)
			}
		}
	}
	nobody := parse(t, "", htpasswd.Options{})
	rounds = nobody.CountWork(nil)
	if _, err := nobody.CheckPassword(t.Context(), "alice", "x"); !errors.Is(err, auth.ErrCredentials) || rounds.Load() != 1<<htpasswd.DefaultCost {
		t.Errorf("an empty file: %v at %d rounds", err, rounds.Load())
	}
}

// TestRemember checks that a correct password is verified once for a while, and that the
// number of remembered passwords is limited.
func TestRemember(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	var text strings.Builder
	for i := range 10 {
		fmt.Fprintf(&text, "user%d:%s\n", i, hash(t, "2a", fmt.Sprint("secret", i), 4))
	}
	opts := htpasswd.Options{Remembered: 5, Remember: time.Minute, Now: func() time.Time { return now }}
	u := parse(t, text.String(), opts)
	rounds := u.CountWork(nil)
	check := func(user, password int) (checked bool, err error) {
		before := rounds.Load()
		_, err = u.CheckPassword(t.Context(), fmt.Sprint("user", user), fmt.Sprint("secret", password))
		return rounds.Load() > before, err
	}
	for i := range 20 {
		if checked, err := check(1, 1); err != nil || checked != (i == 0) {
			t.Errorf("request %d: checked %v, %v", i, checked, err)
		}
	}
	if checked, err := check(1, 2); err == nil || !checked {
		t.Errorf("a wrong password of a remembered user: checked %v, %v", checked, err)
	}
	if checked, err := check(2, 1); err == nil || !checked {
		t.Errorf("a remembered password of another user: checked %v, %v", checked, err)
	}
	now = now.Add(time.Minute)
	if checked, err := check(1, 1); err != nil || !checked {
		t.Errorf("after a while: checked %v, %v", checked, err)
	}
	for i := range 10 {
		if checked, err := check(i, i); err != nil || checked == (i == 1) {
			t.Errorf("user %d: checked %v, %v", i, checked, err)
		}
		if n := u.Remembered(); n > 5 {
			t.Fatalf("%d are remembered", n)
		}
	}

	// A reload starts with no remembered passwords, so that a changed hash takes effect.
	u = parse(t, text.String(), opts)
	rounds = u.CountWork(nil)
	if checked, err := check(9, 9); err != nil || !checked {
		t.Errorf("after a reload: checked %v, %v", checked, err)
	}
}

// TestConcurrent runs one check at a time. Concurrent requests share its result; those
// that cannot wait get an error.
func TestConcurrent(t *testing.T) {
	running, release := make(chan struct{}), make(chan struct{})
	u := parse(t, "alice:"+hash(t, "2a", "secret", 4), htpasswd.Options{Concurrent: 1, MaxWait: time.Hour})
	rounds := u.CountWork(func() { running <- struct{}{}; <-release })
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := u.CheckPassword(t.Context(), "alice", "secret"); err != nil {
				t.Error(err)
			}
		})
	}
	<-running
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := u.CheckPassword(gone, "alice", "guess"); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("who left: %v", err)
	}
	close(release)
	wg.Wait()
	if got := rounds.Load(); got != 1<<4 {
		t.Errorf("20 requests at once cost %d rounds, want %d", got, 1<<4)
	}
}

func TestMaxWait(t *testing.T) {
	running, release := make(chan struct{}), make(chan struct{})
	u := parse(t, "alice:"+hash(t, "2a", "secret", 4), htpasswd.Options{Concurrent: 1, MaxWait: time.Nanosecond})
	u.CountWork(func() { running <- struct{}{}; <-release })
	done := make(chan error)
	check := func() {
		_, err := u.CheckPassword(t.Context(), "alice", "guess")
		done <- err
	}
	go check()
	<-running
	go check()
	if err := <-done; !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	close(release)
	if err := <-done; !errors.Is(err, auth.ErrCredentials) {
		t.Errorf("%v", err)
	}
}

func TestHash(t *testing.T) {
	h, err := htpasswd.Hash("secret ключ")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(h, "$2a$12$") {
		t.Errorf("%s", h)
	}
	u := parse(t, "alice:"+h, htpasswd.Options{})
	if _, err := u.CheckPassword(t.Context(), "alice", "secret ключ"); err != nil {
		t.Error(err)
	}
	for password, want := range map[string]string{
		"":                       "empty",
		strings.Repeat("x", 73):  "73 bytes",
		strings.Repeat("é", 37):  "74 bytes",
		"\xff":                   "UTF-8",
		"a\x00b":                 "control",
		"a\tb":                   "control",
		"hunter2\u0085":          "control",
		strings.Repeat("x", 1e4): "10000 bytes",
	} {
		if _, err := htpasswd.Hash(password); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%.10q: %v, want %s", password, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("alice:$2y$04$abcdefghijklmnopqrstuuSAo3Fz2TtPyKVTwTlCTTs6jCzYjpKKi"))
	f.Add([]byte("#\n\nbob:$2b$15$"))
	f.Add([]byte("corp/alice:$2y$04$abcdefghijklmnopqrstuuSAo3Fz2TtPyKVTwTlCTTs6jCzYjpKKi"))
	f.Fuzz(func(t *testing.T, data []byte) {
		u, err := htpasswd.Parse("users", data, htpasswd.Options{})
		if err != nil {
			if !strings.HasPrefix(err.Error(), "users:") || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("%q", err)
			}
			return
		}
		u.CountWork(nil)
		for _, name := range u.Names() {
			if name == "" || strings.ContainsAny(name, ":\n") {
				t.Errorf("accepted the name %q", name)
			}
		}
	})
}
