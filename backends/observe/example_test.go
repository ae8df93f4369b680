package observe_test

import (
	"fmt"
	"log"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/backends/observe"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Each call of the backend is reported with its outcome.
func ExampleNew() {
	store, err := mem.FromMap(map[string]string{"a.txt": "a"})
	if err != nil {
		log.Fatal(err)
	}
	backend := observe.New(store, func(c observe.Call) { fmt.Println(c.Op, c.Outcome) })
	jail, err := vfs.New(backend, vfs.Policy{Allow: vfs.Patterns("*.txt")})
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"a.txt", "b.txt", "c.key"} { // the jail refuses the last one
		jail.ReadFile(name)
	}
	// Output:
	// open ok
	// open missing
}
