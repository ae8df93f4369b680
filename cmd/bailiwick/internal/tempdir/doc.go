// Package tempdir gives the process a directory for temporary files of its own, so that it
// needs nothing else of the temporary directory that all programs share.
//
// The directory is locked (flock) for as long as the process lives, and contains a marker.
// The lock is how the next process recognizes what a killed one left behind: it works across
// PID namespaces, and no number is ever used again for another process. The lock also keeps
// systemd-tmpfiles from cleaning the directory.
package tempdir
