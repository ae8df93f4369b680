package vfs

import (
	"errors"
	"strings"
)

// foldGlob compiles a glob that compileGlob accepted so that it matches names in all
// their spellings: see denySegment. Exact names are folded.
func foldGlob(src string) (globs []glob, literal []Name, err error) {
	alts, err := expandBraces(src)
	if err != nil {
		return nil, nil, err
	}
	for _, alt := range alts {
		var g glob
		var elems []string
		exact := true
		for _, s := range splitSegments(alt) {
			if s == "" {
				return nil, nil, errors.New("an empty element")
			}
			seg, err := denySegment(s)
			if err != nil {
				return nil, nil, err
			}
			exact = exact && seg.kind == segLiteral
			elems = append(elems, seg.pre)
			if n := len(g.segs); seg.kind == segDouble && n > 0 && g.segs[n-1].kind == segDouble {
				continue
			}
			g.segs = append(g.segs, seg)
		}
		if exact {
			literal = append(literal, Name{strings.Join(elems, "/")})
			continue
		}
		g.prepare()
		// A non-ASCII character of the pattern can match one that is written with other
		// bytes.
		g.bytes = 0
		for _, seg := range g.segs {
			for _, t := range seg.tokens {
				if t.op == tokenRune && t.r < 0x80 {
					g.bytes |= bytesOf(string(t.r))
				}
			}
		}
		globs = append(globs, g)
	}
	return globs, literal, nil
}
