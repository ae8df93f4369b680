// Package tokens checks bearer tokens against a file of their SHA-256 hashes in
// lower-case hexadecimal:
//
//	# comment
//	backup:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
//
// A fast hash is appropriate only for tokens that cannot be guessed, such as those of
// [New] and of bailiwick token new.
package tokens

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/server/auth/internal/userfile"
)

// List is a parsed file. It is immutable and safe for concurrent use. The zero List and
// nil accept no token.
type List struct {
	entries map[digest]entry
}

type digest [sha256.Size]byte

type entry struct {
	digest digest
	name   string
}

var _ auth.Tokens = (*List)(nil)

// Options configures how a file is validated. The zero value is right if all users are
// defined in files.
type Options struct {
	// OtherSuffixes are the suffixes of other namespaces in the same auth.Chain. A name in
	// the file that looks like one of theirs is an error.
	OtherSuffixes []string
}

// Load reads the file at path. A user may have several tokens, so that a new one can be
// handed out before the old one is removed. An error names the file and the line: a
// value that is not a lower-case SHA-256, a duplicate token, or a name that is empty,
// reserved or not printable.
func Load(path string, opts Options) (*List, error) {
	entries, err := userfile.Read(path, opts.OtherSuffixes)
	if err != nil {
		return nil, err
	}
	return newList(path, entries)
}

// Parse is like Load for data that was already read; path is used in errors.
func Parse(path string, data []byte, opts Options) (*List, error) {
	entries, err := userfile.Parse(path, data, opts.OtherSuffixes)
	if err != nil {
		return nil, err
	}
	return newList(path, entries)
}

func newList(path string, entries []userfile.Entry) (*List, error) {
	l := &List{entries: make(map[digest]entry, len(entries))}
	lines := make(map[digest]int, len(entries))
	nothing := sha256.Sum256(nil)
	for _, e := range entries {
		var d digest
		n, err := hex.Decode(d[:], []byte(first(e.Value, 2*len(d))))
		switch {
		case err != nil || n != len(d) || len(e.Value) != 2*len(d) || e.Value != strings.ToLower(e.Value):
			return nil, userfile.Errorf(path, e.Line, "not a SHA-256 of %d lower-case hexadecimal digits", 2*len(d))
		case d == nothing:
			return nil, userfile.Errorf(path, e.Line, "the SHA-256 of an empty token")
		case lines[d] != 0:
			return nil, userfile.Errorf(path, e.Line, "the same token as in line %d", lines[d])
		}
		lines[d] = e.Line
		l.entries[d] = entry{d, e.Name}
	}
	return l, nil
}

// Names returns the distinct names in the file, sorted.
func (l *List) Names() []string {
	names := make([]string, 0, len(l.entries))
	for _, e := range l.entries {
		names = append(names, e.name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// first returns at most n bytes of s.
func first(s string, n int) string { return s[:min(n, len(s))] }

// CheckToken implements [auth.Tokens]. It looks up the token's hash, so the time does
// not depend on how much of a listed token a guess has right.
func (l *List) CheckToken(_ context.Context, token string) (auth.Principal, error) {
	if l == nil {
		return auth.Principal{}, auth.ErrCredentials
	}
	d := digest(sha256.Sum256([]byte(token)))
	e := l.entries[d]
	if token == "" || e.name == "" || subtle.ConstantTimeCompare(e.digest[:], d[:]) != 1 {
		return auth.Principal{}, auth.ErrCredentials
	}
	return auth.Principal{Name: e.name, Method: "token"}, nil
}
