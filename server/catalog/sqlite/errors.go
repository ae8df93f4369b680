package sqlite

import (
	"errors"
	"fmt"

	"modernc.org/sqlite" // also the driver
	lib "modernc.org/sqlite/lib"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// primary masks the bits of an error code that give its kind.
const primary = 0xff

func busy(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	kind := e.Code() & primary
	return kind == lib.SQLITE_BUSY || kind == lib.SQLITE_LOCKED
}

// classify wraps an SQLite error according to what the caller can do about it.
func classify(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() {
	case lib.SQLITE_IOERR_SHMSIZE: // no space for the log's index
		return fmt.Errorf("%w: %w", catalog.ErrFull, err)
	}
	switch e.Code() & primary {
	case lib.SQLITE_FULL:
		return fmt.Errorf("%w: %w", catalog.ErrFull, err)
	case lib.SQLITE_NOTADB:
		return errNoDatabase
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_IOERR, lib.SQLITE_CANTOPEN, lib.SQLITE_NOMEM, lib.SQLITE_INTERRUPT:
		return fmt.Errorf("%w: %w", catalog.ErrUnavailable, err)
	}
	return err
}
