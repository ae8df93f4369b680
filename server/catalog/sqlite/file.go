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

// checkPath says what is wrong with a path that is never that of a file.
func checkPath(path string) error {
	switch {
	case path == "":
		return errors.New("name a file")
	case strings.ContainsRune(path, 0):
		return errors.New("a path cannot have a NUL in it")
	case path == ":memory:":
		// SQLite has another meaning for this, and who writes it would get a file of that name.
		return errors.New("a catalog is a file, which outlives its server: name one")
	}
	return nil
}

// makeFile makes the file of a new catalog, which has to be durable before anything that
// it holds is.
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

// checkFile looks at a file that this process does not have open before SQLite does,
// which would recover or convert what it finds. Where the header does not say whose the
// file is, SQLite has to be asked, see (*db).migration.
func checkFile(path string, info os.FileInfo) error {
	// Opening a FIFO would wait for a writer.
	if !info.Mode().IsRegular() {
		return errors.New("it is no regular file")
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
	if whose := binary.BigEndian.Uint32(header[headerWhose:]); whose != anyonesOwn && whose != applicationID {
		return errForeign
	}
	return nil
}

// checkNames refuses a file that has several names. SQLite keeps the log beside the name
// by which it was opened, and whoever opens the file by another one does not see what
// stands in that log.
func checkNames(path string, info os.FileInfo) error {
	n, err := countNames(path, info)
	switch {
	case err != nil:
		return err
	case n > 1:
		return fmt.Errorf("it has %d names (hard links), beside each of which SQLite would keep a log of its own: remove the other names, or make them copies", n)
	}
	return checkMount(path)
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
