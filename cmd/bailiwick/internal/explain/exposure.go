package explain

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/vfs"
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
	return fmt.Sprintf("exposed: %s; %s", cli.Count(e.Exposed, "name"), e.Hidden())
}

// Hidden returns the part of String about hidden names: "hidden: 3 (policy.dotfile 1,
// symlink 2)".
func (e *Exposure) Hidden() string {
	total := 0
	var parts []string
	for _, r := range e.reasons() {
		total += e.hidden[r]
		parts = append(parts, fmt.Sprintf("%s %d", r, e.hidden[r]))
	}
	s := fmt.Sprintf("hidden: %d", total)
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
