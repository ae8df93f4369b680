//go:build unix

package ownfile

import (
	"io/fs"
	"syscall"
)

// An identity is a file's device and inode numbers.
type identity struct {
	dev, ino uint64
	changed  int64 // Unix time in nanoseconds, 0 if unknown
}

func idOf(info fs.FileInfo) ID {
	if info == nil {
		return ID{}
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ID{}
	}
	return ID{identity{dev: uint64(st.Dev), ino: uint64(st.Ino), changed: changedOf(st)}}
}

// same reports whether both identify the same file.
func (id ID) same(other ID) bool {
	return id.ino != 0 && id.ino == other.ino && id.dev == other.dev
}

// An idSet is a set of files, keyed by their numbers.
type idSet struct{ ids map[inode]struct{} }

type inode struct{ dev, ino uint64 }

func (s *idSet) add(id ID) {
	if id.ino == 0 {
		return
	}
	if s.ids == nil {
		s.ids = map[inode]struct{}{}
	}
	s.ids[inode{id.dev, id.ino}] = struct{}{}
}

func (s *idSet) has(id ID) bool {
	_, ok := s.ids[inode{id.dev, id.ino}]
	return ok
}
