package auth

import "context"

// Len returns how many clients are remembered.
func (f *Failures) Len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.idle.Len() > len(f.clients) {
		panic("the list holds clients that the table does not")
	}
	return len(f.clients)
}

// ParseHeader is parseHeader.
func ParseHeader(values []string) (name, password, token string, given bool, err error) {
	h, given, err := parseHeader(values)
	return h.name, h.password, h.token, given, err
}

// PasswordsFunc makes a function a judge of passwords.
type PasswordsFunc func(ctx context.Context, name, password string) (Principal, error)

func (f PasswordsFunc) CheckPassword(ctx context.Context, name, password string) (Principal, error) {
	return f(ctx, name, password)
}

// TokensFunc makes a function a judge of tokens.
type TokensFunc func(ctx context.Context, token string) (Principal, error)

func (f TokensFunc) CheckToken(ctx context.Context, token string) (Principal, error) {
	return f(ctx, token)
}
