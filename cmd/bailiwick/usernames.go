package main

import (
	"slices"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// unmatched returns the names among those given that cannot be one element of a path, such
// as CORP\user: {user} in an access rule matches nothing for them.
func unmatched(names []string) []string {
	var odd []string
	for _, name := range names {
		if _, err := vfs.Root.Child(name); err != nil {
			odd = append(odd, name)
		}
	}
	return odd
}

// tellNames says which users {user} is not for, among those that files name.
func (s *service) tellNames(t *site) {
	names := slices.Clone(t.who.local)
	for _, members := range t.cfg.Groups {
		names = append(names, members...)
	}
	slices.Sort(names)
	odd := unmatched(slices.Compact(names))
	switch len(odd) {
	case 0:
	case 1:
		s.tell("the user %s cannot be one element of a path, so {user} in access rules matches nothing for that user", printable(odd[0]))
	default:
		s.tell("%d users cannot be one element of a path, %s first, so {user} in access rules matches nothing for them", len(odd), printable(odd[0]))
	}
}
