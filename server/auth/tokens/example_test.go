package tokens_test

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/bailiwick-fs/bailiwick/server/auth/tokens"
)

func ExampleParse() {
	line := fmt.Sprintf("robot:%x\n", sha256.Sum256([]byte("a-long-random-token")))
	list, err := tokens.Parse("tokens", []byte(line), tokens.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	principal, err := list.CheckToken(context.Background(), "a-long-random-token")
	fmt.Println(principal, err)
	// Output:
	// robot <nil>
}
