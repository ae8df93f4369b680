// Package keyring reads and writes files of secret keys: lines of KEYID:BASE64. The first
// key of a file makes new things, and every key accepts what it made earlier.
package keyring

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// A Key is a line of a file.
type Key struct {
	ID     string // letters, digits, "-" and "_"
	Secret []byte
}

// Limits of keys.
const (
	minSecretBytes = 32
	MaxIDBytes     = 64
)

const howTo = "make one with: bailiwick keys new FILE"

// Load reads the file at path.
func Load(path string) ([]Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Read(path, f)
}

// Read returns the keys in r, at least one. A key has at least 32 bytes, an id up to 64
// letters, digits, "-" and "_". Empty lines and lines that begin with "#" are ignored.
// Errors begin with label and the line number, and contain no part of a key.
func Read(label string, r io.Reader) ([]Key, error) {
	var ring []Key
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
		case !ValidID(id):
			err = fmt.Errorf("a line is KEYID:BASE64, the id of at most %d letters, digits, - and _", MaxIDBytes)
		case err != nil:
			err = errors.New("the text after the colon is not base64; " + howTo)
		case len(secret) < minSecretBytes:
			err = fmt.Errorf("the key has %d bytes, and needs %d; %s", len(secret), minSecretBytes, howTo)
		case has(ring, id):
			err = fmt.Errorf("duplicate key id %s", id)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", label, number, err)
		}
		ring = append(ring, Key{id, secret})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", label, err)
	}
	if len(ring) == 0 {
		return nil, fmt.Errorf("%s:1: there is no key; %s", label, howTo)
	}
	return ring, nil
}

// Add returns data, the content of a file that may be empty, with a new random key as its
// first line, and the key's id. All other lines stay as they are. Errors are those of
// Read, unless data is empty.
func Add(label string, data []byte) (added []byte, id string, err error) {
	var ring []Key
	if len(bytes.TrimSpace(data)) > 0 {
		if ring, err = Read(label, bytes.NewReader(data)); err != nil {
			return nil, "", err
		}
	}
	for id = newID(); has(ring, id); {
		id = newID()
	}
	secret := make([]byte, minSecretBytes)
	rand.Read(secret)
	line := id + ":" + base64.StdEncoding.EncodeToString(secret) + "\n"
	return append([]byte(line), data...), id, nil
}

// newID returns an id that is not in use, almost certainly. It says nothing of its key.
func newID() string { return strings.ToLower(rand.Text()[:8]) }

func has(ring []Key, id string) bool {
	for i := range ring {
		if ring[i].ID == id {
			return true
		}
	}
	return false
}

// ValidID reports whether id can be the id of a key.
func ValidID(id string) bool {
	if id == "" || len(id) > MaxIDBytes {
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
