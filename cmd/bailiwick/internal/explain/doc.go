// Package explain says what rules do to names: the verdict on one name, with its reason, and
// how many names of a source are exposed. The commands explain and scan print it, and the
// daemon at its start.
package explain
