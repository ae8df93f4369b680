package vfs

import "testing"

// TestWindowsReasons holds the numbers to those of Microsoft's "System Error
// Codes", on every system. None of those that speak of a disk, a lock or memory
// may make a file look missing.
func TestWindowsReasons(t *testing.T) {
	want := map[uintptr]Reason{
		15: ReasonUnholdable, 67: ReasonUnholdable, 111: ReasonUnholdable, 123: ReasonUnholdable, 161: ReasonUnholdable,
		206: ReasonUnholdable, 208: ReasonUnholdable, 1113: ReasonUnholdable,
		267: ReasonMissing, 681: ReasonSymlink, 1921: ReasonSymlink,
	}
	for number := range uintptr(16000) {
		if got := windowsReasons[number]; got != want[number] {
			t.Errorf("error %d: %q, want %q", number, got, want[number])
		}
	}
}
