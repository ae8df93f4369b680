package table

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
)

// Limits of the texts in a record, in bytes.
const (
	maxName   = 1024
	maxSource = 1024
	maxOther  = 255
)

// CheckSource validates the source of a Catalog. A store calls it before it opens
// anything: otherwise all programs that forget the source or give an empty one would
// share their rows.
func CheckSource(source catalog.Source) error {
	if source == "" {
		return errors.New("catalog: the source of the objects is missing: catalogs without one would share their rows")
	}
	return checkText("source", string(source), maxSource)
}

// checkNew validates a record for Begin. Both stores have the same limits, so that every
// record can be moved to the other store.
func checkNew(rec catalog.Record) error {
	return errors.Join(
		checkID(rec.ID),
		checkTime(rec.Created),
		checkText("name", rec.Name, maxName),
		checkText("media type", rec.Type, maxOther),
		checkText("owner", rec.Owner, maxOther),
	)
}

// checkDone validates a record for Commit.
func checkDone(rec catalog.Record) error {
	if rec.Size < 0 {
		return errors.New("catalog: negative size")
	}
	return checkText("media type", rec.Type, maxOther)
}

func checkID(id uuid.UUID) error {
	if id.Version() != 4 || id.Variant() != uuid.RFC4122 {
		return errors.New("catalog: an ID must be a random UUID (version 4)")
	}
	return nil
}

// checkTime refuses times that cannot be written in RFC 3339.
func checkTime(t time.Time) error {
	if y := t.UTC().Year(); y < 1 || y > 9999 {
		return fmt.Errorf("catalog: the year %d is out of range", y)
	}
	return nil
}

func checkText(what, s string, limit int) error {
	switch {
	case len(s) > limit:
		return fmt.Errorf("catalog: the %s has %d bytes, more than %d", what, len(s), limit)
	case !utf8.ValidString(s):
		return fmt.Errorf("catalog: the %s is not valid UTF-8", what)
	case strings.ContainsRune(s, 0):
		return fmt.Errorf("catalog: the %s contains a NUL", what)
	}
	return nil
}

// micros converts a time to the table's format.
func micros(t time.Time) int64 { return t.UnixMicro() }

func fromMicros(n int64) time.Time { return time.UnixMicro(n).UTC() }
