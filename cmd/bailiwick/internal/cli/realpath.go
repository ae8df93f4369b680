package cli

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// RealPath returns the absolute path with all links resolved. If the file does not exist,
// only its directory is resolved.
func RealPath(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		real, err = filepath.EvalSymlinks(filepath.Dir(path))
		real = filepath.Join(real, filepath.Base(path))
	}
	if err != nil {
		return "", err
	}
	return filepath.Abs(real)
}
