package auth

import "context"

// Len returns how many clients are remembered.
func (f *Failures) Len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.idle.Len() > len(f.clients) {
		panic("the list has clients that are not in the table")
	}
	return len(f.clients)
}

// ParseHeader exports parseHeader.
func ParseHeader(values []string) (name, password, token string, given bool, err error) {
	h, given, err := parseHeader(values)
	return h.name, h.password, h.token, given, err
}

// PasswordsFunc adapts a function to Passwords.
type PasswordsFunc func(ctx context.Context, name, password string) (Principal, error)

func (f PasswordsFunc) CheckPassword(ctx context.Context, name, password string) (Principal, error) {
	return f(ctx, name, password)
}

// TokensFunc adapts a function to Tokens.
type TokensFunc func(ctx context.Context, token string) (Principal, error)

func (f TokensFunc) CheckToken(ctx context.Context, token string) (Principal, error) {
	return f(ctx, token)
}
