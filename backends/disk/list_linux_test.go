package disk

import (
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// FuzzDirents: for any bytes, the parser terminates, reads only within them, and yields
// no element with a NUL.
func FuzzDirents(f *testing.F) {
	record := make([]byte, 24)
	record[16], record[18], record[19] = 24, 8, 'a'
	f.Add(record)
	f.Add(append(record, record...))
	f.Add(record[:20])
	f.Fuzz(func(t *testing.T, buf []byte) {
		total := 0
		err := eachDirent(buf, func(elem []byte, _ vfs.Kind) error {
			if total += len(elem); total > len(buf) {
				t.Fatal("elements are longer than the buffer")
			}
			for _, c := range elem {
				if c == 0 {
					t.Fatal("an element contains a NUL")
				}
			}
			return nil
		})
		if err == nil && len(buf) > 0 && len(buf) < 19 {
			t.Fatal("a truncated record was accepted")
		}
	})
}
