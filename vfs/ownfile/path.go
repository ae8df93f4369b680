package ownfile

import (
	"os"
	"path/filepath"
	"strings"
)

// Paths are not cleaned here: removing "dir/.." would be wrong if dir is a link.

// absolute returns path made absolute, or unchanged if there is no working directory.
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
// element. It ignores a separator at the end of the path.
func split(path string) (dir, elem string) {
	path = strings.TrimRightFunc(path, func(r rune) bool { return r < 0x80 && os.IsPathSeparator(uint8(r)) })
	dir, elem = filepath.Split(path)
	if dir == "" {
		dir = "." + string(os.PathSeparator)
	}
	return dir, elem
}

// elements returns the folded elements of a path.
func elements(path string) (elems []string) {
	for {
		dir, elem := split(path)
		if elem == "" || dir == path {
			return elems
		}
		elems, path = append(elems, fold(elem)), dir
	}
}
