package cli

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// RealPath returns path without links and from the root. Of a file that is not
// there its directory counts.
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
