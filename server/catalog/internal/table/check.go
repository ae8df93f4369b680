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

// Bounds of what a record may hold, in bytes.
const (
	maxName   = 1024
	maxSource = 1024
	maxOther  = 255
)

// CheckSource says what is wrong with the source of a Catalog. A store calls it before
// it opens anything: whoever forgot the source, or gave an empty one, would share its
// rows with all who did the same.
func CheckSource(source catalog.Source) error {
	if source == "" {
		return errors.New("catalog: name the source of the objects: a catalog without one would be that of all sources")
	}
	return checkText("source", string(source), maxSource)
}

// checkNew says what is wrong with a record that Begin was given. Both stores
// refuse the same, so that none has a name that the other could not take over.
func checkNew(rec catalog.Record) error {
	if rec.ID.Version() != 4 || rec.ID.Variant() != uuid.RFC4122 {
		return errors.New("catalog: an ID has to be a random UUID, of version 4")
	}
	// Times outside these years have no form in RFC 3339.
	if y := rec.Created.UTC().Year(); y < 1 || y > 9999 {
		return fmt.Errorf("catalog: the year %d is out of range", y)
	}
	return errors.Join(
		checkText("name", rec.Name, maxName),
		checkText("media type", rec.Type, maxOther),
		checkText("owner", rec.Owner, maxOther),
	)
}

// checkDone says what is wrong with a record that Commit was given.
func checkDone(rec catalog.Record) error {
	if rec.Size < 0 {
		return errors.New("catalog: a size below zero")
	}
	return checkText("media type", rec.Type, maxOther)
}

func checkText(what, s string, limit int) error {
	switch {
	case len(s) > limit:
		return fmt.Errorf("catalog: a %s of %d bytes, more than %d", what, len(s), limit)
	case !utf8.ValidString(s):
		return fmt.Errorf("catalog: a %s that is no valid UTF-8", what)
	case strings.ContainsRune(s, 0):
		return fmt.Errorf("catalog: a %s with a NUL", what)
	}
	return nil
}

// micros is a time as the table has it.
func micros(t time.Time) int64 { return t.UnixMicro() }

func fromMicros(n int64) time.Time { return time.UnixMicro(n).UTC() }
