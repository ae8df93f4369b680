package table

import "strings"

// A Dialect adapts SQL statements to a store. {schema}, {text}, {int64}, {bytes} and
// {strict} stand for its fields.
type Dialect struct {
	Schema string // the prefix of table names, including the dot
	Text   string // the type of text that compares byte for byte
	Int64  string
	Bytes  string
	Strict string // the option after the columns of a table
	// Tables is a query for the number of tables with the name $1.
	Tables string
}

// SQL returns a statement in the dialect.
func (d Dialect) SQL(s string) string {
	return strings.NewReplacer(
		"{schema}", d.Schema, "{text}", d.Text, "{int64}", d.Int64, "{bytes}", d.Bytes, "{strict}", d.Strict,
	).Replace(s)
}
