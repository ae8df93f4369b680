// Package attacks is the table of attack names, and of odd names that must be served in
// spite of their looks. It is data for vfs/vfstest, which tests backends with it, and for
// server/probe, which sends it to servers. A program that wants to test something uses one
// of these two.
package attacks

import (
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// An Attack is a request for something that must not be served. Its names refer to
// [Files] and [Links] under [Policy].
type Attack struct {
	Name  string // name for test output
	Raw   string // the request path as sent, byte for byte, without the leading slash
	Class string // the kind of attack: "dotdot", "encoded", "symlink", ...

	// Reason is the expected verdict: that of the parser, of Explain, or of Get on a
	// backend that can store every name and knows directories. A backend that cannot
	// store the name may return reason.Unholdable, and one without directories
	// reason.Missing instead of reason.Directory.
	Reason vfs.Reason

	// Control names the naive server, one of vfstest.NaiveServers, that returns the
	// canary when asked for Raw. If it does not, the attack proves nothing, and the case
	// is void.
	Control string
}

// All returns the table of attacks.
func All() []Attack { return slices.Clone(table) }

// Policy returns the policy under which the attacks are refused and [Legal] names are
// served. It follows no links.
func Policy() vfs.Policy {
	return vfs.Policy{
		Allow: vfs.Patterns("public/**", "user1/**", "legal/**", "links/**", "*.txt"),
		Deny:  vfs.Patterns("public/drafts", LongName),
	}
}

// Canary is part of everything that must not be served, so that a leak is easy to find in
// a response, a listing or an error.
const Canary = "canary-7f3a9c51-outside-the-bailiwick"

// LongName is a denied name of the maximum element length, for servers that
// truncate longer ones.
var LongName = strings.Repeat("k", 251) + ".txt"

// Files returns the contents of the files that the attacks refer to, by name: files that
// are served, but not the Legal names, and canaries that are not. Canaries outside the
// root are canary.txt and root-secret/canary.txt in the directory that contains the root,
// which is called root.
func Files() map[string]string {
	files := map[string]string{
		"public/ok.txt":     "ok\n",
		"public/sub/ok.txt": "ok\n",
		"user1/notes.txt":   "notes of user1\n",
		"links/ok.txt":      "ok\n",
	}
	for _, name := range []string{
		"config.yaml", "config.yaml~", "public/drafts/secret.txt", "public/.env", "public/.git/config",
		"user10/notes.txt", LongName,
		"." + Canary, "public/." + Canary, "public/sub/." + Canary,
	} {
		files[name] = Canary
	}
	return files
}

// Links returns the texts of the symbolic links that the attacks refer to, by name. An
// absolute one stands for a path in the directory that contains the root.
func Links() map[string]string {
	return map[string]string{
		"links/out.txt":      "../../canary.txt",
		"links/dir":          "../..",
		"links/chain.txt":    "out.txt",
		"links/drafts.txt":   "../public/drafts/secret.txt",
		"links/env.txt":      "../public/.env",
		"links/absolute.txt": "/canary.txt",
		"user1/other":        "../user10",
	}
}
