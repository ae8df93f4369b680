package vfstest

import (
	"github.com/bailiwick-fs/bailiwick/vfs"
	"github.com/bailiwick-fs/bailiwick/vfs/attacks"
)

// An Attack is a request for something that must not be served. Its names refer to a
// [Fixture] under [FixturePolicy].
type Attack = attacks.Attack

// Attacks returns the table of attacks.
func Attacks() []Attack { return attacks.All() }

// FixturePolicy returns the policy under which the attacks are refused and [LegalNames]
// are served. It follows no links.
func FixturePolicy() vfs.Policy { return attacks.Policy() }

// A LegalName is a name that has to be served, however odd it looks: a server that
// refuses everything would pass every attack.
type LegalName = attacks.LegalName

// LegalNames returns the names that must be served. They are all in the directory
// "legal". Not every disk can store all of them: Windows refuses some characters, and
// macOS treats the two accents as the same name; see Options.Unholdable.
func LegalNames() []LegalName { return attacks.Legal() }

// Portable reports whether the disks of all systems can store name. It uses the rule
// for creation, through [vfs.Jail.Explain], and the limits of Windows and macOS for the
// length of a path. Two portable names that differ only in case are the same on some
// disks.
func Portable(name string) bool { return attacks.Portable(name) }
