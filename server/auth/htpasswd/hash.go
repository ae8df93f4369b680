package htpasswd

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"
)

// Hash returns the bcrypt hash of a password, of DefaultCost. It refuses those
// that no log-in could present, and says why: empty, over MaxPasswordBytes, with
// control characters, not UTF-8.
func Hash(password string) (string, error) {
	switch {
	case password == "":
		return "", errors.New("the password is empty")
	case len(password) > MaxPasswordBytes:
		return "", fmt.Errorf("the password has %d bytes, and bcrypt looks at the first %d only: take a shorter one", len(password), MaxPasswordBytes)
	case !utf8.ValidString(password):
		return "", errors.New("the password is not UTF-8, which browsers send")
	case strings.ContainsFunc(password, unicode.IsControl):
		return "", errors.New("the password has a control character, which no client can send")
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), DefaultCost)
	return string(hash), err
}
