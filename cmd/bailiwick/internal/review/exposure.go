package review

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/explain"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// An Exposure counts the names that a configuration exposes, by who can read them.
type Exposure struct {
	names      explain.Exposure // by the rules for names alone
	anyone     int              // readable by anyone
	users      int              // readable by some user who logs in
	restricted bool             // some mount has access rules
	hasUsers   bool             // users can log in
	hasLinks   bool             // links can be signed for each exposed name
	scanned    bool             // there was something to count
	incomplete string           // why not all names were counted, "" if they were
}

// Lines returns the report for people, for a terminal in more detail.
func (e *Exposure) Lines(terminal bool) []string {
	switch {
	case e.incomplete != "":
		return []string{"exposed: not counted, " + e.incomplete + "; to count: bailiwick scan SOURCE with the same rules"}
	case !e.scanned:
		return nil
	case !e.restricted && terminal:
		return e.names.Explained()
	case !e.restricted:
		return []string{e.names.String()}
	}
	to := []string{"exposed to anyone: " + cli.Count(e.anyone, "name")}
	if e.hasUsers {
		to = append(to, fmt.Sprintf("to users who log in: up to %d", e.users))
	}
	if e.hasLinks {
		to = append(to, fmt.Sprintf("by signed links: up to %d", e.names.Exposed))
	}
	if terminal {
		// The first line of the details is the count of exposed names, which says less.
		return append([]string{strings.Join(to, "; ")}, e.names.Explained()[1:]...)
	}
	return []string{strings.Join(append(to, e.names.Hidden()), "; ")}
}

// scan counts the names of a mount, and reviews its rules by them.
func (r *reviewer) scan(ctx context.Context, cfg *config.Mount, key string, m Mount) {
	e := &r.review.Exposure
	e.scanned = true
	u := &r.cfg.Users
	e.hasUsers = u.Htpasswd != "" || u.Tokens != "" || u.OIDC != nil || u.ClientCertificates != nil
	e.hasLinks = r.cfg.Links != nil
	e.restricted = e.restricted || m.Access != nil
	if e.incomplete != "" {
		return
	}
	rules, byUsers := r.rulesOf(cfg, key), readableBySome(cfg)
	for finding, err := range m.Names.Scan(ctx) {
		if err != nil {
			e.incomplete = "the source could not be read to its end"
			if ctx.Err() != nil {
				e.incomplete = "the source is too large for a quick look"
			}
			return
		}
		e.names.Add(finding)
		rules.add(finding)
		if !finding.Allowed {
			continue
		}
		open := m.Access == nil || m.Access.OpenTo(vfs.OpRead, finding.Name)
		if open {
			e.anyone++
		}
		if open || byUsers(finding.Name) {
			e.users++
		}
	}
	rules.report(r)
}

// readableBySome returns whether some access rule of the mount lets some principal read a
// name.
func readableBySome(m *config.Mount) func(vfs.Name) bool {
	var patterns []vfs.Pattern
	for _, rule := range m.Access {
		if !slices.Contains(rule.Can, vfs.OpRead) {
			continue
		}
		if len(rule.Names) == 0 {
			return func(vfs.Name) bool { return true }
		}
		for _, src := range rule.Names {
			if p, err := vfs.ParsePattern(forAnyUser(src)); err == nil {
				patterns = append(patterns, p)
			}
		}
	}
	matcher := vfs.NewMatcher(patterns)
	return func(n vfs.Name) bool {
		_, ok := matcher.Match(vfs.OpRead, n)
		return ok
	}
}

// forAnyUser returns a pattern of an access rule with any element in the place of {user}.
func forAnyUser(src string) string {
	return strings.ReplaceAll(src, "{user}", "{*,.*}")
}
