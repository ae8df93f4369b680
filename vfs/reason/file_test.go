package reason

import (
	"testing"
)

// TestWindowsReasons compares the numbers with Microsoft's "System Error Codes", on
// every system. No error about a disk, a lock or memory may make a file look missing.
func TestWindowsReasons(t *testing.T) {
	want := map[uintptr]Reason{
		15: Unholdable, 67: Unholdable, 111: Unholdable, 123: Unholdable, 161: Unholdable,
		206: Unholdable, 208: Unholdable, 1113: Unholdable,
		267: Missing, 681: Symlink, 1921: Symlink,
	}
	for number := range uintptr(16000) {
		if got := windowsReasons[number]; got != want[number] {
			t.Errorf("error %d: %q, want %q", number, got, want[number])
		}
	}
}
