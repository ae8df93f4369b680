package auth

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Every principal has a unique full name. If credentials come from several sources, each
// source has a namespace: all but one of them append "@" and a suffix to their names,
// such as alice@id.example.org. A user who can choose a name in one source therefore
// cannot impersonate a user of another source.

// maxSuffixBytes leaves most of [MaxNameBytes] for the name.
const maxSuffixBytes = 100

// CheckSuffix returns an error if s cannot be a namespace suffix. A suffix consists of
// ASCII letters, digits, ".", "-" and "_", and begins and ends with a letter or digit.
// It has no "@", so the last "@" of a full name precedes the suffix.
func CheckSuffix(s string) error {
	if s == "" {
		return errors.New("it is empty")
	}
	if len(s) > maxSuffixBytes {
		return fmt.Errorf("it is over %d bytes", maxSuffixBytes)
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte(".-_", c) >= 0 && 0 < i && i < len(s)-1:
		default:
			return errors.New("only letters, digits and inner . - _ are allowed, as in id.example.org")
		}
	}
	return nil
}

// InNamespace reports whether name belongs to the namespace with a suffix, or looks like
// it: case, compatibility forms and invisible characters make no difference. A name of
// another namespace must not look like this, or readers of rules and logs would confuse
// the two users.
func InNamespace(name, suffix string) bool {
	return suffix != "" && strings.HasSuffix(vfs.Fold(name), "@"+vfs.Fold(suffix))
}

// A namespace qualifies the principals of one source.
type namespace struct {
	suffix string   // "" if the names are plain
	others []string // the suffixes of the other namespaces
}

// qualify returns p with its full name. Each claim is also copied to KEY@SUFFIX, so that
// claims of different sources can be distinguished. It fails if p has no name or a name
// of another namespace.
func (n namespace) qualify(p Principal) (Principal, error) {
	if p.Anyone() {
		return Principal{}, ErrCredentials
	}
	// A name or claim of another namespace must be made up: only that namespace assigns
	// them.
	foreign := func(s string) bool {
		for _, suffix := range n.others {
			if InNamespace(s, suffix) {
				return true
			}
		}
		return false
	}
	if n.suffix == "" && foreign(p.Name) {
		return Principal{}, ErrCredentials
	}
	if len(n.others) > 0 || n.suffix != "" {
		p.Claims = maps.Clone(p.Claims)
		maps.DeleteFunc(p.Claims, func(key string, _ []string) bool { return foreign(key) || InNamespace(key, n.suffix) })
	}
	if n.suffix != "" {
		p.Name += "@" + n.suffix
		for key, values := range maps.Clone(p.Claims) {
			p.Claims[key+"@"+n.suffix] = values
		}
	}
	if !p.named() {
		return Principal{}, ErrCredentials
	}
	return p, nil
}

// namespaces returns the namespaces of local users, signed tokens and certificates. It
// fails if two of them could contain the same name.
func (cfg *ChainConfig) namespaces() (local, signed, certificates namespace, err error) {
	places := []struct {
		what, field string
		known       bool
		suffix      string
		space       *namespace
	}{
		{"passwords and tokens", "", cfg.Passwords != nil || cfg.Tokens != nil, "", &local},
		{"signed tokens", "SignedSuffix", cfg.Signed != nil, cfg.SignedSuffix, &signed},
		{"certificates", "CertificatesSuffix", cfg.Certificates != nil, cfg.CertificatesSuffix, &certificates},
	}
	for i, p := range places {
		if !p.known {
			continue
		}
		if p.suffix != "" {
			if err := CheckSuffix(p.suffix); err != nil {
				return local, signed, certificates, fmt.Errorf("%s: %w", p.field, err)
			}
		}
		p.space.suffix = p.suffix
		for j, other := range places {
			switch {
			case i == j || !other.known:
			case vfs.Fold(p.suffix) == vfs.Fold(other.suffix):
				field := max(p.field, other.field)
				return local, signed, certificates, fmt.Errorf("%s and %s share one namespace, so two people could have the same name; set %s", places[min(i, j)].what, places[max(i, j)].what, field)
			case other.suffix != "":
				p.space.others = append(p.space.others, other.suffix)
			}
		}
	}
	return local, signed, certificates, nil
}
