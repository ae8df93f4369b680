package auth_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/tokens"
)

// A Chain authenticates requests by every kind of credentials that it is given.
func ExampleNewChain() {
	// The SHA-256 of the token.
	robots, err := tokens.Parse("tokens", []byte("robot:b780ec04f0ac941421b556e74f31ff207f799c4ad119ea0178a81054b373b34b\n"), tokens.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	chain := auth.NewChain(auth.ChainConfig{Tokens: robots})
	for _, header := range []string{"", "Bearer a-long-random-token", "Bearer guessed"} {
		r := httptest.NewRequest(http.MethodGet, "/a.txt", nil)
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		principal, found, err := chain.Authenticate(r)
		fmt.Println(principal, found, err)
	}
	// Output:
	// anyone false <nil>
	// robot true <nil>
	// anyone false auth: wrong credentials
}
