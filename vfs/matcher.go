package vfs

// A Matcher matches names against a list of patterns, as Policy.Allow does. It is meant
// for rules outside a Policy, such as access rules. It is immutable and safe for
// concurrent use.
type Matcher struct{ table table }

// NewMatcher returns a Matcher for patterns.
func NewMatcher(patterns []Pattern) *Matcher { return &Matcher{newTable(patterns)} }

// Match returns the first pattern that matches n. For OpList, it returns the first
// pattern that can match a name below the directory n: a directory exists for callers
// who may access something in it.
func (m *Matcher) Match(op Op, n Name) (rule string, ok bool) {
	switch {
	case n.IsZero():
		return "", false
	case op != OpList:
		if n.IsRoot() {
			return "", false
		}
		return m.table.match(n.s, bytesOf(n.s), false)
	case n.IsRoot():
		return m.table.matchBelow("")
	}
	return m.table.matchBelow(n.s)
}
