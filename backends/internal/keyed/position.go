package keyed

import (
	"strings"
	"unicode/utf8"
)

// highest sorts after everything else in a key.
const highest = "\U0010ffff"

// StartAfter returns a string of at most limit bytes that a store accepts and that sorts
// before the keys of all entries after the key after; other keys may follow it, too. It
// skips a directory with all its content. The position comes from a client and may not
// be valid text: it is truncated before the first invalid byte.
func StartAfter(after string, limit int) string {
	cut := after[:min(len(after), max(limit, 0))]
	for i, r := range cut {
		if r == utf8.RuneError || r < ' ' || r == 0x7f {
			cut = cut[:i]
			break
		}
	}
	if strings.HasSuffix(cut, "/") && len(cut)+len(highest) <= limit {
		return cut + highest
	}
	return cut
}
