package readonly_test

import (
	"errors"
	"fmt"
	"log"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/layer/readonly"
	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
	"github.com/bailiwick-fs/bailiwick/vfs/vfstest"
)

func Example() {
	store, err := mem.FromMap(map[string]string{"guide.txt": "read me"})
	if err != nil {
		log.Fatal(err)
	}
	jail, err := vfs.New(readonly.New(store), vfs.Policy{Allow: vfs.Patterns("**")})
	if err != nil {
		log.Fatal(err)
	}
	data, err := jail.ReadFile("guide.txt")
	fmt.Printf("%s %v %v\n", data, err, jail.Caps().Writable)
	// Output: read me <nil> false
}

// copier counts the calls that would write, even if the backend below cannot copy.
type copier struct{ *vfstest.Faults }

func (c copier) Caps() vfs.Caps {
	caps := c.Faults.Caps()
	caps.Copies, caps.Moves = true, true
	return caps
}

// Nothing that writes reaches the backend, whatever way it is asked.
func TestNothingIsWritten(t *testing.T) {
	store := copier{vfstest.NewFaults(mem.New())}
	b := readonly.New(store)
	n, err := vfs.ParseName("a")
	if err != nil {
		t.Fatal(err)
	}
	if caps := b.Caps(); caps.Writable || caps.Copies || caps.Moves || !caps.Ranges || caps.Kind != "mem" {
		t.Errorf("Caps are %+v", caps)
	}
	_, putErr := b.Put(t.Context(), n, strings.NewReader("x"), vfs.PutOptions{})
	_, copyErr := driver.CopyFrom(t.Context(), b, n, b, vfs.Info{Name: n}, vfs.PutOptions{})
	_, moveErr := driver.MoveFrom(t.Context(), b, n, b, vfs.Info{Name: n}, vfs.PutOptions{})
	_, moveAwayErr := driver.MoveFrom(t.Context(), mem.New(), n, b, vfs.Info{Name: n}, vfs.PutOptions{})
	for _, err := range []error{putErr, copyErr, moveErr, moveAwayErr, b.Remove(t.Context(), n, vfs.Cond{})} {
		if !errors.Is(err, vfs.ErrUnsupported) {
			t.Errorf("%v, want ErrUnsupported", err)
		}
	}
	if store.Calls() > 0 {
		t.Errorf("the backend got calls: %v", store.Counts())
	}
	if driver.Under(b) != b {
		t.Error("the layer hands out the backend below")
	}
}
