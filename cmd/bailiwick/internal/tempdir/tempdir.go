// Package tempdir gives the process a directory for temporary files of its own, so that it
// needs nothing else of the temporary directory that all programs share.
//
// The directory is locked (flock) for as long as the process lives, and contains a marker.
// The lock is how the next process recognizes what a killed one left behind: it works across
// PID namespaces, and no number is ever used again for another process. The lock also keeps
// systemd-tmpfiles from cleaning the directory.
package tempdir

import "os"

// A Dir is the temporary directory of this process. The zero Dir is none: the process uses
// the shared one.
type Dir struct {
	path    string
	shared  string            // the directory around it
	restore map[string]string // variables as they were; "" if unset
	root    *os.Root
	lock    *os.File
}

// Path returns the path of the directory, "" if there is none.
func (d *Dir) Path() string { return d.path }

// Shared returns the shared temporary directory, in which Path is; "" if there is none.
func (d *Dir) Shared() string { return d.shared }
