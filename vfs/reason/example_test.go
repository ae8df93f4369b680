package reason_test

import (
	"fmt"
	"log"
	"testing/fstest"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// Operators see why a name was refused; clients see that it is missing.
func ExampleReason() {
	jail, err := vfs.New(vfs.FromFS(fstest.MapFS{".env": {Data: []byte("secret")}}), vfs.Policy{Allow: vfs.Patterns("**")})
	if err != nil {
		log.Fatal(err)
	}
	_, err = jail.ReadFile(".env")
	r := vfs.ReasonOf(err)
	fmt.Println(err)
	fmt.Println(r == reason.PolicyDotfile, r.Step())
	fmt.Println(r.Detail())
	// Output:
	// read .env: get ".env": file does not exist
	// true policy
	// an element begins with a dot that no allow pattern spells
}
