package auth

import (
	"context"
	"errors"
	"net/netip"

	"github.com/bailiwick-fs/bailiwick/server/internal/clients"
)

// LookUp calls find, which looks up a secret that is too long to be guessed, such as the token
// of a link, and returns its error. An error that matches ErrCredentials counts as a failure of
// the client at addr.
//
// A client that failed too often gets ErrThrottled for what is wrong, but not for what is
// right: otherwise any page could shut its readers out, by making their browsers ask for secrets
// that do not exist. That bounds the answers, not the work, so such a client has one look-up at
// a time, in the order of its requests. The error matches ErrUnavailable if ctx ended while it
// waited.
func (f *Failures) LookUp(ctx context.Context, addr netip.Addr, find func() error) error {
	a, limit := f.begin(ctx, addr, true)
	switch {
	case errors.Is(limit, ErrThrottled):
		end, err := f.turns.begin(ctx, clients.Key(addr))
		if err != nil {
			return err
		}
		defer end()
		if err := find(); !errors.Is(err, ErrCredentials) {
			return err
		}
		return limit
	case limit != nil:
		return limit
	}
	return a.run(find)
}
