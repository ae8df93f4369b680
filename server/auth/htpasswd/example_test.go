package htpasswd_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/htpasswd"
)

func ExampleParse() {
	hash, err := htpasswd.Hash("correct horse")
	if err != nil {
		fmt.Println(err)
		return
	}
	users, err := htpasswd.Parse("users", []byte("alice:"+hash+"\n"), htpasswd.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	principal, err := users.CheckPassword(context.Background(), "alice", "correct horse")
	fmt.Println(principal, err)
	_, err = users.CheckPassword(context.Background(), "alice", "guessed")
	fmt.Println(errors.Is(err, auth.ErrCredentials))
	// Output:
	// alice <nil>
	// true
}
