package htpasswd

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"
)

// Hash returns the bcrypt hash of a password at DefaultCost. It refuses passwords that
// cannot be used to log in: empty, over MaxPasswordBytes, with control characters, or
// not UTF-8. The error gives the reason.
func Hash(password string) (string, error) {
	switch {
	case password == "":
		return "", errors.New("the password is empty")
	case len(password) > MaxPasswordBytes:
		return "", fmt.Errorf("the password has %d bytes, and bcrypt uses only the first %d: choose a shorter one", len(password), MaxPasswordBytes)
	case !utf8.ValidString(password):
		return "", errors.New("the password is not UTF-8, the encoding that browsers use")
	case strings.ContainsFunc(password, unicode.IsControl):
		return "", errors.New("the password has a control character, which no client can send")
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), DefaultCost)
	return string(hash), err
}
