package auth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/auth"
)

// TestGuessesAtOnce sends a thousand guesses before the first is checked.
func TestGuessesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var looked atomic.Int32
		slow := auth.PasswordsFunc(func(ctx context.Context, name, password string) (auth.Principal, error) {
			looked.Add(1)
			time.Sleep(time.Millisecond) // bcrypt's work, on the test's clock
			return judge(ctx, name, password)
		})
		c := auth.NewChain(auth.ChainConfig{Passwords: slow})
		var throttled atomic.Int32
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				_, ok, err := c.Authenticate(request("", "Basic "+encode("alice:guess")))
				switch {
				case ok:
					t.Error("in")
				case errors.Is(err, auth.ErrThrottled):
					throttled.Add(1)
				}
			})
		}
		wg.Wait()
		if looked.Load() != 10 || throttled.Load() != 990 {
			t.Errorf("%d guesses were checked, %d throttled; want 10, 990", looked.Load(), throttled.Load())
		}
	})
}

// TestGoodOnesAtOnce sends more correct passwords concurrently than may fail: they wait
// for each other, and all succeed. One whose client disconnects stops waiting.
func TestGoodOnesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := auth.PasswordsFunc(func(ctx context.Context, name, password string) (auth.Principal, error) {
			time.Sleep(time.Second)
			return judge(ctx, name, password)
		})
		failures := auth.NewFailures(auth.FailureLimits{Burst: 3})
		c := auth.NewChain(auth.ChainConfig{Passwords: slow, Failures: failures})
		var wg sync.WaitGroup
		for range 30 {
			wg.Go(func() {
				if _, ok, err := c.Authenticate(request("", "Basic "+encode("alice:secret"))); !ok {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		var left error
		wg.Go(func() {
			_, _, left = c.Authenticate(request("", "Basic "+encode("alice:secret")).WithContext(ctx))
		})
		synctest.Wait()
		cancel()
		wg.Wait()
		if !errors.Is(left, auth.ErrUnavailable) {
			t.Errorf("the disconnected client got %v", left)
		}
		if failures.Len() != 0 {
			t.Errorf("%d clients are remembered although they have not failed", failures.Len())
		}
	})
}

// TestClients checks which addresses count as one client, by its second failure of two.
func TestClients(t *testing.T) {
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1:1", "192.0.2.1:2", true},
		{"192.0.2.1:1", "192.0.2.2:1", false},
		{"192.0.2.1:1", "[::ffff:192.0.2.1]:1", true},
		{"[2001:db8::1]:1", "[2001:db8::ffff:1]:1", true},
		{"[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false},
		{"[fe80::1%eth0]:1", "[fe80::1%eth1]:1", true},
		{"192.0.2.1", "192.0.2.1:1", true},
		{"@", "", true},
		{"@", "192.0.2.1:1", false},
	} {
		c := auth.NewChain(auth.ChainConfig{Passwords: judge, Failures: auth.NewFailures(auth.FailureLimits{Burst: 1, Every: time.Hour})})
		authenticate := func(addr string) error {
			r := request("", "Basic "+encode("alice:x"))
			r.RemoteAddr = addr
			_, _, err := c.Authenticate(r)
			return err
		}
		if err := authenticate(test.a); !errors.Is(err, auth.ErrCredentials) {
			t.Errorf("%s: %v", test.a, err)
		}
		if err := authenticate(test.b); errors.Is(err, auth.ErrThrottled) != test.same {
			t.Errorf("%s after %s: %v", test.b, test.a, err)
		}
	}
}

// TestTableIsBounded fails from more addresses than are remembered. A client that keeps
// coming stays remembered.
func TestTableIsBounded(t *testing.T) {
	failures := auth.NewFailures(auth.FailureLimits{Burst: 1, Every: time.Hour, Clients: 100})
	c := auth.NewChain(auth.ChainConfig{Passwords: judge, Signed: taking("oidc"), SignedSuffix: "id", Failures: failures})
	authenticate := func(addr, authorization string) error {
		r := request("", authorization)
		r.RemoteAddr = addr
		_, _, err := c.Authenticate(r)
		return err
	}
	wrong := "Basic " + encode("alice:x")
	for i := range 2000 {
		if err := authenticate("192.0.2.1:1", wrong); errors.Is(err, auth.ErrThrottled) != (i > 0) {
			t.Fatalf("round %d: %v", i, err)
		}
		if i%2 == 0 {
			wrong = "Bearer wrong.b.c"
		} else {
			wrong = "Basic " + encode("alice:x")
		}
		if err := authenticate(fmt.Sprintf("10.0.%d.%d:1", i/256, i%256), wrong); !errors.Is(err, auth.ErrCredentials) {
			t.Fatal(err)
		}
		if n := failures.Len(); n > 100 {
			t.Fatalf("%d clients are remembered", n)
		}
	}
}

// TestFullTable fills the table with clients that have running attempts.
func TestFullTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := auth.PasswordsFunc(func(ctx context.Context, name, password string) (auth.Principal, error) {
			if name == "slow" {
				time.Sleep(time.Second)
			}
			return judge(ctx, name, password)
		})
		c := auth.NewChain(auth.ChainConfig{Passwords: slow, Failures: auth.NewFailures(auth.FailureLimits{Clients: 2})})
		var wg sync.WaitGroup
		from := func(addr, user string) *http.Request {
			r := request("", "Basic "+encode(user))
			r.RemoteAddr = addr
			return r
		}
		for _, addr := range []string{"192.0.2.1:1", "192.0.2.2:1"} {
			wg.Go(func() { _, _, _ = c.Authenticate(from(addr, "slow:x")) })
		}
		synctest.Wait()
		if _, _, err := c.Authenticate(from("192.0.2.3:1", "alice:secret")); !errors.Is(err, auth.ErrThrottled) {
			t.Errorf("%v", err)
		}
		wg.Wait()
		if _, _, err := c.Authenticate(from("192.0.2.3:1", "alice:secret")); err != nil {
			t.Errorf("a moment later: %v", err)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	if d := auth.RetryAfter(auth.ErrThrottled); d != time.Second {
		t.Errorf("%v", d)
	}
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	c := auth.NewChain(auth.ChainConfig{Passwords: judge, Failures: auth.NewFailures(auth.FailureLimits{
		Burst: 1, Every: 90 * time.Second, Now: func() time.Time { return now },
	})})
	authenticate := func() error {
		_, _, err := c.Authenticate(request("", "Basic "+encode("alice:x")))
		return err
	}
	_ = authenticate()
	for _, step := range []struct {
		passed, want time.Duration
	}{{0, 90 * time.Second}, {500 * time.Millisecond, 90 * time.Second}, {time.Second, 89 * time.Second}, {-time.Hour, 89 * time.Second}} {
		now = now.Add(step.passed)
		err := authenticate()
		if !errors.Is(err, auth.ErrThrottled) || auth.RetryAfter(err) != step.want {
			t.Errorf("%v later: %v, %v, want %v", step.passed, err, auth.RetryAfter(err), step.want)
		}
	}
}
