package auth

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A principal has one full name, and no two principals share one. Where credentials come
// from several places, each place has a namespace: all but one of them add "@" and a
// suffix to the names that they vouch for, such as alice@id.example.org. Whoever may choose
// a name in one place cannot become somebody of another place by that.

// maxSuffixBytes leaves most of [MaxNameBytes] to the name.
const maxSuffixBytes = 100

// CheckSuffix returns why s cannot be the suffix of a namespace, nil if it can: it is made
// of ASCII letters, digits, ".", "-" and "_", and begins and ends with a letter or digit.
// There is no "@" in it, so the last "@" of a full name is the one before the suffix.
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
			return errors.New("only letters, digits, and within it . - _ can stand there, such as id.example.org")
		}
	}
	return nil
}

// InNamespace reports whether name is one of the namespace with a suffix, or looks like
// one: case, compatibility forms and characters without a glyph make no difference. A name
// of another namespace must not, or whoever reads it in a rule or a record would take one
// for the other.
func InNamespace(name, suffix string) bool {
	return suffix != "" && strings.HasSuffix(vfs.Fold(name), "@"+vfs.Fold(suffix))
}

// A namespace qualifies the principals of one place.
type namespace struct {
	suffix string   // "" for the one whose names are plain
	others []string // the suffixes of the others
}

// qualify returns p by its full name. Its claims can be told from those of other places,
// too: each is there under its own key, and under KEY@SUFFIX. It fails for who has no name,
// and for who has one of another namespace.
func (n namespace) qualify(p Principal) (Principal, error) {
	if p.Anyone() {
		return Principal{}, ErrCredentials
	}
	// What a place says of a namespace that is not its own is what somebody made up.
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

// namespaces returns those of local users, signed tokens and certificates. It fails where
// two of them could have a name in common.
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
				return local, signed, certificates, fmt.Errorf("%s and %s share one namespace, so a name in it could be two people's; set %s", places[min(i, j)].what, places[max(i, j)].what, field)
			case other.suffix != "":
				p.space.others = append(p.space.others, other.suffix)
			}
		}
	}
	return local, signed, certificates, nil
}
