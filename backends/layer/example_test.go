package layer_test

import (
	"fmt"
	"log"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/layer/limit"
	"github.com/bailiwick-fs/bailiwick/backends/layer/overlay"
	"github.com/bailiwick-fs/bailiwick/backends/layer/retry"
	"github.com/bailiwick-fs/bailiwick/backends/layer/timeout"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A local tree over defaults in a remote store, which is protected from too many calls,
// given up when it hangs, and tried again.
func Example() {
	local, remote := mem.New(), mem.New() // in a program: disk.New(…), s3.New(…)

	site, err := overlay.New([]vfs.Backend{
		local,
		retry.New(timeout.New(limit.New(remote, limit.Options{Calls: 64}), timeout.Options{Call: 5 * time.Second}), retry.Options{}),
	}, overlay.Options{})
	if err != nil {
		log.Fatal(err)
	}
	jail, err := vfs.New(site, vfs.Policy{Allow: vfs.Patterns("**/*.html")})
	fmt.Println(jail.Caps().Kind, err)
	// Output: overlay <nil>
}
