package vfstest

import (
	"slices"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// An Attack is a request for something that must not be served. Its names refer to a
// [Fixture] under [FixturePolicy].
type Attack struct {
	Name  string // name for test output
	Raw   string // the request path as sent, byte for byte, without the leading slash
	Class string // the kind of attack: "dotdot", "encoded", "symlink", ...

	// Reason is the expected verdict: that of the parser, of Explain, or of Get on a
	// backend that can store every name and knows directories. A backend that cannot
	// store the name may return reason.Unholdable, and one without directories
	// reason.Missing instead of reason.Directory.
	Reason vfs.Reason

	// Control names the naive server, one of [NaiveServers], that returns the canary
	// when asked for Raw. If it does not, the attack proves nothing, and the case is
	// void.
	Control string
}

// Attacks returns the table of attacks.
func Attacks() []Attack { return slices.Clone(attacks) }

// FixturePolicy returns the policy under which the attacks are refused and [LegalNames]
// are served. It follows no links.
func FixturePolicy() vfs.Policy {
	return vfs.Policy{
		Allow: vfs.Patterns("public/**", "user1/**", "legal/**", "links/**", "*.txt"),
		Deny:  vfs.Patterns("public/drafts", privateElement),
	}
}
