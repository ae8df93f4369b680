package table

import "strings"

// A Dialect is how SQL that is written once reads in one of the stores.
// {schema}, {text}, {int64}, {bytes} and {strict} stand for its fields.
type Dialect struct {
	Schema string // what goes before the name of a table, its dot included
	Text   string // the type of text, which compares byte for byte
	Int64  string
	Bytes  string
	Strict string // what follows the columns of a table
	// Tables is a query for the number of tables that have the name $1.
	Tables string
}

// SQL returns a statement in the dialect.
func (d Dialect) SQL(s string) string {
	return strings.NewReplacer(
		"{schema}", d.Schema, "{text}", d.Text, "{int64}", d.Int64, "{bytes}", d.Bytes, "{strict}", d.Strict,
	).Replace(s)
}
