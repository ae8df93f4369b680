package daemon

import (
	"context"
	"strings"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/overlap"
	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// announceBypasses warns of mounts whose objects can also be reached through another mount
// without access rules. That may be intended, so it is not an error.
func (s *service) announceBypasses(g *generation) {
	var survey overlap.Survey
	for _, closed := range g.mounts {
		if closed.access == nil || closed.cfg.Uploads != nil {
			continue
		}
		for _, open := range g.mounts {
			if open.access != nil || open.cfg.Uploads != nil {
				continue
			}
			if at, ok := bypassOf(&survey, closed, open); ok {
				s.announce("%s: the access rules of this mount can be bypassed through %s, which serves the same files to anyone; deny them there, or give that mount access rules",
					cli.Printable(closed.cfg.URL()), cli.Printable(at))
			}
		}
	}
}

// bypassOf returns where the open mount shows objects of the closed one, if its rules allow
// any of them.
func bypassOf(survey *overlap.Survey, closed, open *mount) (at string, ok bool) {
	for _, a := range closed.cfg.Layers() {
		for _, b := range open.cfg.Layers() {
			if at, ok := open.mayBypass(survey.Locate(string(a)), survey.Locate(string(b))); ok {
				return at, true
			}
		}
	}
	return "", false
}

// mayBypass returns where the open mount shows objects of another mount's source a, of which
// it serves b.
func (m *mount) mayBypass(a, b *overlap.Place) (at string, ok bool) {
	if !a.Overlaps(b) {
		return "", false
	}
	at = m.cfg.URL()
	below, ok := a.Below(b)
	if !ok || below == "." {
		// It shows all of them, or a part, under names that are subject to the rules of both
		// mounts.
		return at, true
	}
	name, err := vfs.ParseName(below)
	if err != nil || !m.mayShow(name) {
		return "", false
	}
	return strings.TrimSuffix(at, "/") + "/" + below, true
}

// mayShow reports whether the rules of the mount allow any name in a directory.
func (m *mount) mayShow(dir vfs.Name) bool {
	ctx := auth.WithGrant(context.Background(), auth.Grant{Op: vfs.OpList, Name: dir})
	return m.jail.Explain(ctx, vfs.OpList, dir).Allowed
}
