package vfs

import (
	"slices"
	"strings"
)

// A table finds the first pattern of a list that matches. Exact names are in a map, so
// their number does not affect the cost.
type table struct {
	patterns []Pattern
	exact    map[string]int32    // values are indexes in patterns
	lengths  [4]uint64           // bit n%256: an exact name has n bytes
	dirs     map[string]struct{} // directories above exact names
	slow     []matcher           // ordered by index
	lists    tableIndex          // of slow
	globs    bool                // some of them are globs
	others   bool                // some of them are expressions or sets
}

type matcher struct {
	index int32
	globs []glob
	re    *expression
	set   *nameSet
}

func newTable(patterns []Pattern) table {
	t := table{patterns: slices.Clone(patterns), exact: map[string]int32{}, dirs: map[string]struct{}{}}
	for i, p := range patterns {
		for _, n := range p.literal {
			if _, ok := t.exact[n.s]; !ok {
				t.exact[n.s] = int32(i)
				t.lengths[len(n.s)/64%4] |= 1 << (len(n.s) % 64)
				addDirs(t.dirs, n)
			}
		}
		if p.globs != nil || p.re != nil || p.set != nil {
			t.slow = append(t.slow, matcher{int32(i), p.globs, p.re, p.set})
			t.globs = t.globs || p.globs != nil
			t.others = t.others || p.re != nil || p.set != nil
		}
	}
	t.lists = newTableIndex(t.slow)
	return t
}

// match returns the first pattern, as a rule to show, that matches the whole name,
// whose bytes are has. Unless dots is set, wildcards do not match leading dots.
func (t *table) match(name string, has byteSet, dots bool) (rule string, ok bool) {
	first, found := t.find(name)
	best := int32(len(t.slow))
	for _, list := range t.lists.of(name) {
		for _, i := range list {
			m := &t.slow[i]
			if i >= best || found && m.index > first {
				break
			}
			if m.match(name, has, dots) {
				best = i
				break
			}
		}
	}
	if int(best) < len(t.slow) {
		return t.rule(&t.slow[best], name), true
	}
	if !found {
		return "", false
	}
	return t.patterns[first].src, true
}

// rule returns the rule to show for a name that m matches.
func (t *table) rule(m *matcher, name string) string {
	if m.set != nil {
		return m.set.rule(m.set.names[name])
	}
	return t.patterns[m.index].src
}

// find looks up exact names. Most names differ in length from all of them and need no
// map lookup.
func (t *table) find(name string) (index int32, ok bool) {
	if t.lengths[len(name)/64%4]&(1<<(len(name)%64)) == 0 {
		return 0, false
	}
	index, ok = t.exact[name]
	return index, ok
}

func (m *matcher) match(name string, has byteSet, dots bool) bool {
	for i := range m.globs {
		if m.globs[i].match(name, has, dots) {
			return true
		}
	}
	if m.set != nil {
		_, ok := m.set.names[name]
		return ok
	}
	return m.re != nil && m.re.match(name, dots)
}

// matchTree returns a pattern that matches a name or a directory above it. folded is
// the folded name, with the bytes has; written, of the same length, is the name as
// written.
func (t *table) matchTree(folded, written string, has byteSet) (rule string, ok bool) {
	if best := t.matchGlobs(folded, written, has); int(best) < len(t.slow) {
		return t.patterns[t.slow[best].index].src, true
	}
	return t.matchExact(folded, written)
}

// matchGlobs returns the first matcher with a glob that matches the name or a directory
// above it, len(t.slow) if there is none.
func (t *table) matchGlobs(folded, written string, has byteSet) int32 {
	best := int32(len(t.slow))
	if !t.globs {
		return best
	}
	scan := func(list []int32) {
		for _, i := range list {
			if i >= best {
				return
			}
			for j := range t.slow[i].globs {
				if t.slow[i].globs[j].matchTree(folded, written, has) {
					best = i
					return
				}
			}
		}
	}
	scan(t.lists.rest)
	scan(t.lists.led(folded))
	if t.lists.exts != nil {
		for end := len(folded); end >= 0; end = strings.LastIndexByte(folded[:end], '/') {
			scan(t.lists.exts[extOf(folded[:end])])
		}
	}
	return best
}

