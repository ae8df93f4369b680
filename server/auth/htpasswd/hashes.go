package htpasswd

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/bailiwick-fs/bailiwick/server/auth"
)

// Hashes makes and checks bcrypt hashes that are stored elsewhere than in a file of users,
// such as those of the passwords of shares. It bounds how many processors do that at a time,
// and remembers right passwords as [Users] does. It is safe for concurrent use. The zero Hashes
// and nil accept no password.
type Hashes struct {
	slots   slots
	right   *memory
	compare func(hash, password []byte) error
}

// NewHashes returns Hashes that use half of the processors.
func NewHashes() *Hashes {
	return &Hashes{newSlots(0), newMemory(defaultRemembered, defaultRemember), bcrypt.CompareHashAndPassword}
}

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
	if h == nil || h.right == nil {
		return auth.ErrUnavailable
	}
	key := h.right.key("", password, hash)
	if h.right.has(key, time.Now()) {
		return nil
	}
	if !h.enter(ctx) {
		return auth.ErrUnavailable
	}
	defer h.slots.leave()
	// Concurrent requests with the same password need only one check.
	if h.right.has(key, time.Now()) {
		return nil
	}
	if !comparesAll(password) || h.compare([]byte(hash), []byte(password)) != nil {
		return auth.ErrCredentials
	}
	h.right.add(key, time.Now())
	return nil
}

func (h *Hashes) enter(ctx context.Context) bool {
	return h != nil && h.slots.enter(ctx, defaultWait)
}
