package backends_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// The user's argument selects the backend; nothing after Open depends on which it is.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	os.WriteFile(filepath.Join(dir, "hello.txt"), []byte("hello"), 0o644)

	for _, source := range []string{dir, "mem:"} {
		src, err := backends.Open(context.Background(), source, backends.Options{})
		if err != nil {
			log.Fatal(err)
		}
		jail, err := vfs.New(src, vfs.Policy{Allow: vfs.Patterns("*.txt")})
		if err != nil {
			log.Fatal(err)
		}
		data, err := jail.ReadFile("hello.txt")
		fmt.Printf("%s: %q %v\n", src.Caps().Kind, data, err)
		src.Close()
	}
	// Output:
	// disk: "hello" <nil>
	// mem: "" read hello.txt: get "hello.txt": file does not exist
}
