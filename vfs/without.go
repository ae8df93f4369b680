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
		if !slices.ContainsFunc(patterns, func(p Pattern) bool { return p.set == nil && f.set == nil && p.src == f.src }) {
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
