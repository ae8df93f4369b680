//go:build race

package catalogtest

// slow: the race detector makes SQLite, which is Go here, many times slower.
const slow = true
