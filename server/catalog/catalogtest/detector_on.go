//go:build race

package catalogtest

// slow: the race detector makes SQLite, which is compiled to Go here, many times slower.
const slow = true
