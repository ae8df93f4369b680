package postgres

// OpenWith is Open with migrations other than its own.
var OpenWith = open
