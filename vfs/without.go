package vfs

import "slices"

// Without returns a Jail over the backend of j whose policy also denies what the patterns
// match, as [Policy.Deny] does. Everything else stays as it is in j, and the two know of
// each other's changes, as with [Jail.With]. It is for a handler that reserves names for
// itself. If the policy has all of the patterns already, it returns j.
func (j *Jail) Without(deny ...Pattern) (*Jail, error) {
	if j.rules == nil {
		return j, nil // the zero Jail refuses everything
	}
	r := *j.rules
	patterns := slices.Clone(r.deny.patterns)
	for _, d := range deny {
		f, err := d.folded()
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(patterns, f.equals) {
			patterns = append(patterns, f)
		}
	}
	if len(patterns) == len(r.deny.patterns) {
		return j, nil
	}
	r.deny, r.denies = newTable(patterns), len(patterns) > 0
	other := *j
	other.rules = &r
	return &other, nil
}

// equals reports whether p and q certainly match the same names. The source alone does not
// tell: a set can have any label. Large sets are not compared.
func (p Pattern) equals(q Pattern) bool {
	return p.src == q.src && p.set == nil && q.set == nil &&
		(p.re == nil) == (q.re == nil) && len(p.globs) == len(q.globs) && slices.Equal(p.literal, q.literal)
}
