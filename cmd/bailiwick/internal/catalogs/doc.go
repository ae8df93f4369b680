// Package catalogs opens the catalogs of uploads for the commands and for the daemon, and
// tells which sources their rows belong to. A row belongs to the source that has its object,
// and no mount shows the rows of another source.
package catalogs
