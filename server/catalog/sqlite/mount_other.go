//go:build unix && !linux

package sqlite

// checkMount does nothing: only Linux can tell.
func checkMount(string) error { return nil }
