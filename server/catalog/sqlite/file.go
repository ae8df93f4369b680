package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// applicationID is what the file's header says of whose it is: "Bail".
const applicationID = 0x4261696c

// What is known of a file's first bytes: https://www.sqlite.org/fileformat.html.
const (
	magic        = "SQLite format 3\x00"
	headerSize   = 100
	headerWhose  = 68 // four bytes, the most significant first
	anyonesOwn   = 0  // nobody said whose it is: SQLite itself is asked what it holds
	newFileMode  = 0o600
	newStoreMode = 0o700
)

// Errors of a file that is something else.
var (
	errNoDatabase = errors.New("it is no SQLite database: name a file that is not there yet, or a catalog")
	errForeign    = errors.New("it is the database of another application: name a file that is not there yet, or a catalog")
)

// findFile finds the file of a catalog, makes it if there is none, and returns
// its path without links: two names of one file must lead to one directory of
// instances.
func findFile(path string) (string, error) {
	if path == "" {
		return "", errors.New("name a file")
	}
	if strings.ContainsRune(path, 0) {
		return "", errors.New("a path cannot have a NUL in it")
	}
	// SQLite has another meaning for this, and who writes it would get a file of that name.
	if path == ":memory:" {
		return "", errors.New("a catalog is a file, which outlives its server: name one")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, newFileMode)
	switch {
	case err == nil:
		if err := errors.Join(f.Sync(), f.Close(), syncDir(filepath.Dir(path))); err != nil {
			return "", err
		}
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("there is no directory %s: make it first", filepath.Dir(path))
	case !errors.Is(err, fs.ErrExist):
		return "", err
	}
	path, err = filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	return path, checkHeader(path)
}

// checkHeader looks at a file before SQLite does, which would recover or convert
// what it finds. Where the header does not say whose the file is, SQLite has to be
// asked, see (*db).migration.
func checkHeader(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	// Opening a FIFO would wait for a writer.
	if !info.Mode().IsRegular() {
		return errors.New("it is no regular file")
	}
	if info.Size() == 0 {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	header := make([]byte, headerSize)
	if _, err := io.ReadFull(f, header); err != nil || string(header[:len(magic)]) != magic {
		return errNoDatabase
	}
	if whose := binary.BigEndian.Uint32(header[headerWhose:]); whose != anyonesOwn && whose != applicationID {
		return errForeign
	}
	return nil
}

// dsn is the driver's name of the file. In a URI every byte of a path can be
// written so that neither the driver, which cuts at "?", nor SQLite, which decodes
// "%", takes it for anything else.
func dsn(path string, readOnly bool) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/…
	}
	q := url.Values{
		// Never make a file: that is done before, with a mode of our own.
		"mode": {"rw"},
		// An acknowledged change outlives a power cut; FULL also syncs each commit in
		// WAL mode. On macOS only fullfsync reaches the disk.
		"_synchronous": {"FULL"},
		"_pragma":      {"fullfsync(1)", "checkpoint_fullfsync(1)", fmt.Sprintf("wal_autocheckpoint(%d)", logPages)},
		"_txlock":      {"immediate"},
		// db.retry goes on after that, and heeds its context, as SQLite does not.
		"_busy_timeout": {fmt.Sprint(busyWait.Milliseconds())},
		"_defensive":    {"1"},
		"_dqs":          {"0"},
		"_error_rc":     {"1"},
	}
	if readOnly {
		q.Set("_query_only", "1")
	}
	return "file://" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}
