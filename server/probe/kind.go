package probe

import "slices"

// A Kind is what a finding shows. Its string is stable.
type Kind string

// The kinds, in the order of reports; see the package documentation.
const (
	Escape       Kind = "escape"
	Hidden       Kind = "hidden"
	Dotfile      Kind = "dotfile"
	Symlink      Kind = "symlink"
	Listing      Kind = "listing"
	Oracle       Kind = "oracle"
	Error        Kind = "error"
	Hang         Kind = "hang"
	Redirect     Kind = "redirect"
	Method       Kind = "method"
	Sniff        Kind = "sniff"
	Header       Kind = "header"
	Range        Kind = "range"
	DoubleDecode Kind = "double-decode"
	Legal        Kind = "legal"
)

var kinds = []Kind{
	Escape, Hidden, Dotfile, Symlink, Listing, Oracle, Error, Hang, Redirect, Method, Sniff, Header, Range, DoubleDecode, Legal,
}

// Kinds returns all kinds in the order of reports.
func Kinds() []Kind { return slices.Clone(kinds) }
