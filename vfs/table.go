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
	return t
}

// match returns the first pattern, as a rule to show, that matches the whole name,
// whose bytes are has. Unless dots is set, wildcards do not match leading dots.
func (t *table) match(name string, has byteSet, dots bool) (rule string, ok bool) {
	first, found := t.find(name)
	for i := range t.slow {
		m := &t.slow[i]
		if found && m.index > first {
			break
		}
		if m.set != nil {
			if line, ok := m.set.names[name]; ok {
				return m.set.rule(line), true
			}
		} else if m.match(name, has, dots) {
			return t.patterns[m.index].src, true
		}
	}
	if !found {
		return "", false
	}
	return t.patterns[first].src, true
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
	return m.re != nil && m.re.match(name, dots)
}

// matchTree returns a pattern that matches a name or a directory above it. folded is
// the folded name, with the bytes has; written, of the same length, is the name as
// written.
func (t *table) matchTree(folded, written string, has byteSet) (rule string, ok bool) {
	if t.globs {
		for i := range t.slow {
			m := &t.slow[i]
			for j := range m.globs {
				if m.globs[j].matchTree(folded, written, has) {
					return t.patterns[m.index].src, true
				}
			}
		}
	}
	return t.matchExact(folded, written)
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
		for i := range t.slow {
			m := &t.slow[i]
			if m.set != nil {
				if line, ok := m.set.names[folded[:end]]; ok {
					return m.set.rule(line), true
				}
			}
			if m.re != nil && written != "" && m.re.match(written[:end], true) {
				return t.patterns[m.index].src, true
			}
		}
	}
	return "", false
}

// coversBelow returns a glob that matches every name in a directory, as "drafts/*" does
// for "drafts". n holds the directory's spellings, or is nil.
func (t *table) coversBelow(folded, written string, n *spelledName) (rule string, ok bool) {
	for i := range t.slow {
		m := &t.slow[i]
		for j := range m.globs {
			if m.globs[j].coversBelow(folded, written, n) {
				return t.patterns[m.index].src, true
			}
		}
	}
	return "", false
}

// matchBelow returns a pattern that can match a name below the directory d; ""
// is the top.
func (t *table) matchBelow(d string) (rule string, ok bool) {
	for i := range t.slow {
		m := &t.slow[i]
		ok := m.re != nil && m.re.matchBelow(d)
		for j := 0; j < len(m.globs) && !ok; j++ {
			ok = m.globs[j].matchBelow(d)
		}
		if m.set != nil {
			if _, ok = m.set.dirs[d]; d == "" {
				ok = len(m.set.names) > 0
			}
		}
		if ok {
			return t.patterns[m.index].src, true
		}
	}
	if _, ok := t.dirs[d]; ok || d == "" && len(t.exact) > 0 {
		return t.firstExactBelow(d), true
	}
	return "", false
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
