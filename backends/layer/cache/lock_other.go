//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package cache

import "os"

// lockDirectory locks nothing: only one process may use a directory here.
func lockDirectory(root *os.Root) (*os.File, error) { return root.Open(".") }

// isForeign knows no owners here.
func isForeign(os.FileInfo) bool { return false }
