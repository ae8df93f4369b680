package server

import (
	"iter"
	"strings"
)

// A quality is the weight of an item in an Accept header, in thousandths.
type quality int

// acceptItems yields the items of an Accept or Accept-Encoding header, without
// their parameters, and their weights. An item whose weight is malformed has
// none. It reads no more than maxConditionBytes.
func acceptItems(lines []string) iter.Seq2[string, quality] {
	return func(yield func(string, quality) bool) {
		left := maxConditionBytes
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
func weight(params string) quality {
	for p := range strings.SplitSeq(params, ";") {
		key, v, ok := strings.Cut(strings.Trim(p, " \t"), "=")
		if ok && strings.EqualFold(key, "q") {
			return parseQuality(v)
		}
	}
	return 1000
}

// parseQuality reads a qvalue (RFC 9110 section 12.4.2): 0 to 1 with at most
// three decimals. Anything else is 0: what cannot be read is not asked for.
func parseQuality(s string) quality {
	whole, decimals, _ := strings.Cut(s, ".")
	if whole != "0" && whole != "1" || len(decimals) > 3 || !digits(decimals) {
		return 0
	}
	q := quality(whole[0]-'0') * 1000
	unit := quality(100)
	for _, c := range []byte(decimals) {
		q += quality(c-'0') * unit
		unit /= 10
	}
	if q > 1000 {
		return 0
	}
	return q
}
