package htpasswd

import (
	"context"
	"fmt"

	"golang.org/x/crypto/bcrypt"

	"github.com/bailiwick-fs/bailiwick/server/auth"
)

// Hashes makes and checks bcrypt hashes that are stored elsewhere than in a file of users,
// such as those of the passwords of shares. It bounds how many processors do that at a time,
// and remembers nothing. It is safe for concurrent use. The zero Hashes and nil accept no
// password.
type Hashes struct{ slots slots }

// NewHashes returns Hashes that use half of the processors.
func NewHashes() *Hashes { return &Hashes{newSlots(0)} }

// Hash is the function [Hash]. If no processor becomes free before ctx ends, or within ten
// seconds, the error matches auth.ErrUnavailable.
func (h *Hashes) Hash(ctx context.Context, password string) (hash string, err error) {
	if !h.enter(ctx) {
		return "", fmt.Errorf("%w: too many passwords at a time", auth.ErrUnavailable)
	}
	defer h.slots.leave()
	return Hash(password)
}

// Check returns nil if password has the hash, else auth.ErrCredentials; or
// auth.ErrUnavailable as Hash does.
func (h *Hashes) Check(ctx context.Context, hash, password string) error {
	if !h.enter(ctx) {
		return auth.ErrUnavailable
	}
	defer h.slots.leave()
	if !comparesAll(password) || bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) != nil {
		return auth.ErrCredentials
	}
	return nil
}

func (h *Hashes) enter(ctx context.Context) bool {
	return h != nil && h.slots.enter(ctx, defaultWait)
}
