package daemon

import (
	"maps"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// joinNames returns the names in several files of users, sorted.
func joinNames(files ...[]string) []string {
	names := slices.Concat(files...)
	slices.Sort(names)
	return slices.Compact(names)
}

// unmatched returns the names that cannot be an element of a path, such as CORP\user: {user}
// in an access rule matches nothing for them.
func unmatched(names []string) []string {
	var odd []string
	for _, name := range names {
		if _, err := vfs.Root.Child(name); err != nil {
			odd = append(odd, name)
		}
	}
	return odd
}

// announceNames reports the form of user names that have a suffix, and warns of access rules
// that match fewer users than they seem to.
func (s *service) announceNames(g *generation) {
	u := &g.cfg.Users
	var called []string
	if suffix := u.OIDCSuffix(); suffix != "" {
		called = append(called, "NAME@"+suffix+" (OpenID Connect)")
	}
	if suffix := u.CertificateSuffix(); suffix != "" {
		called = append(called, "NAME@"+suffix+" (client certificate)")
	}
	if len(called) > 0 {
		s.announce("user names have a suffix: %s; write the full name in access rules, groups and links", strings.Join(called, ", "))
	}
	if u.OIDC != nil && u.OIDC.GroupsClaim != "" && len(g.cfg.Groups) > 0 {
		s.announce("groups defined in the configuration ignore the groups in tokens: %s", cli.Printable(strings.Join(slices.Sorted(maps.Keys(g.cfg.Groups)), ", ")))
	}
	s.announceUnmatched(g)
}

// announceUnmatched warns of users in files whose {user} matches nothing.
func (s *service) announceUnmatched(g *generation) {
	names := slices.Clone(g.auth.names)
	for _, members := range g.cfg.Groups {
		names = append(names, members...)
	}
	slices.Sort(names)
	odd := unmatched(slices.Compact(names))
	switch len(odd) {
	case 0:
	case 1:
		s.announce("the user name %s is not a valid path element, so {user} in access rules matches nothing for that user", cli.Printable(odd[0]))
	default:
		s.announce("%d user names are not valid path elements, such as %s, so {user} in access rules matches nothing for these users", len(odd), cli.Printable(odd[0]))
	}
}
