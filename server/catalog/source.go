package catalog

import (
	"context"
	"iter"

	"github.com/google/uuid"
)

// A Source identifies a location of objects. Every row belongs to one Source, and a
// Catalog has one: rows of other sources do not exist for it. Two Catalogs with the same
// Source and store share their rows.
//
// A Source must be the same after restarts and on every server that shares the location,
// and must differ from that of any other location. It is stored and shown to operators,
// so it must not contain a secret. It is 1 to 1024 bytes of UTF-8 without NUL. Package
// backends generates one for each location that it opens; see backends.Source.Label.
type Source string

// A Shared catalog is in a store that several sources may share, as the stores of
// packages sqlite and postgres are. The additional methods are for operators, not for
// requests of clients.
type Shared interface {
	Catalog

	// Sources returns the sources that have rows, in order. Rows from a version without
	// sources have the Source "", which no Catalog can have.
	Sources(ctx context.Context) ([]Source, error)

	// Count returns the number of rows of a source.
	Count(ctx context.Context, source Source) (int64, error)

	// AllOf is like All for any source.
	AllOf(ctx context.Context, source Source) iter.Seq2[Record, error]

	// Take transfers rows of another source to the Catalog's own source, and returns how
	// many. It skips an ID if that source has no such row or the Catalog already has one.
	Take(ctx context.Context, from Source, ids []uuid.UUID) (int64, error)
}
