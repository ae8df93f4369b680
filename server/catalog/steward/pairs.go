package steward

import (
	"context"
	"iter"

	"github.com/bailiwick-fs/bailiwick/server/catalog"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A pair is what there is of one ID: a row, an object, or both.
type pair struct {
	row    *catalog.Record
	object *vfs.Finding
	// foreign: the object is alone and has a name that no upload has.
	foreign bool
}

// pairs yields rows and objects side by side, in order of the ID: the bytes of a UUID and
// of its text are in the same order. Each is read once, whatever their number. An error
// comes last.
func pairs(ctx context.Context, jail *vfs.Jail, rows iter.Seq2[catalog.Record, error]) iter.Seq2[pair, error] {
	return func(yield func(pair, error) bool) {
		next, stop := iter.Pull2(rows)
		defer stop()
		row, err, more := next()
		// before yields the rows without an object that come before a name, and reports
		// whether to go on.
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
		before("~") // behind every ID
	}
}
