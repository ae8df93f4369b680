package explain

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// An Exposure counts the names of a source that a policy exposes, and those that it hides, by
// reason.
type Exposure struct {
	Exposed int
	hidden  map[vfs.Reason]int
}

// Add counts a finding.
func (e *Exposure) Add(f vfs.Finding) {
	if f.Allowed {
		e.Exposed++
		return
	}
	if e.hidden == nil {
		e.hidden = map[vfs.Reason]int{}
	}
	e.hidden[f.Reason]++
}

// reasons returns the reasons for hiding, sorted.
func (e *Exposure) reasons() []vfs.Reason { return slices.Sorted(maps.Keys(e.hidden)) }

// String returns the counts in one line: "exposed: 12 names; hidden: 3
// (policy.dotfile 1, symlink 2)".
func (e *Exposure) String() string {
	total := 0
	var parts []string
	for _, r := range e.reasons() {
		total += e.hidden[r]
		parts = append(parts, fmt.Sprintf("%s %d", r, e.hidden[r]))
	}
	s := fmt.Sprintf("exposed: %s; hidden: %d", cli.Count(e.Exposed, "name"), total)
	if total > 0 {
		s += " (" + strings.Join(parts, ", ") + ")"
	}
	return s
}

// Explained returns the counts for a terminal: a line for each reason, with its meaning.
func (e *Exposure) Explained() []string {
	all := []string{fmt.Sprintf("  exposed %6d", e.Exposed)}
	for _, r := range e.reasons() {
		all = append(all, fmt.Sprintf("  hidden  %6d  %s: %s", e.hidden[r], r, r.Detail()))
	}
	return all
}

// BareRules are the allow rules that may be bare names of directories, which allow nothing
// in them.
type BareRules map[string]bool

// NewBareRules returns the rules among allow that could be.
func NewBareRules(allow []vfs.Pattern) BareRules {
	b := BareRules{}
	for _, p := range allow {
		b[p.String()] = true
	}
	return b
}

// Take removes and returns the rules that f shows to be names of directories.
func (b BareRules) Take(f vfs.Finding) (dirs []string) {
	if f.Reason != reason.PolicyNoAllow {
		return nil
	}
	for dir := f.Name; !dir.IsRoot(); dir = dir.Dir() {
		if name := dir.String(); b[name] {
			dirs = append(dirs, name)
			delete(b, name)
		}
	}
	return dirs
}
