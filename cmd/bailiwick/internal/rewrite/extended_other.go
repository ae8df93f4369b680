//go:build unix && !linux

package rewrite

import "os"

// keepExtended does nothing: only owner, group and mode are kept on this system.
func keepExtended(_, _ *os.File) error { return nil }