// matchSpelled is matchTree for a name with several spellings.
func (t *table) matchSpelled(n *spelledName) (rule string, ok bool) {
	for i := range t.slow {
		m := &t.slow[i]
		for j := range m.globs {
			if m.globs[j].matchSpelled(n) {
				return t.patterns[m.index].src, true
			}
		}
		if m.re != nil && m.re.matchSpelled(n) {
			return t.patterns[m.index].src, true
		}
	}
	for _, form := range n.forms {
		if rule, ok := t.matchExact(form, ""); ok {
			return rule, true
		}
	}
	return "", false
}

// matchExact matches exact names, sets and, if written is not "", expressions.
func (t *table) matchExact(folded, written string) (rule string, ok bool) {
	if len(t.exact) == 0 && !t.others {
		return "", false
	}
	for end := len(folded); end >= 0; end = strings.LastIndexByte(folded[:end], '/') {
		if i, ok := t.find(folded[:end]); ok {
			return t.patterns[i].src, true
		}
		if !t.others {
			continue
		}
		best := int32(len(t.slow))
		for _, list := range [...][]int32{t.lists.rest, t.lists.led(folded)} {
			for _, i := range list {
				if i >= best {
					break
				}
				if t.slow[i].matchOther(folded[:end], written, end) {
					best = i
					break
				}
			}
		}
		if int(best) < len(t.slow) {
			return t.rule(&t.slow[best], folded[:end]), true
		}
	}
	return "", false
}

// matchOther reports whether a set or an expression matches the folded name, which is
// written[:end] as written. Without written, expressions are not tried.
func (m *matcher) matchOther(folded, written string, end int) bool {
	if m.set != nil {
		_, ok := m.set.names[folded]
		return ok
	}
	return m.re != nil && written != "" && strings.HasPrefix(folded, m.re.lead) && m.re.match(written[:end], true)
}

// coversBelow returns a glob that matches every name in a directory, as "drafts/*" does
// for "drafts". n holds the directory's spellings, or is nil.
func (t *table) coversBelow(folded, written string, n *spelledName) (rule string, ok bool) {
	lists := t.lists.in(folded)
	if n != nil {
		lists = t.lists.in("") // the top directory has several spellings
	}
	best := int32(len(t.slow))
	for _, list := range lists {
		for _, i := range list {
			if i >= best {
				break
			}
			if t.slow[i].coversBelow(folded, written, n) {
				best = i
				break
			}
		}
	}
	if int(best) == len(t.slow) {
		return "", false
	}
	return t.patterns[t.slow[best].index].src, true
}

func (m *matcher) coversBelow(folded, written string, n *spelledName) bool {
	for i := range m.globs {
		if m.globs[i].coversBelow(folded, written, n) {
			return true
		}
	}
	return false
}

// matchBelow returns a pattern that can match a name below the directory d; ""
// is the top.
func (t *table) matchBelow(d string) (rule string, ok bool) {
	best := int32(len(t.slow))
	for _, list := range t.lists.in(d) {
		for _, i := range list {
			if i >= best {
				break
			}
			if t.slow[i].matchBelow(d) {
				best = i
				break
			}
		}
	}
	if int(best) < len(t.slow) {
		return t.patterns[t.slow[best].index].src, true
	}
	if _, ok := t.dirs[d]; ok || d == "" && len(t.exact) > 0 {
		return t.firstExactBelow(d), true
	}
	return "", false
}

func (m *matcher) matchBelow(d string) bool {
	if m.set != nil {
		_, ok := m.set.dirs[d]
		return ok || d == "" && len(m.set.names) > 0
	}
	for i := range m.globs {
		if m.globs[i].matchBelow(d) {
			return true
		}
	}
	return m.re != nil && m.re.matchBelow(d)
}

// firstExactBelow returns the first pattern that has an exact name below d.
func (t *table) firstExactBelow(d string) string {
	for _, p := range t.patterns {
		for _, n := range p.literal {
			if d == "" || len(n.s) > len(d) && n.s[:len(d)] == d && n.s[len(d)] == '/' {
				return p.src
			}
		}
	}
	return ""
}
