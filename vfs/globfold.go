package vfs

import (
	"strings"
	"unicode/utf8"
)

// foldGlob folds what is literal in a glob, so that it meets folded names. A
// character whose folding would be an operator (a full-width "＊") stays one
// that is meant literally. The ranges of a class are kept and joined by their
// lower-case twins.
func foldGlob(s string) string {
	var b, lit strings.Builder
	flush := func() {
		for _, r := range fold(lit.String()) {
			if r < utf8.RuneSelf && strings.ContainsRune(`*?[]{},\`, r) {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		}
		lit.Reset()
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '\\':
			i++
			lit.WriteByte(s[i])
		case '*', '?', '{', '}', ',', '/':
			flush()
			b.WriteByte(c)
		case '[':
			flush()
			n := classLen(s[i:])
			b.WriteString(foldClass(s[i : i+n]))
			i += n - 1
		default:
			lit.WriteByte(c)
		}
	}
	flush()
	return b.String()
}

func foldClass(class string) string {
	inner := class[1 : len(class)-1]
	if inner[0] == '^' || inner[0] == '!' {
		return class
	}
	if lower := strings.ToLower(inner); lower != inner {
		return "[" + inner + lower + "]"
	}
	return class
}
