//go:build !windows

package filestore

import "io/fs"

// HostHolds is driver.HostHolds. On other systems than Windows, every Name names one file.
func HostHolds(string) bool { return true }

// IsAlias reports whether st describes a file of the host that can have another name than
// this one, by which it was found.
func IsAlias(string, fs.FileInfo) bool { return false }
