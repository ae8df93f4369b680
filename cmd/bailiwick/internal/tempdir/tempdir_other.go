//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package tempdir

// A Dir is no directory on this system: the process uses the shared one.
type Dir struct{}

// Path returns "".
func (d *Dir) Path() string { return "" }

// Shared returns "".
func (d *Dir) Shared() string { return "" }

// Make returns the zero Dir: without a lock, nothing would tell the directory of a process
// that runs from that of one that was killed.
func Make() (*Dir, error) { return new(Dir), nil }

// Remove does nothing.
func (d *Dir) Remove() error { return nil }
