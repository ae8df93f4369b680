package reconcile

import (
	"context"
	"iter"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A pair is the row of an ID, its object, or both.
type pair struct {
	row    *catalog.Record
	object *vfs.Finding
	// foreign: there is no row, and the object's name is not that of an upload.
	foreign bool
}

// pairs merges rows and objects by ID. A UUID and its text sort the same way, so both
// sequences are read once and in order, whatever their number. An error comes last.
func pairs(ctx context.Context, jail *vfs.Jail, rows iter.Seq2[catalog.Record, error]) iter.Seq2[pair, error] {
	return func(yield func(pair, error) bool) {
		next, stop := iter.Pull2(rows)
		defer stop()
		row, err, more := next()
		// before yields the rows without an object up to name, and reports whether to
		// continue.
		before := func(name string) bool {
			for ; more && err == nil && row.ID.String() < name; row, err, more = next() {
				if !yield(pair{row: &row}, nil) {
					return false
				}
			}
			if err != nil {
				yield(pair{}, err)
			}
			return err == nil
		}
		for object, scanErr := range jail.Scan(ctx) {
			if scanErr != nil {
				yield(pair{}, scanErr)
				return
			}
			id, ok := catalog.ObjectID(object.Path)
			if !ok || !object.Allowed {
				if !yield(pair{object: &object, foreign: true}, nil) {
					return
				}
				continue
			}
			if !before(object.Path) {
				return
			}
			p := pair{object: &object}
			if more && row.ID == id {
				own := row
				p.row = &own
				row, err, more = next()
			}
			if !yield(p, nil) {
				return
			}
		}
		before("~") // sorts after every ID
	}
}
