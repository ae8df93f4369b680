//go:build !unix

package ownfile

import (
	"io/fs"
	"os"
)

// An identity is the result of a stat.
type identity struct {
	dev, ino uint64
	changed  int64 // Unix time in nanoseconds, 0 if unknown
	info     fs.FileInfo
}

// Files have numbers on this system, too, but only os.SameFile can read them.
func idOf(info fs.FileInfo) ID { return ID{identity{info: info}} }

// same reports whether both identify the same file.
func (id ID) same(other ID) bool {
	return id.info != nil && other.info != nil && os.SameFile(id.info, other.info)
}

// An idSet is a set of files.
type idSet struct{ ids []ID }

func (s *idSet) add(id ID) {
	if id.info != nil {
		s.ids = append(s.ids, id)
	}
}

func (s *idSet) has(id ID) bool {
	for _, own := range s.ids {
		if own.same(id) {
			return true
		}
	}
	return false
}
