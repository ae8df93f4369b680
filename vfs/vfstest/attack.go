package vfstest

import (
	"slices"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// An Attack is a request for something that must not be served. The names are
// those of a [Fixture] under [FixturePolicy].
type Attack struct {
	Name  string // what a test calls it
	Raw   string // the request path as it is sent, without the leading slash, byte for byte
	Class string // the family: "dotdot", "encoded", "symlink", ...

	// Reason is the verdict: that of the parser, of Explain, or of Get on a
	// backend that can hold every name and knows directories. One that cannot
	// hold the name may say reason.Unholdable, and one that has no directories
	// reason.Missing for reason.Directory.
	Reason vfs.Reason

	// Control is the naive way of serving files, one of [NaiveServers], that hands
	// over the canary when it is asked for Raw. Where it does not, the attack
	// attacks nothing, and the case is void.
	Control string
}

// Attacks returns the table of attacks.
func Attacks() []Attack { return slices.Clone(attacks) }

// FixturePolicy is the policy under which the attacks are refused and [LegalNames] is
// served. No link is followed.
func FixturePolicy() vfs.Policy {
	return vfs.Policy{
		Allow: vfs.Patterns("public/**", "user1/**", "legal/**", "links/**", "*.txt"),
		Deny:  vfs.Patterns("public/drafts", privateElement),
	}
}
