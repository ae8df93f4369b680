package driver_test

import (
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/driver"
)

func TestHostHolds(t *testing.T) {
	for s, want := range map[string]bool{
		"a.txt": true, "docs/guide.html": true, "фото.jpg": true, "a~b.txt": true, "longer-than-8~1.txt": true,
		"aux.txt": false, "docs/con": false, "10:30.log": false, "f.txt::$DATA": false, "C:x": false,
		"SECRET~1.TXT": false, "dir/PROGRA~1/x": false, "secret.": false, "secret ": false, "dir./x": false,
		// A short name consists of letters of the system's code page.
		"СЕКРЕТ~1.TXT": false, "日本語~2": false, "длиннее-восьми~1.txt": true,
	} {
		n, err := vfs.ParseName(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := driver.HostHolds(n); got != want {
			t.Errorf("HostHolds(%q) = %v, want %v", s, got, want)
		}
	}
	if !driver.HostHolds(vfs.Root) || driver.HostHolds(vfs.Name{}) {
		t.Error("the top is not held, or the zero Name is")
	}
}
