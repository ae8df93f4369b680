package auth_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bailiwick-fs/bailiwick/server/auth"
)

// TestLookUp looks up secrets of a client that failed too often: what is right is found, one at
// a time in the order of the requests, and nothing else waits for that.
func TestLookUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := auth.NewFailures(auth.FailureLimits{Burst: 2, Every: time.Hour})
		one, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
		wrong := func() error { return auth.ErrCredentials }
		for i, want := range []error{auth.ErrCredentials, auth.ErrCredentials, auth.ErrThrottled, auth.ErrThrottled} {
			if err := f.LookUp(t.Context(), one, wrong); !errors.Is(err, want) || errors.Is(err, auth.ErrThrottled) != (i >= 2) {
				t.Errorf("wrong secret %d: %v", i, err)
			}
		}
		own := errors.New("the store is down")
		if err := f.LookUp(t.Context(), one, func() error { return own }); err != own {
			t.Errorf("the error of the store became %v", err)
		}
		const count = 20
		order := make(chan int, count)
		done := make(chan error, count)
		for i := range count {
			go func() {
				done <- f.LookUp(t.Context(), one, func() error {
					order <- i
					time.Sleep(time.Second)
					return nil
				})
			}()
			synctest.Wait()
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := f.LookUp(ctx, one, wrong); !errors.Is(err, auth.ErrUnavailable) {
			t.Errorf("a client that left while it waited: %v", err)
		}
		if err := f.LookUp(t.Context(), other, func() error { return nil }); err != nil || len(order) != 1 {
			t.Errorf("another client: %v, after %d look-ups of the first one", err, len(order))
		}
		for range count {
			if err := <-done; err != nil {
				t.Errorf("a right secret: %v", err)
			}
		}
		for i := range count {
			if n := <-order; n != i {
				t.Fatalf("look-up %d was that of client %d", i, n)
			}
		}
		for _, zero := range []*auth.Failures{nil, {}} {
			if err := zero.LookUp(t.Context(), one, func() error { return nil }); !errors.Is(err, auth.ErrUnavailable) {
				t.Errorf("a Failures that nothing made: %v", err)
			}
		}
	})
}
