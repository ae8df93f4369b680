package session

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/bailiwick-fs/bailiwick/server/auth/internal/keyring"
)

// Keys is a key ring that seals values which a client stores, such as cookies. The first
// key seals and all keys open. To rotate, add a new key at the top, and remove the old one
// once what it sealed has expired; removing a key ends every session that it sealed.
// Servers that share a key ring open each other's values. A Keys is immutable and safe for
// concurrent use. The zero Keys and nil open nothing.
type Keys struct{ ring []key }

// A key is derived from a line of the file. Each use has its own: a file that is also the
// one of signed links must not make two ciphers share a secret.
type key struct {
	id   string
	aead cipher.AEAD
	mac  []byte // for fingerprints
}

// MaxSealedBytes limits what Open accepts. Browsers store cookies of up to 4,096 bytes,
// with their names and attributes.
const MaxSealedBytes = 3800

// LoadKeys reads a key ring from a file; see [ReadKeys].
func LoadKeys(file string) (*Keys, error) {
	ring, err := keyring.Load(file)
	if err != nil {
		return nil, err
	}
	return newKeys(ring)
}

// ReadKeys reads a key ring: lines of KEYID:BASE64, as links.AddKey makes them. A key has at
// least 32 bytes, an id up to 64 letters, digits, "-" and "_". Empty lines and lines that
// begin with "#" are ignored. Errors begin with label and the line number, and contain no
// part of a key.
func ReadKeys(label string, r io.Reader) (*Keys, error) {
	ring, err := keyring.Read(label, r)
	if err != nil {
		return nil, err
	}
	return newKeys(ring)
}

func newKeys(ring []keyring.Key) (*Keys, error) {
	k := &Keys{}
	for _, line := range ring {
		derived, err := hkdf.Key(sha256.New, line.Secret, nil, "bailiwick sealed values", chacha20poly1305.KeySize+sha256.Size)
		if err != nil {
			return nil, err
		}
		aead, err := chacha20poly1305.NewX(derived[:chacha20poly1305.KeySize])
		if err != nil {
			return nil, err
		}
		k.ring = append(k.ring, key{line.ID, aead, derived[chacha20poly1305.KeySize:]})
	}
	return k, nil
}

// Seal encrypts and authenticates value by XChaCha20-Poly1305 with the first key. The result
// holds letters, digits, "-", "_" and ".", and only Open with the same purpose accepts it. A
// purpose says what the value is for and, if that matters, which user it belongs to: no other
// handler may accept it. Seal panics if k has no key.
func (k *Keys) Seal(purpose string, value []byte) string {
	if k == nil || len(k.ring) == 0 {
		panic("session: Seal without a key; load one with LoadKeys or ReadKeys")
	}
	first := &k.ring[0]
	sealed := make([]byte, chacha20poly1305.NonceSizeX, chacha20poly1305.NonceSizeX+len(value)+chacha20poly1305.Overhead)
	// A nonce of 24 bytes may be random: no number of sessions makes a repetition likely.
	rand.Read(sealed)
	sealed = first.aead.Seal(sealed, sealed, value, first.associated(purpose))
	return first.id + "." + base64.RawURLEncoding.EncodeToString(sealed)
}

// Open returns the value that Seal sealed for this purpose, with any key of the ring. ok is
// false for everything else. It does not tell why: a client gets no hint from it. Open
// does not know when a value was sealed; what expires must hold its own time.
func (k *Keys) Open(purpose, sealed string) (value []byte, ok bool) {
	value, _, ok = k.open(purpose, sealed)
	return value, ok
}

// open is Open, and returns the key that sealed the value.
func (k *Keys) open(purpose, sealed string) (value []byte, by *key, ok bool) {
	if k == nil || len(sealed) > MaxSealedBytes {
		return nil, nil, false
	}
	id, text, found := strings.Cut(sealed, ".")
	if !found {
		return nil, nil, false
	}
	for i := range k.ring {
		if k.ring[i].id == id {
			by = &k.ring[i]
		}
	}
	if by == nil {
		return nil, nil, false
	}
	// Strict: a value has one spelling.
	data, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(data) < chacha20poly1305.NonceSizeX || strings.ContainsAny(text, "\r\n") {
		return nil, nil, false
	}
	nonce, data := data[:chacha20poly1305.NonceSizeX], data[chacha20poly1305.NonceSizeX:]
	value, err = by.aead.Open(nil, nonce, data, by.associated(purpose))
	return value, by, err == nil
}

// associated returns what a sealed value is bound to: its purpose, and the id of its key.
// Without the id, a value would also open under the id of another key with the same secret.
func (k *key) associated(purpose string) []byte {
	// An id has no zero byte, so no other pair has the same bytes.
	return []byte(k.id + "\x00" + purpose)
}
