package catalog

import (
	"context"
	"iter"

	"github.com/google/uuid"
)

// A Source names the place where objects lie. Every row belongs to one, and a Catalog
// is that of one: rows of another are not there for it, whatever it is asked. Two
// Catalogs of one Source and one store share their rows.
//
// A Source has to be the same over restarts, and on every server that shares the place,
// and must not be that of any other place. It is kept in the store and shown to
// operators, so it holds no secret. It has 1 to 1024 bytes of UTF-8, without NUL. Package
// backends makes one for what it opens, see backends.Source.Label.
type Source string

// A Shared catalog is in a store that knows which sources have rows in it. The stores of
// packages sqlite and postgres do. Its methods beside those of Catalog are for operators,
// and not for what clients ask for.
type Shared interface {
	Catalog

	// Sources returns the sources that have rows, in order. Rows that a version before
	// sources wrote are of the Source "", which no Catalog is of.
	Sources(ctx context.Context) ([]Source, error)

	// Count returns how many rows a source has.
	Count(ctx context.Context, source Source) (int64, error)

	// AllOf is All for the rows of any source.
	AllOf(ctx context.Context, source Source) iter.Seq2[Record, error]

	// Take makes rows of another source the Catalog's own, and returns how many. An ID
	// of which there is no row of that source, or an own row, is left out.
	Take(ctx context.Context, from Source, ids []uuid.UUID) (int64, error)
}
