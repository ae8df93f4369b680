package azure_test

import (
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"golang.org/x/sync/errgroup"

	"github.com/bailiwick-fs/bailiwick/backends/blob"
	"github.com/bailiwick-fs/bailiwick/backends/blob/azure"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

// TestBackend runs the contract of vfs.Backend on the emulator.
func TestBackend(t *testing.T) {
	a := startAzurite(t)
	open := func(opts blob.Options) func(t *testing.T, tree vfstest.Tree) vfs.Backend {
		return func(t *testing.T, tree vfstest.Tree) vfs.Backend {
			bucket, client := a.bucket(t, a.http)
			var group errgroup.Group
			group.SetLimit(8)
			put := func(stored, data string) {
				group.Go(func() error {
					_, err := client.NewBlockBlobClient(stored).Upload(t.Context(), streaming.NopCloser(strings.NewReader(data)), nil)
					return err
				})
			}
			for name, data := range tree.Files {
				put(name, data)
			}
			for key, data := range tree.Raw {
				put(key, data)
			}
			if err := group.Wait(); err != nil {
				t.Fatal(err)
			}
			opts.Service = azure.Service
			b, err := blob.New(bucket, opts)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
	}
	// The driver would list these as other keys.
	raw := []string{
		"raw/__0x2f__", "raw/x__0x41__", "raw/__0x2e____0x2e__/x", "raw/a__0x2f__b", "raw/back__0x5c__slash",
		"raw//x", "raw/\u202egnp.txt", "raw/\ufeff", "raw/100__0x25__.txt",
	}
	vfstest.TestBackend(t, open(blob.Options{Writable: true}), vfstest.Options{
		Raw:        raw,
		Unholdable: func(name string) bool { return !azure.Service.Holds(name) },
	})
}
