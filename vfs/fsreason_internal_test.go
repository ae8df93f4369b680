package vfs

import (
	"testing"

	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// TestWindowsReasons holds the numbers to those of Microsoft's "System Error
// Codes", on every system. None of those that speak of a disk, a lock or memory
// may make a file look missing.
func TestWindowsReasons(t *testing.T) {
	want := map[uintptr]Reason{
		15: reason.Unholdable, 67: reason.Unholdable, 111: reason.Unholdable, 123: reason.Unholdable, 161: reason.Unholdable,
		206: reason.Unholdable, 208: reason.Unholdable, 1113: reason.Unholdable,
		267: reason.Missing, 681: reason.Symlink, 1921: reason.Symlink,
	}
	for number := range uintptr(16000) {
		if got := windowsReasons[number]; got != want[number] {
			t.Errorf("error %d: %q, want %q", number, got, want[number])
		}
	}
}
