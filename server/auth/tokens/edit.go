package tokens

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"

	"github.com/bailiwick-fs/bailiwick/server/auth/internal/userfile"
)

// New returns a random token of 256 bits, in hexadecimal.
func New() string {
	var secret [32]byte
	rand.Read(secret[:]) // never fails
	return hex.EncodeToString(secret[:])
}

// CheckName returns an error if a user cannot have this name in a file.
func CheckName(name string) error { return userfile.CheckName(name) }

// Add returns data, the content of a file, with a line for a token of the user called
// name, who may have others. The line has only the token's hash. All other lines stay as
// they are. Parse accepts the result, and path is used in errors as there.
func Add(path string, data []byte, name, token string) ([]byte, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	// An invalid last line would get an end, and its error another position.
	if _, err := Parse(path, data, Options{}); err != nil {
		return nil, err
	}
	digest := sha256.Sum256([]byte(token))
	edited := userfile.Append(data, name, hex.EncodeToString(digest[:]))
	if _, err := Parse(path, edited, Options{}); err != nil {
		return nil, err
	}
	return edited, nil
}
