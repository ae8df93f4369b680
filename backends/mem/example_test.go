package mem_test

import (
	"fmt"
	"log"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// In a test, a tree in memory can replace the directory: the test calls FromMap where
// the program calls disk.New(dir, disk.Options{}).
func ExampleFromMap() {
	backend, err := mem.FromMap(map[string]string{
		"docs/guide.html":  "<h1>Guide</h1>",
		"docs/drafts/next": "not yet",
	})
	if err != nil {
		log.Fatal(err)
	}
	jail, err := vfs.New(backend, vfs.Policy{
		Allow: vfs.Patterns("docs/**"),
		Deny:  vfs.Patterns("docs/drafts"),
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"docs/guide.html", "docs/drafts/next"} {
		data, err := jail.ReadFile(name)
		fmt.Printf("%s %v\n", data, err)
	}
	// Output:
	// <h1>Guide</h1> <nil>
	//  read docs/drafts/next: get "docs/drafts/next": file does not exist
}
