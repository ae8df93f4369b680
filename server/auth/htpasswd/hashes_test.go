package htpasswd_test

import (
	"errors"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/htpasswd"
)

// TestHashesRemember checks passwords many times at once. The right one of a hash costs the work
// of one check, and a wrong one that of each.
func TestHashesRemember(t *testing.T) {
	h := htpasswd.NewHashes()
	rounds := h.CountWork()
	var hashes []string
	for range 2 {
		hash, err := bcrypt.GenerateFromPassword([]byte("right"), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, string(hash))
	}
	const check = 1 << bcrypt.MinCost
	for _, c := range []struct {
		what, hash, password string
		want                 error
		least, most          int64
	}{
		// As many as there are slots may begin before the first ends.
		{"right", hashes[0], "right", nil, 1, int64(runtime.GOMAXPROCS(0))},
		{"right again", hashes[0], "right", nil, 0, 0},
		{"right for another hash", hashes[1], "right", nil, 1, int64(runtime.GOMAXPROCS(0))},
		{"wrong", hashes[0], "wrong", auth.ErrCredentials, 50, 50},
		{"wrong again", hashes[0], "wrong", auth.ErrCredentials, 50, 50},
	} {
		rounds.Store(0)
		var group sync.WaitGroup
		for range 50 {
			group.Go(func() {
				if err := h.Check(t.Context(), c.hash, c.password); !errors.Is(err, c.want) {
					t.Errorf("%s: %v", c.what, err)
				}
			})
		}
		group.Wait()
		if n := rounds.Load() / check; n < c.least || n > c.most {
			t.Errorf("%s: the work of %d checks, want %d to %d", c.what, n, c.least, c.most)
		}
	}
}
