package keyed_test

import (
	"testing"
	"time"

	"github.com/bailiwick-fs/bailiwick/backends/internal/keyed"
)

// The times are those of rclone's own tests of the format, and some that rclone never
// writes.
func TestContentTime(t *testing.T) {
	for text, want := range map[string]time.Time{
		"0":                    time.Unix(0, 0),
		"1354040105":           time.Unix(1354040105, 0),
		"1354040105.123456789": time.Unix(1354040105, 123456789),
		"1354040105.1":         time.Unix(1354040105, 1e8),
		"0.000000001":          time.Unix(0, 1),
		"-0.25":                time.Unix(-1, 75e7),
		"-1":                   time.Unix(-1, 0),
		"-1.5":                 time.Unix(-2, 5e8),
	} {
		if got := keyed.FormatTime(want); got != text {
			t.Errorf("%v is written as %q, want %q", want, got, text)
		}
		if got := keyed.ParseTime(text); !got.Equal(want) {
			t.Errorf("%q is read as %v, want %v", text, got, want)
		}
	}
	if got := keyed.ParseTime("1.1234567899"); !got.Equal(time.Unix(1, 123456789)) {
		t.Errorf("ten digits are read as %v", got)
	}
	for _, text := range []string{"", "-", ".", ".5", "x", "1.x", "1e9", "+1", "--1", "1.-5", " 1", "9223372036854775807", "99999999999999999999", "0x10", "1_0"} {
		if got := keyed.ParseTime(text); !got.IsZero() {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}
