package keyed

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// TimeKey is the metadata key for the ContentTime of an object: the seconds since 1970
// as a decimal number with up to nine decimals. rclone and others read and write it.
const TimeKey = "mtime"

// FormatTime formats t for the metadata, without trailing zeros.
func FormatTime(t time.Time) string {
	sec, nsec := t.Unix(), int64(t.Nanosecond())
	sign := ""
	if sec < 0 {
		// The sign applies to the whole number: -0.25 is a quarter of a second before
		// 1970.
		sign = "-"
		if sec = -sec; nsec > 0 {
			sec, nsec = sec-1, 1e9-nsec
		}
	}
	text := sign + strconv.FormatInt(sec, 10)
	if nsec > 0 {
		text += "." + strings.TrimRight(fmt.Sprintf("%09d", nsec), "0")
	}
	return text
}

// ParseTime parses the metadata's time, or returns the zero time if it is invalid.
// Anyone who can write to the bucket can store any text there.
func ParseTime(text string) time.Time {
	number, negative := strings.CutPrefix(text, "-")
	whole, fraction, _ := strings.Cut(number, ".")
	fraction = (fraction + "000000000")[:9] // rclone ignores further digits, too
	sec, err1 := strconv.ParseUint(whole, 10, 63)
	nsec, err2 := strconv.ParseUint(fraction, 10, 63)
	// File systems cannot store a time outside the range of int64 nanoseconds.
	if err1 != nil || err2 != nil || sec >= (1<<63-1)/1_000_000_000 {
		return time.Time{}
	}
	if negative {
		return time.Unix(-int64(sec), -int64(nsec))
	}
	return time.Unix(int64(sec), int64(nsec))
}
