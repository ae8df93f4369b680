package config

import (
	"errors"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// A Size is a number of bytes.
type Size int64

// sizeUnits lists the units of sizes, largest first.
var sizeUnits = []struct {
	name  string
	bytes uint64
}{
	{"TiB", 1 << 40}, {"TB", 1e12}, {"GiB", 1 << 30}, {"GB", 1e9}, {"MiB", 1 << 20}, {"MB", 1e6},
	{"KiB", 1 << 10}, {"KB", 1e3}, {"B", 1}, {"", 1},
}

// sizePattern matches at least what ParseSize accepts.
const sizePattern = `[0-9]+ ?([KkMmGgTt][Ii]?)?[Bb]?`

// ParseSize parses a size: a whole number of bytes, optionally with a unit in any letter
// case. KB, MB, GB and TB are powers of 1000; KiB, MiB, GiB and TiB are powers of 1024.
func ParseSize(text string) (Size, error) {
	digits := strings.TrimLeft(text, "0123456789")
	number, unit := text[:len(text)-len(digits)], strings.TrimPrefix(digits, " ")
	n, err := strconv.ParseUint(number, 10, 63)
	for _, u := range sizeUnits {
		if err != nil || !strings.EqualFold(u.name, unit) {
			continue
		}
		over, total := bits.Mul64(n, u.bytes)
		if over > 0 || total > math.MaxInt64 || total == 0 {
			break
		}
		return Size(total), nil
	}
	return 0, errors.New("write a size such as 500MB, 10MiB or a number of bytes, at least 1 and below 8 EiB")
}

// String returns the size in ParseSize's format, in the largest unit that divides it.
func (n Size) String() string {
	for _, u := range sizeUnits {
		if u.name != "" && uint64(n)%u.bytes == 0 {
			return strconv.FormatUint(uint64(n)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(n), 10)
}
