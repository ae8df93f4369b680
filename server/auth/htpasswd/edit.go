package htpasswd

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/bailiwick-fs/bailiwick/server/auth/internal/userfile"
)

// CheckName returns an error if a user cannot have this name in a file.
func CheckName(name string) error { return userfile.CheckName(name) }

// Add returns data, the content of a file, with a line for a new user. hash is that of
// [Hash]. All other lines stay as they are. An error matches fs.ErrExist if the user
// exists. Parse accepts the result, and path is used in errors as there.
func Add(path string, data []byte, name, hash string) ([]byte, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	// A hash with a line end would be two lines.
	if _, err := checkHash(hash); err != nil {
		return nil, err
	}
	switch _, found, err := find(path, data, name); {
	case err != nil:
		return nil, err
	case found:
		return nil, fmt.Errorf("%s: the user exists: %w", path, fs.ErrExist)
	}
	return parsed(path, userfile.Append(data, name, hash))
}

// SetHash is like Add for a user who exists. An error matches fs.ErrNotExist if there is
// no such user.
func SetHash(path string, data []byte, name, hash string) ([]byte, error) {
	if _, err := checkHash(hash); err != nil {
		return nil, err
	}
	e, err := existing(path, data, name)
	if err != nil {
		return nil, err
	}
	return parsed(path, userfile.Replace(data, e, hash))
}

// Remove returns data without the line of a user. All other lines stay as they are. An
// error matches fs.ErrNotExist if there is no such user.
func Remove(path string, data []byte, name string) ([]byte, error) {
	e, err := existing(path, data, name)
	if err != nil {
		return nil, err
	}
	return parsed(path, userfile.Remove(data, e))
}

func existing(path string, data []byte, name string) (userfile.Entry, error) {
	e, found, err := find(path, data, name)
	if err == nil && !found {
		err = fmt.Errorf("%s: there is no such user: %w", path, fs.ErrNotExist)
	}
	return e, err
}

// find returns the entry of a user in data, all of which must be valid.
func find(path string, data []byte, name string) (e userfile.Entry, found bool, err error) {
	entries, err := userfile.Parse(path, data, nil)
	if err != nil {
		return e, false, err
	}
	if _, err := newUsers(path, entries, Options{}); err != nil {
		return e, false, err
	}
	i := slices.IndexFunc(entries, func(e userfile.Entry) bool { return e.Name == name })
	if i < 0 {
		return e, false, nil
	}
	return entries[i], true, nil
}

// parsed returns data if Parse accepts it.
func parsed(path string, data []byte) ([]byte, error) {
	if _, err := Parse(path, data, Options{}); err != nil {
		return nil, err
	}
	return data, nil
}
