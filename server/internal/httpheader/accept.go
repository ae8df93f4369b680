// Package httpheader parses and formats the HTTP headers that package server uses: what
// RFC 9110 says of conditions, ranges, weights and entity tags, and RFC 6266 of
// Content-Disposition.
package httpheader

import (
	"iter"
	"strings"
)

// A Quality is the weight of an item in an Accept header, in thousandths.
type Quality int

// AcceptItems yields the items of an Accept or Accept-Encoding header, without their
// parameters, and their weights. A malformed weight is 0. It reads at most maxListBytes.
func AcceptItems(lines []string) iter.Seq2[string, Quality] {
	return func(yield func(string, Quality) bool) {
		left := maxListBytes
		for _, line := range lines {
			if left -= len(line); left < 0 {
				return
			}
			for item := range strings.SplitSeq(line, ",") {
				name, params, _ := strings.Cut(item, ";")
				if name = strings.Trim(name, " \t"); name == "" {
					continue
				}
				if !yield(name, weight(params)) {
					return
				}
			}
		}
	}
}

// weight returns the q among an item's parameters, 1000 if there is none.
func weight(params string) Quality {
	for p := range strings.SplitSeq(params, ";") {
		key, v, ok := strings.Cut(strings.Trim(p, " \t"), "=")
		if ok && strings.EqualFold(key, "q") {
			return parseQuality(v)
		}
	}
	return 1000
}

// parseQuality parses a qvalue (RFC 9110 section 12.4.2): 0 to 1 with at most three
// decimals. Anything else is 0.
func parseQuality(s string) Quality {
	whole, decimals, _ := strings.Cut(s, ".")
	if whole != "0" && whole != "1" || len(decimals) > 3 || !digits(decimals) {
		return 0
	}
	q := Quality(whole[0]-'0') * 1000
	unit := Quality(100)
	for _, c := range []byte(decimals) {
		q += Quality(c-'0') * unit
		unit /= 10
	}
	if q > 1000 {
		return 0
	}
	return q
}
