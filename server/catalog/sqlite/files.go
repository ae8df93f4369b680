package sqlite

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// Suffixes of the files beside the database. The first three are SQLite's:
// https://www.sqlite.org/tempfiles.html.
const (
	suffixLog       = "-wal"
	suffixIndex     = "-shm"
	suffixJournal   = "-journal"
	suffixReserve   = "-reserve"
	suffixInstances = "-instances" // a directory
)

// Files returns the paths of everything that belongs to the catalog in the file path,
// whether it exists now or not: the file itself, SQLite's log with its index, its
// rollback journal, the reserve, and the directory of instances, which contains nothing
// else. The file comes first. The paths are absolute and, if path exists, free of
// symbolic links.
//
// A program that has the catalog open must not open any of these files itself, not even
// for reading: on Unix, closing any descriptor of a file releases the locks that the
// process holds on it, see [Open].
func Files(path string) []string {
	file, err := resolve(path)
	if err != nil {
		file = path
	}
	files := []string{file}
	for _, suffix := range []string{suffixLog, suffixIndex, suffixJournal, suffixReserve, suffixInstances} {
		files = append(files, file+suffix)
	}
	return files
}

// resolve returns the absolute path without symbolic links. If the file does not exist,
// its directory is resolved.
func resolve(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		real, err = filepath.EvalSymlinks(filepath.Dir(path))
		real = filepath.Join(real, filepath.Base(path))
	}
	if err != nil {
		return "", err
	}
	return real, nil
}
