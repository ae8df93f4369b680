package links

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Keys is a key ring. The first key signs and all keys verify. To rotate, add a new key
// at the top, and remove the old one once its links have expired. A Keys is immutable
// and safe for concurrent use. The zero Keys and nil sign nothing and accept no link.
type Keys struct {
	ring []key
	none [32]byte // compared with links by an unknown key
}

type key struct {
	id     string
	secret []byte
}

// Limits of keys.
const (
	minSecretBytes = 32
	maxKeyID       = 64
)

// LoadKeys reads a key ring from a file; see [ReadKeys].
func LoadKeys(file string) (*Keys, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadKeys(file, f)
}

// ReadKeys reads a key ring: lines of KEYID:BASE64. A key has at least 32 bytes, an id
// up to 64 letters, digits, "-" and "_". Empty lines and lines that begin with "#" are
// ignored. Errors begin with label and the line number, and contain no part of a key.
func ReadKeys(label string, r io.Reader) (*Keys, error) {
	k := &Keys{}
	rand.Read(k.none[:])
	lines := bufio.NewScanner(r)
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		id, text, _ := strings.Cut(line, ":")
		secret, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			secret, err = base64.RawURLEncoding.DecodeString(text)
		}
		switch {
		case !validID(id):
			err = fmt.Errorf("a line is KEYID:BASE64, the id of at most %d letters, digits, - and _", maxKeyID)
		case err != nil:
			err = errors.New("the text after the colon is not base64; make a key with: openssl rand -base64 32")
		case len(secret) < minSecretBytes:
			err = fmt.Errorf("the key has %d bytes, and needs %d; make one with: openssl rand -base64 32", len(secret), minSecretBytes)
		case k.has(id):
			err = fmt.Errorf("duplicate key id %s", id)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", label, number, err)
		}
		k.ring = append(k.ring, key{id, secret})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", label, err)
	}
	if len(k.ring) == 0 {
		return nil, fmt.Errorf("%s:1: there is no key; a line is KEYID:BASE64, made with: openssl rand -base64 32", label)
	}
	return k, nil
}

func (k *Keys) empty() bool { return k == nil || len(k.ring) == 0 }

func (k *Keys) has(id string) bool {
	for i := range k.ring {
		if k.ring[i].id == id {
			return true
		}
	}
	return false
}

func validID(id string) bool {
	if id == "" || len(id) > maxKeyID {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}
