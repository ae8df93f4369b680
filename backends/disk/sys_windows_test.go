package disk

import (
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

func TestHoldable(t *testing.T) {
	for s, want := range map[string]bool{
		"a.txt": true, "docs/guide.html": true, "фото.jpg": true, "a~b.txt": true, "longer-than-8~1.txt": true,
		"aux.txt": false, "docs/con": false, "10:30.log": false, "f.txt::$DATA": false, "C:x": false,
		"SECRET~1.TXT": false, "dir/PROGRA~1/x": false, "secret.": false, "secret ": false, "dir./x": false,
	} {
		n, err := vfs.ParseName(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := holdable(n); got != want {
			t.Errorf("holdable(%q) = %v, want %v", s, got, want)
		}
	}
}
