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

// appID is the application ID in the file's header: "Bail".
const appID = 0x4261696c

// Parts of the file header: https://www.sqlite.org/fileformat.html.
const (
	magic        = "SQLite format 3\x00"
	headerSize   = 100
	headerAppID  = 68 // four bytes, big-endian
	noAppID      = 0  // no application ID: ask SQLite what the file contains
	newFileMode  = 0o600
	newStoreMode = 0o700
)

// Errors about files with other content.
var (
	errNoDatabase = errors.New("it is not an SQLite database: name a new file or a catalog")
	errForeign    = errors.New("it is a database of another application: name a new file or a catalog")
)

// checkPath refuses paths that cannot be a catalog's.
func checkPath(path string) error {
	switch {
	case path == "":
		return errors.New("name a file")
	case strings.ContainsRune(path, 0):
		return errors.New("a path cannot contain a NUL")
	case path == ":memory:":
		// SQLite gives this a special meaning, but here it would create a file of that name.
		return errors.New("a catalog must outlive the server: name a file")
	}
	return nil
}

// makeFile creates the file of a new catalog. It must be durable before its content is.
func makeFile(path string) (os.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, newFileMode)
	switch {
	case err == nil:
		if err := errors.Join(f.Sync(), f.Close(), syncDir(filepath.Dir(path))); err != nil {
			return nil, err
		}
	case !errors.Is(err, fs.ErrExist): // another process may have made it meanwhile
		return nil, err
	}
	return os.Stat(path)
}

// checkFile checks a file that this process does not have open. It must run before
// SQLite opens the file, which would recover or convert it. If the header has no
// application ID, SQLite has to be asked; see (*db).migration.
func checkFile(path string, info os.FileInfo) error {
	// Opening a FIFO would wait for a writer.
	if !info.Mode().IsRegular() {
		return errors.New("it is not a regular file")
	}
	if err := checkNames(path, info); err != nil || info.Size() == 0 {
		return err
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
	if id := binary.BigEndian.Uint32(header[headerAppID:]); id != noAppID && id != appID {
		return errForeign
	}
	return nil
}

// checkNames refuses a file with several names. SQLite keeps the log beside the name
// that it opened, and a process that opens the file by another name does not see the
// changes in that log.
func checkNames(path string, info os.FileInfo) error {
	n, err := countNames(path, info)
	switch {
	case err != nil:
		return err
	case n > 1:
		return fmt.Errorf("it has %d names (hard links), and SQLite would keep a separate log beside each: remove the other names, or replace them by copies", n)
	}
	return checkMount(path)
}

// dsn returns the driver's name of the file. In a URI, every byte of a path can be
// encoded so that neither the driver, which cuts at "?", nor SQLite, which decodes "%",
// misinterprets it.
func dsn(path string, readOnly bool) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/…
	}
	q := url.Values{
		// Never create the file: makeFile has done that, with our own mode.
		"mode": {"rw"},
		// An acknowledged change must survive a power failure: FULL also syncs each commit
		// in WAL mode, and on macOS only fullfsync reaches the disk.
		"_synchronous": {"FULL"},
		"_pragma":      {"fullfsync(1)", "checkpoint_fullfsync(1)", fmt.Sprintf("wal_autocheckpoint(%d)", logPages)},
		"_txlock":      {"immediate"},
		// db.retry waits longer and, unlike SQLite, respects its context.
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
