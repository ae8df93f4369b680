package table

import "strings"

// A Dialect adapts SQL statements to a store. {schema}, {text}, {int64}, {bytes}, {strict}
// and {by_left} stand for its fields.
type Dialect struct {
	Schema string // the prefix of table names, including the dot
	Text   string // the type of text that compares byte for byte
	Int64  string
	Bytes  string
	Strict string // the option after the columns of a table
	// ByLeft makes a query on objects use the index objects_left, for a store whose
	// planner would read all rows instead.
	ByLeft string
	// Tables is a query for the number of tables with the name $1.
	Tables string
}

// SQL returns a statement in the dialect.
func (d Dialect) SQL(s string) string {
	return strings.NewReplacer(
		"{schema}", d.Schema, "{text}", d.Text, "{int64}", d.Int64, "{bytes}", d.Bytes, "{strict}", d.Strict, "{by_left}", d.ByLeft,
	).Replace(s)
}
