//go:build unix && !linux

package sqlite

// checkMount does nothing: only Linux can detect such a mount.
func checkMount(string) error { return nil }
