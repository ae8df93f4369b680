package htpasswd

import (
	"sync/atomic"

	"golang.org/x/crypto/bcrypt"
)

// CountWork makes u add up the rounds of its checks, 2^cost for each, and call during,
// if not nil, in each check. Checks over cost 8 are counted but not run: under the race
// detector one takes many seconds.
func (u *Users) CountWork(during func()) *atomic.Int64 {
	rounds := new(atomic.Int64)
	u.compare = counting(rounds, during)
	return rounds
}

// CountWork makes h add up the rounds of its checks.
func (h *Hashes) CountWork() *atomic.Int64 {
	rounds := new(atomic.Int64)
	h.compare = counting(rounds, nil)
	return rounds
}

func counting(rounds *atomic.Int64, during func()) func(hash, password []byte) error {
	return func(hash, password []byte) error {
		cost, err := bcrypt.Cost(hash)
		if err != nil {
			return err
		}
		rounds.Add(1 << cost)
		if during != nil {
			during()
		}
		if cost > 8 {
			return bcrypt.ErrMismatchedHashAndPassword
		}
		return bcrypt.CompareHashAndPassword(hash, password)
	}
}

// Remembered returns how many passwords are remembered.
func (u *Users) Remembered() int { return len(u.right.until) }
