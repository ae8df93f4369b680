package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/reason"
)

// An exposure counts what a policy lets through of a source, and what it hides,
// by reason.
type exposure struct {
	exposed int
	hidden  map[vfs.Reason]int
}

func (e *exposure) add(f vfs.Finding) {
	if f.Allowed {
		e.exposed++
		return
	}
	if e.hidden == nil {
		e.hidden = map[vfs.Reason]int{}
	}
	e.hidden[f.Reason]++
}

// reasons returns the reasons for hiding, in order.
func (e *exposure) reasons() []vfs.Reason { return slices.Sorted(maps.Keys(e.hidden)) }

// String is the whole in one line: "exposed: 12 names; hidden: 3
// (policy.dotfile 1, symlink 2)".
func (e *exposure) String() string {
	total := 0
	var parts []string
	for _, r := range e.reasons() {
		total += e.hidden[r]
		parts = append(parts, fmt.Sprintf("%s %d", r, e.hidden[r]))
	}
	s := fmt.Sprintf("exposed: %s; hidden: %d", cli.Count(e.exposed, "name"), total)
	if total > 0 {
		s += " (" + strings.Join(parts, ", ") + ")"
	}
	return s
}

// explained is the whole for a person at a terminal: a line for each reason,
// with what it means.
func (e *exposure) explained() []string {
	all := []string{fmt.Sprintf("  exposed %6d", e.exposed)}
	for _, r := range e.reasons() {
		all = append(all, fmt.Sprintf("  hidden  %6d  %s: %s", e.hidden[r], r, r.Detail()))
	}
	return all
}

// bareRules are the allow rules that may be the bare names of directories, and so let
// nothing in them through.
type bareRules map[string]bool

func newBareRules(allow []vfs.Pattern) bareRules {
	b := bareRules{}
	for _, p := range allow {
		b[p.String()] = true
	}
	return b
}

// take removes the rules that f shows to be names of directories, and returns them.
func (b bareRules) take(f vfs.Finding) (dirs []string) {
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
