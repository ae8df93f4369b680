package sqlite

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// What lies beside the file, by what its path ends in. The first three are SQLite's:
// https://www.sqlite.org/tempfiles.html.
const (
	suffixLog       = "-wal"
	suffixIndex     = "-shm"
	suffixJournal   = "-journal"
	suffixReserve   = "-reserve"
	suffixInstances = "-instances" // a directory
)

// Files returns the paths of all that belongs to the catalog in the file path, whether
// it is there at the moment or not: the file itself, SQLite's log, the index of that and
// its rollback journal, the reserve, and the directory of instances, which holds nothing
// else. The file comes first. The paths are absolute and without symbolic links, as far
// as there is something at path.
//
// A program that has the catalog open must not open any of them by itself, not even to
// read: on Unix, closing any descriptor of a file ends the locks that the process has on
// it, see [Open].
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

// resolve returns path from the root and without links. Of a file that is not there,
// its directory counts.
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
