package links

import (
	"crypto/rand"
	"io"

	"github.com/bailiwick-fs/bailiwick/server/auth/internal/keyring"
)

// Keys is a key ring. The first key signs and all keys verify. To rotate, add a new key
// at the top, and remove the old one once its links have expired. A Keys is immutable
// and safe for concurrent use. The zero Keys and nil sign nothing and accept no link.
type Keys struct {
	ring []keyring.Key
	none [32]byte // compared with links by an unknown key
}

// LoadKeys reads a key ring from a file; see [ReadKeys].
func LoadKeys(file string) (*Keys, error) {
	ring, err := keyring.Load(file)
	if err != nil {
		return nil, err
	}
	return newKeys(ring), nil
}

// ReadKeys reads a key ring: lines of KEYID:BASE64. A key has at least 32 bytes, an id
// up to 64 letters, digits, "-" and "_". Empty lines and lines that begin with "#" are
// ignored. Errors begin with label and the line number, and contain no part of a key.
func ReadKeys(label string, r io.Reader) (*Keys, error) {
	ring, err := keyring.Read(label, r)
	if err != nil {
		return nil, err
	}
	return newKeys(ring), nil
}

// AddKey returns data, the content of a key file, with a new random key as its first line,
// and the new key's id. All other lines stay as they are, and data may be empty. The
// result is also a key file for package session. Errors are those of ReadKeys.
func AddKey(label string, data []byte) (added []byte, id string, err error) {
	return keyring.Add(label, data)
}

func newKeys(ring []keyring.Key) *Keys {
	k := &Keys{ring: ring}
	rand.Read(k.none[:])
	return k
}

func (k *Keys) empty() bool { return k == nil || len(k.ring) == 0 }
