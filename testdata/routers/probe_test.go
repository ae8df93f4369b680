package routers

import (
	"net/http"
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/disk"
	"github.com/bailiwick-fs/bailiwick/server"
	"github.com/bailiwick-fs/bailiwick/server/servertest"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// TestAttacks attacks the handler in each router.
func TestAttacks(t *testing.T) {
	for name, mount := range mounts {
		t.Run(name, func(t *testing.T) {
			servertest.Run(t, func(dir string) http.Handler {
				backend, err := disk.New(dir, disk.Options{})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { backend.Close() })
				jail, err := vfs.New(backend, vfs.Policy{Allow: vfs.Patterns("public/**"), Deny: vfs.Patterns("drafts")})
				if err != nil {
					t.Fatal(err)
				}
				return mount(server.New(jail, server.Config{List: true}))
			}, servertest.Options{Allow: []string{"public/**"}, Deny: []string{"drafts"}, Prefix: "/files", Timeout: time.Minute})
		})
	}
}
