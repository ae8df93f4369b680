package ownfile

import (
	"os"
	"path/filepath"
	"strings"
)

// Paths are not cleaned here: to take "dir/.." for nothing is wrong where dir is a
// link.

// absolute returns path from the root, or as it is if there is no working directory.
func absolute(path string) string {
	if path == "" || isAbsolute(path) {
		return path
	}
	dir, err := os.Getwd()
	if err != nil {
		return path
	}
	return dir + string(os.PathSeparator) + path
}

func isAbsolute(path string) bool { return filepath.IsAbs(path) }

// split returns the directory of a path, with a separator at its end, and the last
// element. A separator at the end of the path does not count.
func split(path string) (dir, elem string) {
	path = strings.TrimRightFunc(path, func(r rune) bool { return r < 0x80 && os.IsPathSeparator(uint8(r)) })
	dir, elem = filepath.Split(path)
	if dir == "" {
		dir = "." + string(os.PathSeparator)
	}
	return dir, elem
}
