package httpheader

import (
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// maxListBytes bounds a Range or a list of tags: 50,000 one-byte ranges made net/http send
// 7 MB for 200 kB of header.
const maxListBytes = 16 << 10

// Range parses the range of a request. It returns the whole object if there is no
// range, if there are several, or if RFC 9110 does not define the range. Only GET has
// ranges. vfs.Request.Resolve decides whether the range can be satisfied.
func Range(r *http.Request) vfs.Range {
	lines := r.Header["Range"]
	if len(lines) != 1 || r.Method != http.MethodGet {
		return vfs.Range{}
	}
	return parseRange(lines[0])
}

// parseRange parses the value of a Range header.
func parseRange(s string) vfs.Range {
	const unit = "bytes="
	if len(s) > maxListBytes || len(s) < len(unit) || !strings.EqualFold(s[:len(unit)], unit) {
		return vfs.Range{}
	}
	one := ""
	for spec := range strings.SplitSeq(s[len(unit):], ",") {
		if spec = strings.Trim(spec, " \t"); spec == "" {
			continue // RFC 9110 section 5.6.1.2: empty list elements are ignored
		}
		if one != "" {
			return vfs.Range{}
		}
		one = spec
	}
	first, last, ok := strings.Cut(one, "-")
	switch {
	case !ok || !digits(first) || !digits(last):
		return vfs.Range{}
	case first == "" && last == "":
		return vfs.Range{}
	case first == "":
		return vfs.RangeSuffix(position(last))
	case last == "":
		return vfs.RangeFrom(position(first))
	case lessDigits(last, first):
		return vfs.Range{}
	}
	return vfs.RangeBetween(position(first), position(last))
}

// digits reports whether s consists of ASCII digits.
func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// position returns the value of digits. A value that overflows becomes the largest one,
// which has the same effect: as an end it is clamped, as a start it is not satisfiable.
func position(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return math.MaxInt64
	}
	return n
}

// lessDigits compares decimal numbers of any length.
func lessDigits(a, b string) bool {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}
