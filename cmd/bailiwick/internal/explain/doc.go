// Package explain evaluates names by rules: the verdict on one name with its reason, and the
// number of names in a source that are exposed. The commands explain and scan print both, and
// the daemon does at its start.
package explain
