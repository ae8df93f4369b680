package vfs

import "strings"

// A tableIndex finds the matchers that can match a name, so that the number of patterns
// for other directories and other file extensions does not affect the cost. Its lists
// are positions in table.slow, ascending.
type tableIndex struct {
	all   []int32
	leads map[string][]int32 // those that match only below these top directories
	exts  map[string][]int32 // of the rest, those that match only these extensions
	rest  []int32            // all others
	wide  []int32            // those not in leads: they can match in any directory
}

// indexFrom is the number of matchers from which an index costs less than it saves.
const indexFrom = 32

func newTableIndex(slow []matcher) tableIndex {
	x := tableIndex{}
	for i := range slow {
		at := int32(i)
		x.all = append(x.all, at)
		if len(slow) < indexFrom {
			continue
		}
		if leads := keysOf(&slow[i], (*glob).lead, (*expression).leadingElement); leads != nil {
			x.leads = addTo(x.leads, leads, at)
			continue
		}
		x.wide = append(x.wide, at)
		if exts := keysOf(&slow[i], (*glob).ext, nil); exts != nil {
			x.exts = addTo(x.exts, exts, at)
			continue
		}
		x.rest = append(x.rest, at)
	}
	if len(slow) < indexFrom {
		x.rest, x.wide = x.all, x.all
	}
	return x
}

// keysOf returns the keys of all alternatives of m, nil if one of them has none.
func keysOf(m *matcher, ofGlob func(*glob) string, ofExpression func(*expression) string) (keys []string) {
	switch {
	case m.set != nil, m.re != nil && ofExpression == nil:
		return nil
	case m.re != nil:
		keys = append(keys, ofExpression(m.re))
	}
	for i := range m.globs {
		keys = append(keys, ofGlob(&m.globs[i]))
	}
	for _, key := range keys {
		if key == "" {
			return nil
		}
	}
	return keys
}

func addTo(lists map[string][]int32, keys []string, at int32) map[string][]int32 {
	if lists == nil {
		lists = map[string][]int32{}
	}
	for _, key := range keys {
		if list := lists[key]; len(list) == 0 || list[len(list)-1] != at {
			lists[key] = append(list, at)
		}
	}
	return lists
}

// lead returns the first element of every matching name, "" if there are several.
func (g *glob) lead() string {
	if g.segs[0].kind != segLiteral {
		return ""
	}
	return g.segs[0].pre
}

// ext returns the extension of every matching name, with its dot, "" if there are several.
func (g *glob) ext() string { return extOf(g.suffix) }

// extOf returns the part of the last element of a name from its last dot on.
func extOf(name string) string {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 || strings.IndexByte(name[dot:], '/') >= 0 {
		return ""
	}
	return name[dot:]
}

// leadingElement returns the first element of every matching name, "" if there are
// several.
func (e *expression) leadingElement() string {
	if end := strings.IndexByte(e.lead, '/'); end > 0 {
		return e.lead[:end]
	}
	return ""
}

// in returns the lists of the matchers that can match a name in the top directory of the
// name or directory s, or with "" in any.
func (x *tableIndex) in(s string) [2][]int32 {
	if s == "" {
		return [2][]int32{x.all}
	}
	return [2][]int32{x.wide, x.led(s)}
}

// led returns the matchers for the top directory of s.
func (x *tableIndex) led(s string) []int32 {
	if x.leads == nil {
		return nil
	}
	first, _, _ := strings.Cut(s, "/")
	return x.leads[first]
}

// of returns the lists of the matchers that can match the whole name.
func (x *tableIndex) of(name string) [3][]int32 {
	lists := [3][]int32{x.rest, x.led(name)}
	if x.exts != nil {
		lists[2] = x.exts[extOf(name)]
	}
	return lists
}
