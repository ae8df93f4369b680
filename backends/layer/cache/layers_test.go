package cache_test

import (
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/layer/cache"
	"github.com/bailiwick-fs/bailiwick/backends/layer/overlay"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

// A Cache over several backends says which of them has an object, also if it does not ask
// them: a server must not take the variant of another backend's file for that of a file.
func TestLayerOfAnswer(t *testing.T) {
	upper, _ := source(t, map[string]string{"app.js": "upper"})
	lower, _ := source(t, map[string]string{"app.js.br": "lower"})
	both, err := overlay.New([]vfs.Backend{upper, lower}, overlay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := open(t, both, cache.Options{TTL: hour})
	for range 2 {
		for s, want := range map[string]int{"app.js": 1, "app.js.br": 2, "none": 0} {
			var opened, looked driver.Answer
			if obj, err := c.Open(driver.WithAnswer(t.Context(), &opened), name(t, s), vfs.Request{}); err == nil {
				obj.Body.Close()
			}
			_, _ = c.Stat(driver.WithAnswer(t.Context(), &looked), name(t, s), vfs.Request{})
			if opened.Layer != want || looked.Layer != want {
				t.Errorf("%s: Open says %d, Stat %d, want %d", s, opened.Layer, looked.Layer, want)
			}
		}
	}
	var bypassed driver.Answer
	req := vfs.Request{Cond: vfs.Cond{Unsafe: true}}
	if _, err := c.Stat(driver.WithAnswer(t.Context(), &bypassed), name(t, "app.js.br"), req); err != nil || bypassed != (driver.Answer{Cache: bypass, Layer: 2}) {
		t.Errorf("a bypassed call: %+v, %v", bypassed, err)
	}
}
